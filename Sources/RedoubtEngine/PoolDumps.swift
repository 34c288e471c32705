import RedoubtCore
import RedoubtLog
import RedoubtSystem
import Synchronization

/// Writes down which pages are in memory, and reads them again in the background.
final class PoolDumps: Sendable {
    private struct State: Sendable {
        var thread: EngineThread?
        var status = PoolLoadStatus()
    }

    private let kernel: Kernel
    private let state = Mutex(State())
    private let stopping = Atomic<Bool>(false)
    private let stopped = Event()
    // Held by whoever starts or joins the thread, and by whoever writes a dump.
    private let lock = EngineLock()

    /// The pages that are read at once.
    private static var batchPageCount: Int { 64 }
    /// The pages a second while `ioCapacity` is automatic.
    private static var automaticRate: Int { 2000 }

    init(_ kernel: Kernel) {
        self.kernel = kernel
    }

    /// How far the load has come.
    var status: PoolLoadStatus { state.withLock { $0.status } }

    /// Whether a load began that named more pages than it came to: what is in memory then is no measure of what is
    /// used.
    var isLoadIncomplete: Bool {
        let phase = status.phase
        return phase == .loading || phase == .aborted
    }

    // MARK: Dump

    /// Writes down the most recently used pages of each instance; returns how many.
    ///
    /// Waits for the file system; takes the LRU locks for short stretches.
    func dump() throws(RedoubtError) -> Int {
        lock.lock()
        defer { lock.unlock() }
        let pages = kernel.pool.recentlyUsedPages(percent: kernel.configuration.bufferPool.dumpPercent)
        do throws(RedoubtError) {
            try PoolDump.write(
                PoolDump.encode(pages, kernel.database),
                storage: kernel.storage,
                directory: kernel.directory
            )
        } catch {
            kernel.pool.statistics.add(.poolDumpsFailed)
            throw error
        }
        kernel.pool.statistics.add(.poolDumpsWritten)
        return pages.count
    }

    // MARK: Load

    /// Begins to read the pages that the last dump names, unless that is going on.
    func startLoad() throws(RedoubtError) {
        lock.lock(.poolDump, in: kernel.waits)
        defer { lock.unlock() }
        let finished = state.withLock { state -> (isLoading: Bool, thread: EngineThread?) in
            if state.status.phase == .loading { return (true, nil) }
            defer { state.thread = nil }
            return (false, state.thread)
        }
        if finished.isLoading || stopping.load(ordering: .acquiring) { return }
        if let thread = finished.thread { Scheduling.join(thread) }
        state.withLock {
            $0.status = PoolLoadStatus()
            $0.status.phase = .loading
        }
        do throws(RedoubtError) {
            let thread = try Scheduling.startBackground("pool load", isPreferred: false) { self.load() }
            state.withLock { $0.thread = thread }
        } catch {
            end(.ignored, error.message)
            throw error
        }
    }

    /// Ends a load that is going on; there is none afterwards.
    ///
    /// Waits for the reads under way.
    func stop() {
        stopping.store(true, ordering: .releasing)
        stopped.signal()
        lock.lock()
        defer { lock.unlock() }
        let thread = state.withLock { state in
            defer { state.thread = nil }
            return state.thread
        }
        if let thread { Scheduling.join(thread) }
    }

    private var isStopping: Bool { stopping.load(ordering: .acquiring) }

    private func end(_ phase: PoolLoadStatus.Phase, _ message: String = "") {
        if phase == .ignored { kernel.pool.statistics.add(.poolLoadsIgnored) }
        state.withLock {
            $0.status.phase = phase
            $0.status.message = message
        }
    }

    private func load() {
        let pages: [PageID]
        let queue: any StorageQueue
        do throws(RedoubtError) {
            let content = try PoolDump.read(
                storage: kernel.storage,
                directory: kernel.directory,
                database: kernel.database,
                maximum: Int(kernel.pool.frameCount)
            )
            if let fault = content.fault { return end(.ignored, fault) }
            pages = content.pages
            queue = try kernel.storage.makeQueue(depth: Self.batchPageCount)
        } catch {
            return end(.ignored, error.message)
        }
        state.withLock { $0.status.pageCount = pages.count }
        var pace = PoolLoadPace(kernel)
        var position = 0
        while position < pages.count {
            if isStopping { return end(.aborted) }
            let batch = pages[position..<min(position + Self.batchPageCount, pages.count)]
            position += batch.count
            let wanted = kernel.pool.loadablePages(batch)
            let arrived = wanted.isEmpty ? 0 : kernel.pool.readBatch(wanted, queue: queue, counter: .poolPagesLoaded)
            state.withLock {
                $0.status.visitedPageCount += batch.count
                $0.status.loadedPageCount += arrived
            }
            waitForTurn(&pace, pagesRead: wanted.count)
        }
        end(.finished)
    }

    private func waitForTurn(_ pace: inout PoolLoadPace, pagesRead: Int) {
        let rate = kernel.configuration.flushing.ioCapacity.pagesPerSecond ?? Self.automaticRate
        guard let end = pace.pause(after: pagesRead, rate: rate, kernel) else { return }
        while !isStopping && Scheduling.now() < end {
            let ticket = stopped.ticket
            if isStopping { return }
            stopped.wait(ticket, deadline: end)
        }
    }
}

/// Holds a load to `ioCapacity` pages a second while others work, and lets it run while they do not.
private struct PoolLoadPace {
    private var start: EngineInstant
    private var count = 0
    private var misses: UInt64
    private var end: LogSequenceNumber

    init(_ kernel: Kernel) {
        start = Scheduling.now()
        misses = kernel.pool.statistics[.misses]
        end = kernel.log.currentLSN
    }

    /// Counts pages read; returns until when to wait before the next ones.
    mutating func pause(after pages: Int, rate: Int, _ kernel: Kernel) -> EngineInstant? {
        count += pages
        guard count >= rate else { return nil }
        let second = start.advanced(milliseconds: 1000)
        let isBusy = kernel.pool.statistics[.misses] != misses || kernel.log.currentLSN != end
        let isEarly = Scheduling.now() < second
        self = PoolLoadPace(kernel)
        guard isBusy && isEarly else { return nil }
        start = second
        return second
    }
}
