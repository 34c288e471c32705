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
    let pool: BufferPool
    /// The writer of calls and of the page cleaner's coordinator.
    let writer: PageWriter
    /// The slots of the page cleaner.
    let table: CleanerTable
    /// What was done and why.
    let statistics = FlushingStatistics()
    /// Signalled when batches were written, for those who wait for a checkpoint to move.
    let progress = Event()
    let checkpointLock = EngineLock()

    private let stopping = Atomic<Bool>(false)
    private let running = Atomic<Bool>(false)
    private let threads = Mutex<[EngineThread]>([])
    // By number; a writer enters before it writes and stays to the end, so that the checkpoint bound sees all.
    private let writers: Mutex<[Int: PageWriter]>
    // Pages older than these must be written at once: because redo is wanted, and because somebody called for it.
    private let urgent = Atomic<UInt64>(0)
    private let called = Atomic<UInt64>(0)
    private let closing = Atomic<Bool>(false)
    private let liveThreads = Atomic<Int>(0)

    /// Prepares flushing for `kernel`, with its doublewrite file.
    ///
    /// Repair must be done before.
    init(_ kernel: Kernel) throws(RedoubtError) {
        self.kernel = kernel
        pool = kernel.pool
        table = CleanerTable(count: kernel.pool.instances.count)
        try PageWriter.removeLeftovers(kernel)
        let writer = try PageWriter(kernel, number: 0)
        self.writer = writer
        writers = Mutex([0: writer])
        // A simulated or stopped engine has no cleaner: whoever needs a frame makes room himself.
        if !breaks(.recoveryMakesNoRoom) { enableInlineRoom() }
    }

    /// The options as they are now; read anew for each decision.
    var options: Configuration.Flushing { kernel.configuration.flushing }

    /// Whether the threads shall end.
    var isStopping: Bool { stopping.load(ordering: .acquiring) }
    /// Whether there are threads.
    var isRunning: Bool { running.load(ordering: .acquiring) }
    /// Whether the database is being closed.
    var isClosing: Bool { closing.load(ordering: .acquiring) }

    // MARK: Threads

    /// The threads that serve slots, the coordinator included.
    ///
    /// InnoDB: `innodb_page_cleaners`, at most the instances.
    var cleanerThreadCount: Int { min(kernel.configuration.flushing.cleanerThreads, pool.instances.count) }

    /// The threads that write and have not ended.
    var liveThreadCount: Int { liveThreads.load(ordering: .acquiring) }

    /// Starts a thread that writes.
    func startWriting(
        _ name: String,
        _ body: @escaping @Sendable () -> Void
    ) throws(RedoubtError) -> EngineThread {
        liveThreads.wrappingAdd(1, ordering: .acquiringAndReleasing)
        do throws(RedoubtError) {
            return try Scheduling.startBackground(name) {
                body()
                self.liveThreads.wrappingSubtract(1, ordering: .acquiringAndReleasing)
            }
        } catch {
            liveThreads.wrappingSubtract(1, ordering: .acquiringAndReleasing)
            throw error
        }
    }

    /// Starts the page cleaner with its workers, the checkpointer and the read-ahead thread.
    func start() throws(RedoubtError) {
        stopping.store(false, ordering: .releasing)
        var started: [EngineThread] = []
        do {
            let queue = try kernel.storage.makeQueue(depth: Int(BufferPool.areaPageCount))
            for number in 1..<max(1, cleanerThreadCount) {
                let worker = CleanerWorker(self, writer: try writer(number: number))
                started.append(try startWriting("cleaner \(number)") { worker.run() })
            }
            started.append(try startWriting("page cleaner") { PageCleaner.run(self) })
            started.append(try startWriting("checkpointer") { Checkpointer(self).run() })
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
        table.workWanted.signal()
        for instance in pool.instances { instance.roomWanted.signal() }
        kernel.log.checkpointNeeded.signal()
        let started = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in started { Scheduling.join(thread) }
        running.store(false, ordering: .releasing)
        enableInlineRoom()
    }

    /// Closes the doublewrite files; nothing is written afterwards.
    func close() {
        pool.setRoomMaker(nil)
        for writer in writers.withLock({ Array($0.values) }) { writer.close() }
    }

    /// The writer with `number`, which is made if there is none: each thread that writes has one of its own.
    ///
    /// For one thread at a time.
    func writer(number: Int) throws(RedoubtError) -> PageWriter {
        if let present = writers.withLock({ $0[number] }) { return present }
        let new = try PageWriter(kernel, number: number)
        writers.withLock { $0[number] = new }
        return new
    }

    /// The writers made so far, by number.
    var allWriters: [(key: Int, value: PageWriter)] {
        writers.withLock { $0.sorted { $0.key < $1.key } }
    }

    /// Divides `window`, the most writes to have in flight at once, among the threads that write flush lists, and once
    /// more among those that write LRU lists; nil is no limit.
    func setWriteWindow(_ window: Int?) {
        for (number, writer) in allWriters {
            let threads = number < cleanerThreadCount ? cleanerThreadCount : pool.instances.count
            writer.window = window.map { max(1, ($0 + threads - 1) / threads) } ?? .max
        }
    }

    /// Nothing older than this is being written by anybody; nil when nothing is.
    ///
    /// To be read after the flush lists.
    var inFlightMinimum: UInt64? {
        writers.withLock { $0.values.reduce(nil) { Self.least($0, $1.inFlightMinimum) } }
    }

    /// The smaller of two numbers, where nil is none.
    static func least(_ left: UInt64?, _ right: UInt64?) -> UInt64? {
        guard let left, let right else { return left ?? right }
        return min(left, right)
    }

    private func enableInlineRoom() {
        // What fails here fences the engine, or finds no space; the caller notices when it looks again.
        pool.setRoomMaker { [weak self] scarcity in
            guard let self else { return }
            switch scarcity {
            case .space: try? self.retryWrites()
            case .frames:
                try? self.retryWrites()
                for instance in self.pool.instances { _ = try? self.makeRoom(instance) }
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

    // MARK: Requests

    /// The LSN below which pages must be written at once, because redo is wanted.
    var urgentLSN: UInt64 { urgent.load(ordering: .acquiring) }

    /// Asks the page cleaner to write all pages older than `lsn` at once.
    ///
    /// Never waits: who asks may be many, and the cleaner may be writing.
    func requestFlush(below lsn: LogSequenceNumber) {
        if breaks(.requestsWaitForBatches) { _ = try? writer.drain() }
        Self.raise(urgent, to: lsn.rawValue)
        pool.cleanerNeeded.signal()
    }

    /// The LSN below which pages must be written because somebody waits for it; 0 for nobody.
    var calledLSN: UInt64 { called.load(ordering: .acquiring) }

    /// Asks for pages older than `lsn` to be written, by a caller that waits for ``progress``.
    func call(below lsn: LogSequenceNumber) {
        Self.raise(called, to: lsn.rawValue)
        pool.cleanerNeeded.signal()
    }

    /// Forgets the requests for pages below `lsn`, of which none is left to write, unless a greater one came.
    ///
    /// A page of a commit under way may still come: who waits asks again.
    func endRequests(below lsn: UInt64) {
        Self.lower(urgent, from: lsn)
        Self.lower(called, from: lsn)
        progress.signal()
    }

    /// Says that the database is being closed.
    func beginClosing() { closing.store(true, ordering: .releasing) }

    /// Wakes the checkpointer, because pages were written that held the checkpoint back.
    func askForCheckpoint() { kernel.log.checkpointNeeded.signal() }

    private static func lower(_ word: borrowing Atomic<UInt64>, from value: UInt64) {
        let seen = word.load(ordering: .relaxed)
        guard seen <= value && seen != 0 else { return }
        _ = word.compareExchange(expected: seen, desired: 0, ordering: .acquiringAndReleasing)
    }

    // Not Atomic.max, which compares unsigned numbers as signed ones in Swift 6.3.
    private static func raise(_ word: borrowing Atomic<UInt64>, to value: UInt64) {
        var seen = word.load(ordering: .relaxed)
        while seen < value {
            let exchange = word.compareExchange(expected: seen, desired: value, ordering: .acquiringAndReleasing)
            if exchange.exchanged { return }
            seen = exchange.original
        }
    }
}
