import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

/// Goal: what was in memory at a close is in memory soon after the next opening, and nothing that can be in the file or
/// happen to it harms a database.
///
/// Method: engines over disks in memory, closed and opened; dumps made by hand; failing writes, and every power cut
/// while a dump is written.
@Suite struct PoolDumpTests {
    private static let dumpPath = "/db/" + PoolDump.fileName

    /// A disk with a keyspace of about 160 pages, closed without a dump.
    private func disk(rows: Int = 1200) throws -> SimulatedStorage {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage)
        _ = try engine.createKeyspace("k")
        let tree = engine.tree(try engine.keyspace("k"))
        for row in 0..<rows {
            _ = try unsafe Array("row \(row)".utf8).withUnsafeBytes { key in
                try unsafe [UInt8](repeating: 7, count: 1900).withUnsafeBytes { try unsafe tree.put(key, $0) }
            }
        }
        try engine.close()
        #expect(try !storage.exists(Self.dumpPath), "without threads there is no dump")
        storage.stopRecording()
        return storage
    }

    private func open(
        _ storage: SimulatedStorage,
        _ change: (inout Configuration) -> Void = { _ in }
    ) throws -> Engine {
        try EngineFixture.open(storage, threads: true) {
            $0.bufferPool.dumpPercent = 100
            change(&$0)
        }
    }

    private func waitForLoad(_ engine: Engine) -> PoolLoadStatus {
        _ = spin(within: 60) { engine.poolLoadStatus.phase != .loading }
        return engine.poolLoadStatus
    }

    /// Writes a dump by hand, with a right checksum.
    private func write(_ pages: [PageID], _ storage: SimulatedStorage, _ engine: Engine) throws {
        try PoolDump.write(PoolDump.encode(pages, engine.kernel.database), storage: storage, directory: "/db")
    }

    @Test func `pages in memory at a close are there after opening, without a miss`() throws {
        let storage = try disk()
        let first = try open(storage)
        #expect(waitForLoad(first).phase == .ignored && first.poolLoadStatus.message.contains("no pool.dump"))
        #expect(first.kernel.pool.statistics[.poolLoadsIgnored] == 1)
        for row in 0..<600 { _ = try first.get("k", "row \(row)") }
        try first.close()
        #expect(try storage.exists(Self.dumpPath) && !storage.exists("/db/" + PoolDump.unfinishedName))

        let second = try open(storage)
        let status = waitForLoad(second)
        #expect(status.phase == .finished && status.visitedPageCount == status.pageCount)
        // A few pages were in memory before, because opening needs them.
        #expect(status.loadedPageCount > 60 && status.loadedPageCount + 20 > status.pageCount, "\(status)")
        #expect(second.kernel.pool.statistics[.poolPagesLoaded] == UInt64(status.loadedPageCount))
        let misses = second.kernel.pool.statistics[.misses]
        for row in 0..<600 { _ = try second.get("k", "row \(row)") }
        #expect(second.kernel.pool.statistics[.misses] == misses)
        let loaded = try #require(
            second.kernel.pool.peek(PageID(space: try second.keyspace("k").id, number: PageNumber(rawValue: 5)))
        )
        #expect(loaded.has(FrameFlags.old))
        try second.close()
    }

    @Test func `a dump names the most recently used pages of each list`() throws {
        let engine = try open(try disk()) { $0.bufferPool.dumpPercent = 25 }
        for row in 0..<800 { _ = try engine.get("k", "row \(row)") }
        let instance = engine.kernel.pool.instances[0]
        let all = instance.mostRecentPages(count: .max / 2)
        #expect(all.count == instance.pageCount && all.count > 60)
        #expect(engine.kernel.pool.frame(instance.lru.head).pageID == all.first)
        #expect(try engine.dumpPool() == instance.pageCount / 4)
        let dump = try PoolDump.read(
            storage: engine.storage,
            directory: "/db",
            database: engine.kernel.database,
            maximum: 10_000
        )
        #expect(dump.pages == all.prefix(all.count / 4).sorted())
        try engine.close()
    }

    @Test func `pages that are not there are passed over`() throws {
        let storage = try disk()
        let first = try open(storage) { $0.bufferPool.dumpsAtClose = false }
        let space = try first.keyspace("k").id
        let size = try first.keyspace("k").pageCount
        var pages = (size..<size + 50).map { PageID(space: space, number: PageNumber(rawValue: $0)) }
        pages += ([.max - 1, 1 << 31, 1 << 20] as [UInt32]).map {
            PageID(space: space, number: PageNumber(rawValue: $0))
        }
        pages += ([2, 999, .max] as [UInt32]).map {
            PageID(space: SpaceID(rawValue: $0), number: PageNumber(rawValue: 3))
        }
        try write(pages, storage, first)
        try first.close()
        let second = try open(storage)
        let status = waitForLoad(second)
        #expect(status.phase == .finished && status.loadedPageCount == 0 && status.visitedPageCount == pages.count)
        #expect(try second.check() == [])
        try second.close()
    }

    @Test func `a damaged dump is ignored and counted`() throws {
        let storage = try disk()
        try open(storage).close()
        let whole = try #require(storage.image.bytes(of: Self.dumpPath))
        for count in [0, 1, 40, whole.count / 2, whole.count - 1] {
            var image = storage.image
            image.resize(Self.dumpPath, to: UInt64(count))
            let engine = try open(SimulatedStorage(image))
            #expect(waitForLoad(engine).phase == .ignored, "cut to \(count)")
            #expect(engine.kernel.pool.statistics[.poolLoadsIgnored] == 1)
            #expect(engine.kernel.pool.statistics[.poolPagesLoaded] == 0)
            try engine.close()
        }
    }

    @Test func `a load never evicts, and is held to the capacity while others work`() throws {
        let storage = try disk(rows: 4000)
        let first = try open(storage) { $0.bufferPool.dumpsAtClose = false }
        let space = try first.keyspace("k").id
        let size = try first.keyspace("k").pageCount
        try write((0..<size).map { PageID(space: space, number: PageNumber(rawValue: $0)) }, storage, first)
        try first.close()
        let second = try open(storage) {
            $0.bufferPool.loadsAtOpen = false
            $0.flushing.ioCapacity = 100
        }
        let pool = second.kernel.pool
        #expect(size > pool.frameCount && second.poolLoadStatus.phase == .none)
        let isOver = Atomic<Bool>(false)
        let puts = Atomic<Int>(0)
        let start = Scheduling.now()
        // The others are at work before the load begins: it looks at what they do while it loads.
        try onThreads(2, within: 60) { thread in
            if thread == 0 {
                while !isOver.load(ordering: .acquiring) {
                    try second.put("k", "row 1", [1])
                    puts.wrappingAdd(1, ordering: .relaxed)
                }
                return
            }
            while puts.load(ordering: .relaxed) < 10 { Scheduling.sleep(microseconds: 100) }
            try second.loadPool()
            while second.poolLoadStatus.phase == .loading { Scheduling.sleep(microseconds: 1000) }
            isOver.store(true, ordering: .releasing)
        }
        let seconds = Double(Scheduling.now().nanoseconds(since: start)) / 1e9
        let loaded = second.poolLoadStatus.loadedPageCount
        #expect(second.poolLoadStatus.phase == .finished)
        #expect(loaded > 100 && seconds > Double(loaded) / 100 - 2, "\(loaded) pages in \(seconds) s")
        #expect(pool.statistics[.evictions] == 0 && pool.freeCount > 0)
        try second.close()
    }

    @Test func `closing ends a load, and leaves the dump as it was`() throws {
        let storage = try disk()
        let first = try open(storage)
        for row in 0..<1200 { _ = try first.get("k", "row \(row)") }
        try first.close()
        // A load may end before the close comes; the one that is caught counts.
        var isCaught = false
        for _ in 0..<20 where !isCaught {
            let dump = storage.image.bytes(of: Self.dumpPath)
            let second = try open(storage) {
                $0.bufferPool.loadsAtOpen = false
                $0.flushing.ioCapacity = 100
            }
            try second.loadPool()
            let start = Scheduling.now()
            try second.close()
            #expect(Scheduling.now().nanoseconds(since: start) < 30_000_000_000)
            isCaught = second.poolLoadStatus.phase == .aborted
            #expect(isCaught || second.poolLoadStatus.phase == .finished)
            if isCaught { #expect(storage.image.bytes(of: Self.dumpPath) == dump) }
        }
        #expect(isCaught, "each of 20 loads ended before the close")
    }

    @Test(
        "a dump that cannot be written costs nothing but itself",
        arguments: [SimulatedFault.Operation.create, .extend, .sync, .entry, .syncDirectory]
    )
    func failingDump(_ operation: SimulatedFault.Operation) throws {
        let storage = try disk()
        let engine = try open(storage)
        _ = waitForLoad(engine)
        storage.inject(SimulatedFault(operation, role: .control))
        #expect(throws: RedoubtError.self) { try engine.dumpPool() }
        #expect(!engine.health.isFenced && engine.kernel.pool.statistics[.poolDumpsFailed] == 1)
        try engine.put("k", "row 1", [1])
        #expect(try engine.dumpPool() > 0)
        try engine.close()
        let again = try open(storage)
        #expect(waitForLoad(again).phase == .finished)
        #expect(try again.get("k", "row 1") == [1])
        try again.close()
    }

    @Test func `every power cut while a dump is written leaves a database that opens, warm or cold`() throws {
        let storage = SimulatedStorage()
        let engine = try EngineFixture.open(storage) { $0.bufferPool.dumpPercent = 100 }
        _ = try engine.createKeyspace("k")
        for row in 0..<2500 { try engine.put("k", "row \(row)", [UInt8](repeating: 1, count: 1900)) }
        try engine.flushing.checkpointNow()
        _ = try engine.dumpPool()
        try engine.put("k", "last", [1])
        var options = CrashExplorer.Options()
        options.firstEvent = storage.trace.count
        options.statesPerPoint = 10
        _ = try engine.dumpPool()
        #expect(FlushTrace(storage).breaches == [])
        let explorer = CrashExplorer(storage, options: options)
        let whole = try #require(storage.image.bytes(of: Self.dumpPath)).count
        // Before the rename nothing of the new dump can be found.
        #expect(whole > 3 * 512 && explorer.stateCount > 2)
        let report = explorer.judge(threadCount: 1) { state in
            let engine = try EngineFixture.open(state.storage, threads: true) { $0.bufferPool.dumpsAtClose = false }
            _ = spin(within: 60) { engine.poolLoadStatus.phase != .loading }
            let status = engine.poolLoadStatus
            // The old dump or the new one, whole: the rename is the only step between them.
            guard status.phase == .finished, status.pageCount > 30 else { throw Wrong(status: status) }
            guard try engine.get("k", "last") == [1], try engine.check().isEmpty else { throw Wrong(status: status) }
            try engine.close()
            return [0]
        }
        #expect(report.failures.isEmpty && report.isComplete, "\(report)")
        try engine.close()
    }

    private struct Wrong: Error {
        let status: PoolLoadStatus
    }
}
