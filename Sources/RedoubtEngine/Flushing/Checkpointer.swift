import RedoubtCore
import RedoubtLog
import RedoubtSystem

/// The thread that writes checkpoints: every interval, and at once when redo capacity is wanted.
struct Checkpointer {
    private let flushing: Flushing

    init(_ flushing: Flushing) {
        self.flushing = flushing
    }

    /// Works until flushing stops or the engine is fenced.
    ///
    /// Waits.
    func run() {
        let log = flushing.kernel.log
        var isWanted = false
        while !flushing.isStopping {
            let ticket = log.checkpointNeeded.ticket
            _ = flushing.takeCheckpointRequest()
            let before = log.checkpointLSN.rawValue
            do throws(RedoubtError) {
                try flushing.checkpoint()
            } catch {
                if error.code != .diskFull { return }
                // There may be space for it the next time.
                Scheduling.sleep(microseconds: 100_000)
            }
            let last = Scheduling.now()
            let checkpoint = log.checkpointLSN.rawValue
            if isWanted && checkpoint - before < UInt64(log.limits.freeCheckCapacity) / 64 {
                // What holds the checkpoint back are the oldest changes: have a part of them written. The relaxed
                // window comes off the bound again.
                let age = log.currentLSN.rawValue - checkpoint
                let target = checkpoint + age / Self.part + log.relaxedOrderWindow + 1
                flushing.requestFlush(below: LogSequenceNumber(rawValue: target))
                log.requestFlush(log.closedLSN)
            }
            if flushing.isStopping { return }
            // The page cleaner signals when it has written; anybody else wants redo capacity, and signals again and
            // again until there is some.
            let isSignalled = waitForNext(after: last, ticket)
            isWanted = isSignalled && !flushing.takeCheckpointRequest()
        }
    }

    /// The share of the age that is written when redo capacity is wanted: one in so many.
    private static var part: UInt64 { 4 }
    /// Waits until the next checkpoint is due; returns true if somebody signals before.
    private func waitForNext(after last: EngineInstant, _ ticket: UInt32) -> Bool {
        let needed = flushing.kernel.log.checkpointNeeded
        while !flushing.isStopping {
            let interval = flushing.kernel.configuration.redoLog.checkpointIntervalMilliseconds
            let now = Scheduling.now()
            let due = last.advanced(milliseconds: interval)
            guard now < due else { return false }
            // Now and then, because the interval may be changed.
            if needed.wait(ticket, deadline: min(due, now.advanced(milliseconds: 1000))) { return true }
        }
        return false
    }
}
