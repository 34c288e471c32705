import RedoubtCore
import RedoubtLog
import RedoubtPolicy
import RedoubtSystem
import Synchronization

/// Writes dirty pages in the background, and moves the checkpoint behind them.
///
/// Until ``start()`` and after ``stop()`` everything can be done by calls, on the caller's thread.
final class Flushing: Sendable {
    let kernel: Kernel
    let writer: PageWriter
    let pool: BufferPool
    private let stopping = Atomic<Bool>(false)
    private let running = Atomic<Bool>(false)
    private let threads = Mutex<[EngineThread]>([])
    // Pages older than this must be written at once.
    private let urgent = Atomic<UInt64>(0)
    private let checkpointLock = EngineLock()
    /// Signalled when batches were written, for those who wait for a checkpoint to move.
    let progress = Event()

    /// Prepares flushing for `kernel`, with its doublewrite file.
    ///
    /// Repair must be done before.
    init(_ kernel: Kernel) throws(RedoubtError) {
        self.kernel = kernel
        pool = kernel.pool
        writer = try PageWriter(kernel, number: 0)
        // A simulated or stopped engine has no cleaner: whoever needs a frame makes room himself.
        enableInlineRoom()
    }

    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Starts the page cleaner, the checkpointer and the read-ahead thread.
    func start() throws(RedoubtError) {
        stopping.store(false, ordering: .releasing)
        var started: [EngineThread] = []
        do {
            let queue = try kernel.storage.makeQueue(depth: Int(BufferPool.areaPageCount))
            started.append(try Scheduling.startBackground("page cleaner") { PageCleaner(self).run() })
            started.append(try Scheduling.startBackground("checkpointer") { Checkpointer(self).run() })
            started.append(try Scheduling.startBackground("read-ahead") { [pool] in self.runReadAhead(pool, queue) })
        } catch {
            threads.withLock { $0 = started }
            stop()
            throw error
        }
        threads.withLock { $0 = started }
        pool.readAhead.setActive(true)
        pool.setRoomMaker(nil)
        running.store(true, ordering: .releasing)
    }

    /// Stops and joins the threads; dirty pages stay dirty.
    ///
    /// Waits for the writes under way.
    func stop() {
        stopping.store(true, ordering: .releasing)
        pool.readAhead.setActive(false)
        pool.cleanerNeeded.signal()
        kernel.log.checkpointNeeded.signal()
        let started = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in started { Scheduling.join(thread) }
        running.store(false, ordering: .releasing)
        enableInlineRoom()
    }

    /// Closes the doublewrite file; nothing is written afterwards.
    func close() {
        pool.setRoomMaker(nil)
        writer.close()
    }

    private func enableInlineRoom() {
        // What fails here fences the engine, which the caller notices when it looks again.
        pool.setRoomMaker { [weak self] scarcity in
            guard let self else { return }
            switch scarcity {
            case .frames: for instance in self.pool.instances { _ = try? self.makeRoom(instance) }
            case .redo: try? self.checkpointNow()
            }
        }
    }

    private func runReadAhead(_ pool: BufferPool, _ queue: any StorageQueue) {
        while !isStopping {
            let ticket = pool.readAhead.requested.ticket
            let pages = pool.readAhead.take(Int(BufferPool.areaPageCount))
            if pages.isEmpty {
                if isStopping { return }
                pool.readAhead.requested.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 1000))
            } else {
                pool.readBatch(pages, queue: queue)
            }
        }
    }

    // MARK: Flushing

    /// Writes dirty pages whose oldest change is below `limit`, oldest first, at most `count`.
    ///
    /// Waits.
    @discardableResult
    func flush(below limit: LogSequenceNumber, count: Int) throws(RedoubtError) -> PageWriter.Outcome {
        var chosen: [UInt32] = []
        let window = kernel.log.relaxedOrderWindow
        let share = max(1, (count + pool.instances.count - 1) / pool.instances.count)
        for instance in pool.instances {
            var oldest: [UInt32] = []
            instance.chooseOldest(limit: limit.rawValue, window: window, count: share, into: &oldest)
            pool.addNeighbours(to: &oldest, type: .list, budget: share)
            chosen += oldest
        }
        let outcome = try writer.write(chosen)
        if outcome.written > 0 { progress.signal() }
        return outcome
    }

    /// Writes every page that is dirty now.
    ///
    /// Waits; the caller holds no latch.
    ///
    /// - Throws: `.fenced`.
    func flushAll() throws(RedoubtError) {
        let target = kernel.log.currentLSN
        while true {
            try kernel.health.check()
            let outcome = try flush(below: target, count: 4 * writer.batchPages)
            if outcome.written + outcome.dropped > 0 { continue }
            if outcome.skipped == 0 && !hasDirty(below: target) && writer.inFlightMinimum == nil { return }
            Scheduling.sleep(microseconds: 500)
        }
    }

    private func hasDirty(below target: LogSequenceNumber) -> Bool {
        pool.instances.contains { $0.hasDirty(below: target.rawValue) }
    }

    /// Fills the free list of `instance` up to its target, from the tail of the LRU list on: clean pages leave, dirty
    /// ones are written and leave.
    ///
    /// Returns the frames made free. Waits.
    @discardableResult
    func makeRoom(_ instance: PoolInstance) throws(RedoubtError) -> Int {
        let before = instance.freeCount
        let wanted = instance.freeTarget - before
        guard wanted > 0 else { return 0 }
        var dirty: [UInt32] = []
        let freed = pool.sweep(instance, wanted: wanted, dirty: &dirty, dirtyMaximum: max(wanted, writer.batchPages))
        if freed > 0 { pool.framesFreed.signal() }
        if freed < wanted && !dirty.isEmpty {
            var chosen = Array(dirty.prefix(wanted - freed))
            pool.addNeighbours(to: &chosen, type: .lru, budget: wanted - freed)
            let outcome = try writer.write(chosen, evicts: true)
            if outcome.written > 0 { progress.signal() }
        }
        return instance.freeCount - before
    }

    /// The LSN below which pages must be written at once.
    var urgentLSN: LogSequenceNumber { LogSequenceNumber(rawValue: urgent.load(ordering: .acquiring)) }

    /// Asks the page cleaner to write all pages older than `lsn` at once.
    func requestFlush(below lsn: LogSequenceNumber) {
        urgent.max(lsn.rawValue, ordering: .acquiringAndReleasing)
        pool.cleanerNeeded.signal()
    }

    // MARK: Checkpoints

    /// The position that recovery could start at now: every change below it is in the data files (or on its way into
    /// the kernel: the files are synced before the checkpoint is written).
    ///
    /// The order of the reads is what makes it right: a page enters a list before the log's closed position passes it,
    /// and the in-flight minimum is lowered before a page leaves its list.
    func checkpointBound() -> LogSequenceNumber {
        let log = kernel.log
        let closed = log.closedLSN
        var oldest: UInt64?
        for instance in pool.instances {
            if let low = instance.lowWater(window: 0) { oldest = min(oldest ?? low, low) }
        }
        let inFlight = writer.inFlightMinimum
        return CheckpointBound(
            closed: closed,
            oldestDirty: oldest.map { LogSequenceNumber(rawValue: $0) },
            relaxedOrderWindow: log.relaxedOrderWindow,
            oldestInFlight: inFlight.map { LogSequenceNumber(rawValue: $0) },
            flushed: log.flushedLSN,
            last: log.checkpointLSN
        ).value
    }

    /// Writes a checkpoint at the present bound if that is beyond the last one (or the close is to be marked clean).
    ///
    /// Waits. Returns whether one was written.
    ///
    /// - Throws: `.fenced`, also for the sync or write that fails.
    @discardableResult
    func checkpoint(isCleanShutdown: Bool = false) throws(RedoubtError) -> Bool {
        checkpointLock.lock()
        defer { checkpointLock.unlock() }
        try kernel.health.check()
        let bound = checkpointBound()
        guard bound > kernel.log.checkpointLSN || isCleanShutdown else { return false }
        do {
            try kernel.files.syncWritten()
            try kernel.log.writeCheckpoint(bound, isCleanShutdown: isCleanShutdown)
        } catch {
            if error.code != .fenced { pool.fence(error) }
            throw error.code == .fenced ? error : kernel.health.fencedError()
        }
        pool.statistics.add(.checkpoints)
        kernel.events.post(.checkpointAdvanced(bound))
        return true
    }

    /// Writes all dirty pages and a checkpoint behind them.
    ///
    /// Waits; the caller holds no latch.
    func checkpointNow() throws(RedoubtError) {
        try kernel.log.waitUntilFlushed(kernel.log.currentLSN)
        try flushAll()
        try checkpoint()
    }

    /// Ends an orderly close: everything written, and a checkpoint that says so.
    ///
    /// No mini-transaction may be under way.
    func shutDown() throws(RedoubtError) {
        stop()
        try kernel.log.waitUntilFlushed(kernel.log.currentLSN)
        try flushAll()
        try checkpoint(isCleanShutdown: true)
        close()
    }
}
