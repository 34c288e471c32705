import RedoubtCore
import RedoubtLog
import RedoubtPolicy
import RedoubtSystem

extension Flushing {
    /// The position that recovery could start at now: every change below it is in the data files (or on its way into
    /// the kernel: the files are synced before the checkpoint is written).
    ///
    /// The order of the reads is what makes it right: a page enters a list before the log's closed position passes it,
    /// and the in-flight minimum of its writer is lowered before a page leaves its list.
    func checkpointBound() -> LogSequenceNumber {
        let log = kernel.log
        if breaks(.checkpointsPastDirtyPages) { return log.flushedLSN }
        let closed = log.closedLSN
        let dirty = oldestDirty()
        let inFlight = Scheduling.breaks(.forgetsInFlight) ? nil : inFlightMinimum
        return CheckpointBound(
            closed: closed,
            oldestDirty: dirty.map { LogSequenceNumber(rawValue: $0) },
            relaxedOrderWindow: log.relaxedOrderWindow,
            oldestInFlight: inFlight.map { LogSequenceNumber(rawValue: $0) },
            flushed: log.flushedLSN,
            last: log.checkpointLSN
        ).value
    }

    /// What stands at the tail of the flush lists, the least of all; a page may be older by the relaxed-order window.
    func oldestDirty() -> UInt64? {
        var oldest: UInt64?
        for instance in pool.instances { oldest = Self.least(oldest, instance.lowWater(window: 0)) }
        return oldest
    }

    /// Writes a checkpoint at the present bound if that is beyond the last one (or the close is to be marked clean).
    ///
    /// Waits. Returns whether one was written.
    ///
    /// - Throws: `.fenced`, also for the sync or write that fails; `.diskFull` if the checkpoint finds no space, which
    ///   may be tried again.
    @discardableResult
    func checkpoint(isCleanShutdown: Bool = false) throws(RedoubtError) -> Bool {
        checkpointLock.lock()
        defer { checkpointLock.unlock() }
        try kernel.health.check()
        let bound = min(checkpointBound(), kernel.log.checkpointMaximum)
        guard bound > kernel.log.checkpointLSN || isCleanShutdown else { return false }
        do {
            if !Scheduling.breaks(.skipsDataSync) { try kernel.files.syncWritten() }
            try kernel.log.writeCheckpoint(bound, isCleanShutdown: isCleanShutdown)
        } catch {
            if error.code == .fenced || error.code == .diskFull { throw error }
            pool.fence(error)
            throw kernel.health.fencedError()
        }
        pool.statistics.add(.checkpoints)
        kernel.events.post(.checkpointAdvanced(bound))
        return true
    }

    /// Writes all dirty pages and a checkpoint behind them.
    ///
    /// Waits; the caller holds no latch.
    ///
    /// - Throws: as ``flushAll()`` and ``checkpoint(isCleanShutdown:)``.
    func checkpointNow() throws(RedoubtError) {
        try kernel.log.waitUntilFlushed(kernel.log.currentLSN)
        try flushAll()
        try checkpoint()
    }

    /// Ends an orderly close: everything written, and a checkpoint that says so.
    ///
    /// No mini-transaction may be under way. All threads of the page cleaner take part in the writing.
    ///
    /// - Throws: as ``checkpointNow()``; the threads have ended then, and the next opening recovers.
    func shutDown() throws(RedoubtError) {
        beginClosing()
        do {
            try kernel.log.waitUntilFlushed(kernel.log.currentLSN)
            try flushAll()
        } catch {
            stop()
            throw error
        }
        stop()
        try flushAll()
        try checkpoint(isCleanShutdown: true)
        close()
    }
}
