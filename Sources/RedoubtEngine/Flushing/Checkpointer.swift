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
        let interval = flushing.kernel.configuration.redoLog.checkpointIntervalMilliseconds
        var isWanted = false
        while !flushing.isStopping {
            let ticket = log.checkpointNeeded.ticket
            do {
                try flushing.checkpoint()
            } catch {
                return
            }
            let checkpoint = log.checkpointLSN.rawValue
            let age = log.currentLSN.rawValue - checkpoint
            if isWanted || age > Self.comfortableAge(log.limits) {
                // What holds the checkpoint back is the older half of the changes: have it written. The relaxed window
                // comes off the bound again.
                let target = checkpoint + age / 2 + log.relaxedOrderWindow + 1
                flushing.requestFlush(below: LogSequenceNumber(rawValue: target))
                log.requestFlush(log.closedLSN)
            }
            if flushing.isStopping { return }
            let deadline = Scheduling.now().advanced(milliseconds: interval)
            // Only who finds no redo capacity signals, again and again until there is some.
            isWanted = log.checkpointNeeded.wait(ticket, deadline: deadline)
        }
    }

    /// The redo age that is not yet a reason to hurry: three quarters of what mini-transactions may fill.
    static func comfortableAge(_ limits: LogLimits) -> UInt64 {
        UInt64(max(0, min(limits.freeCheckCapacity, limits.syncFlushAge) / 4 * 3))
    }
}
