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
        while !flushing.isStopping {
            let ticket = log.checkpointNeeded.ticket
            do {
                try flushing.checkpoint()
            } catch {
                return
            }
            let age = log.currentLSN.rawValue - log.checkpointLSN.rawValue
            if age > Self.comfortableAge(log.limits) {
                // What holds the checkpoint back is older than half the comfortable age: have it written.
                let target = log.currentLSN.rawValue - Self.comfortableAge(log.limits) / 2 + log.relaxedOrderWindow
                flushing.requestFlush(below: LogSequenceNumber(rawValue: target))
                log.requestFlush(log.closedLSN)
            }
            if flushing.isStopping { return }
            log.checkpointNeeded.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: interval))
        }
    }

    /// The redo age that is not yet a reason to hurry: three quarters of what mini-transactions may fill.
    static func comfortableAge(_ limits: LogLimits) -> UInt64 {
        UInt64(max(0, min(limits.freeCheckCapacity, limits.syncFlushAge) / 4 * 3))
    }
}
