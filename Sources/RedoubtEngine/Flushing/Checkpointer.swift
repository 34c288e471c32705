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
        let needed = flushing.kernel.log.checkpointNeeded
        while !flushing.isStopping {
            let ticket = needed.ticket
            do throws(RedoubtError) {
                try write()
            } catch {
                if error.code != .diskFull { return }
                // There may be space for it the next time.
                Scheduling.sleep(microseconds: 100_000)
            }
            let last = Scheduling.now()
            if flushing.isStopping { return }
            waitForNext(after: last, ticket)
        }
    }

    /// Writes a checkpoint; if redo capacity is wanted and that sets hardly any free, asks for pages to be written.
    ///
    /// Waits.
    ///
    /// - Throws: as ``Flushing/checkpoint(isCleanShutdown:)``.
    func write() throws(RedoubtError) {
        let log = flushing.kernel.log
        let before = log.checkpointLSN.rawValue
        // A checkpoint that finds no space sets none free either.
        defer { relieve(since: before) }
        try flushing.checkpoint()
    }

    /// Has the oldest changes written if they are what keeps a checkpoint from setting capacity free for those who want
    /// it; `before` is where the checkpoint stood.
    ///
    /// Whoever asked while a checkpoint set much free has that now, or asks again. Pages written for nothing would only
    /// have to be written once more.
    private func relieve(since before: UInt64) {
        let log = flushing.kernel.log
        let checkpoint = log.checkpointLSN.rawValue
        guard log.takeCapacityRequest(), checkpoint - before < UInt64(log.limits.freeCheckCapacity) / 64 else { return }
        let age = log.currentLSN.rawValue - checkpoint
        // The relaxed window comes off the bound again.
        let target = checkpoint + age / Self.part + log.relaxedOrderWindow + 1
        flushing.requestFlush(below: LogSequenceNumber(rawValue: target))
        log.requestFlush(log.closedLSN)
    }

    /// The share of the age that is written when redo capacity is wanted: one in so many.
    private static var part: UInt64 { 4 }

    /// Waits until the next checkpoint is due, or somebody signals: the page cleaner when it has written, or who wants
    /// redo capacity.
    private func waitForNext(after last: EngineInstant, _ ticket: UInt32) {
        let needed = flushing.kernel.log.checkpointNeeded
        while !flushing.isStopping {
            let interval = flushing.kernel.configuration.redoLog.checkpointIntervalMilliseconds
            let now = Scheduling.now()
            let due = last.advanced(milliseconds: interval)
            guard now < due else { return }
            // Now and then, because the interval may be changed.
            if needed.wait(ticket, deadline: min(due, now.advanced(milliseconds: 1000))) { return }
        }
    }
}
