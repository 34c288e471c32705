import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtLog

/// Goal: redo that must be written only goes into the page cache, no more of it than needed, and whatever is promised
/// durable later is. Method: a disk that takes down the route of each write; kills and power cuts of a simulated one,
/// whose page cache is caught in the middle of writes.
@Suite(.timeLimit(.minutes(20))) struct CachedRedoTests {
    private func append(_ byteCount: Int, to log: RedoLog) -> LogRange {
        var group = LogFixture.group(1, byteCount: byteCount)
        let range = unsafe group.withUnsafeMutableBytes { unsafe log.append($0) }
        log.close(range)
        return range
    }

    @Test func `what is only written is cached: whole pages first, then the blocks that change`() throws {
        let storage = RoutedStorage()
        let log = try storage.openLog()
        _ = storage.takeWrites()
        var seen: [RoutedStorage.Write] = []
        for byteCount in [100, 100, 400, 100, 3000, 300] {
            try log.waitUntilWritten(append(byteCount, to: log).end)
            seen += storage.takeWrites()
        }
        let start = seen.first?.offset ?? 0
        let expected: [(UInt64, Int)] = [(0, 4096), (0, 512), (0, 1024), (512, 512), (512, 3584), (3584, 4608)]
        #expect(seen.allSatisfy { $0.isCached })
        #expect(seen.map { $0.offset - start } == expected.map { $0.0 }, "\(seen)")
        #expect(seen.map(\.byteCount) == expected.map { $0.1 }, "\(seen)")
        #expect(log.flushedLSN == .firstUser)
        log.stop()
    }

    @Test func `what a sync follows goes to the device, unless something cached is not durable yet`() throws {
        let storage = RoutedStorage()
        let log = try storage.openLog()
        _ = storage.takeWrites()
        try log.waitUntilFlushed(append(600, to: log).end)
        #expect(storage.takeWrites().map(\.isCached) == [false])
        try log.waitUntilWritten(append(600, to: log).end)
        _ = storage.takeWrites()
        try log.waitUntilWritten(append(600, to: log).end)
        try log.waitUntilFlushed(append(600, to: log).end)
        #expect(storage.takeWrites().map(\.isCached) == [true, true])
        let last = append(600, to: log)
        try log.waitUntilFlushed(last.end)
        #expect(storage.takeWrites().map(\.isCached) == [false])
        #expect(try LogFixture.scan(storage.disk.powerCut(.none)).end == last.end)
        log.stop()
    }

    @Test func `a block with durable redo is changed on the device, and the next one in the cache`() throws {
        let storage = RoutedStorage()
        let log = try storage.openLog()
        try log.waitUntilFlushed(append(100, to: log).end)
        _ = storage.takeWrites()
        try log.waitUntilWritten(append(100, to: log).end)
        #expect(storage.takeWrites().map(\.isCached) == [false])
        // Out of the block.
        try log.waitUntilWritten(append(400, to: log).end)
        #expect(storage.takeWrites().map(\.isCached) == [false])
        try log.waitUntilWritten(append(100, to: log).end)
        let writes = storage.takeWrites()
        #expect(writes.map(\.isCached) == [true])
        #expect(writes.first?.byteCount == 4096, "the page is not cached: it is written whole")
        log.stop()
    }

    @Test func `a sync that nobody waits for ends at a full block`() throws {
        let storage = RoutedStorage()
        let log = try storage.openLog()
        let first = append(700, to: log)
        try log.waitUntilWritten(first.end)
        log.sync(settledOnly: true)
        #expect(log.flushedLSN == .firstUser, "the block of the first group is not full")
        try log.waitUntilWritten(append(700, to: log).end)
        log.sync(settledOnly: true)
        #expect(log.flushedLSN == first.end)
        _ = storage.takeWrites()
        try log.waitUntilWritten(append(40, to: log).end)
        #expect(storage.takeWrites().map(\.isCached) == [true])
        log.stop()
    }

    @Test func `a sync does not begin in the middle of a write to the page cache`() throws {
        let storage = RoutedStorage()
        let log = try storage.openLog()
        let range = append(100, to: log)
        let state = Atomic<Int>(0)
        storage.withinCachedWrite.withLock {
            $0 = {
                state.store(1, ordering: .releasing)
                Scheduling.sleep(microseconds: 20_000)
                state.store(2, ordering: .releasing)
            }
        }
        try onThreads(2) { thread in
            if thread == 0 { return try log.waitUntilWritten(range.end) }
            #expect(spin { state.load(ordering: .acquiring) > 0 })
            log.sync()
            #expect(state.load(ordering: .acquiring) == 2)
        }
        storage.withinCachedWrite.withLock { $0 = nil }
        log.stop()
    }

    @Test(arguments: Configuration.RedoLog.Shape.allCases)
    func `a kill of the process keeps what was written`(shape: Configuration.RedoLog.Shape) throws {
        var configuration = LogFixture.smallest
        configuration.shape = shape
        configuration.capacity = .mebibytes(8)
        let fixture = try LogFixture(configuration, starts: true)
        let lost = Atomic<Int>(0)
        try onThreads(4) { thread in
            for index in 0..<60 {
                let number = UInt64(thread * 60 + index)
                let range = fixture.append(number, byteCount: 20 + Int(number % 900))
                try fixture.log.waitUntilWritten(range.end)
                guard index % 20 == 0 else { continue }
                let found = try LogFixture.scan(fixture.storage.killed())
                if !found.isIntact || !found.numbers.contains(number) { lost.wrappingAdd(1, ordering: .relaxed) }
            }
        }
        #expect(lost.load(ordering: .relaxed) == 0)
        fixture.log.stop()
    }

    @Test(
        arguments: Configuration.RedoLog.Shape.allCases,
        [SimulatedFault.Operation.write, SimulatedFault.Operation.sync]
    )
    func `a failed write or sync fences those who want redo written only`(
        shape: Configuration.RedoLog.Shape,
        operation: SimulatedFault.Operation
    ) throws {
        var configuration = LogFixture.smallest
        configuration.shape = shape
        let fixture = try LogFixture(configuration, starts: true)
        fixture.storage.inject(SimulatedFault(operation, role: .redo, skipping: 5))
        let fencedCount = Atomic<Int>(0)
        try onThreads(4) { thread in
            for number in 1..<10_000 {
                let range = fixture.append(UInt64(thread * 10_000 + number), byteCount: 100)
                do throws(RedoubtError) {
                    try fixture.log.waitUntilWritten(range.end)
                    if thread == 0 { try fixture.log.waitUntilFlushed(range.end) }
                } catch {
                    #expect(error.code == .fenced)
                    fencedCount.wrappingAdd(1, ordering: .relaxed)
                    return
                }
            }
        }
        #expect(fencedCount.load(ordering: .relaxed) == 4)
        let writes = fixture.storage.callCount(.write)
        let syncs = fixture.storage.callCount(.sync)
        fixture.append(1)
        #expect(throws: RedoubtError.self) { try fixture.log.waitUntilWritten(fixture.log.currentLSN) }
        fixture.log.stop()
        #expect(fixture.storage.callCount(.write) == writes && fixture.storage.callCount(.sync) == syncs)
    }

    @Test(arguments: Configuration.RedoLog.Shape.allCases)
    func `files change while some want redo written and others durable`(shape: Configuration.RedoLog.Shape) throws {
        var configuration = LogFixture.smallest
        configuration.shape = shape
        let fixture = try LogFixture(configuration, starts: true)
        let log = fixture.log
        try onThreads(4) { thread in
            for index in 0..<75 {
                let range = fixture.append(UInt64(thread * 75 + index), byteCount: 20 + index * 1009 % 8000)
                if (thread + index) % 3 == 0 {
                    try log.waitUntilFlushed(range.end)
                } else {
                    try log.waitUntilWritten(range.end)
                }
            }
        }
        try log.waitUntilFlushed(log.currentLSN)
        #expect(log.files.activeFiles.count >= 3)
        let found = try LogFixture.scan(fixture.storage.powerCut(.none))
        #expect(found.isIntact && found.numbers.sorted() == Array(0..<300))
        log.stop()
    }

    @Test func `power cuts keep what is durable, whatever of the page cache was caught`() throws {
        for seed in UInt64(1)...6 {
            for (end, disk) in try SimulatedScheduler(seed: seed).run({ Result { try Self.cut(seed) } }).get() {
                let found = try LogFixture.scan(disk, checksContent: false).end
                #expect(found >= end, "seed \(seed)")
            }
        }
    }

    /// Lets one thread write and one sync, and returns what cuts of the power left, with what was durable.
    private static func cut(_ seed: UInt64) throws -> [(LogSequenceNumber, SimulatedStorage)] {
        let fixture = try LogFixture(LogFixture.smallest, starts: true)
        let thread = try Scheduling.start("written") {
            for number: UInt64 in 0..<60 {
                try? fixture.log.waitUntilWritten(fixture.append(number, byteCount: 40).end)
            }
        }
        var left: [(LogSequenceNumber, SimulatedStorage)] = []
        for index in UInt64(0)..<6 {
            let range = fixture.append(index, byteCount: 60)
            try fixture.log.waitUntilFlushed(range.end)
            for draw in UInt64(0)..<6 {
                let number = seed << 16 | index << 8 | draw
                let cut = PowerCut(draw % 2 == 0 ? .seeded(number) : .mixed(number))
                left.append((range.end, fixture.storage.powerCut(cut)))
            }
        }
        Scheduling.join(thread)
        fixture.log.stop()
        return left
    }

    @Test func `who wants redo to be durable was kept waiting by those who want it written`() throws {
        for seed in UInt64(1)...4 {
            let added = try SimulatedScheduler(seed: seed).run { () -> Result<UInt64, any Error> in
                Result {
                    var configuration = LogFixture.smallest
                    configuration.capacity = .mebibytes(64)
                    configuration.shape = .selfWriting
                    let fixture = try LogFixture(configuration, starts: true)
                    let log = fixture.log
                    let isOver = Atomic<Bool>(false)
                    let thread = try Scheduling.start("writes") {
                        for _ in 0..<10_000 where !isOver.load(ordering: .acquiring) {
                            let range = fixture.append(1, byteCount: 400)
                            #expect(throws: Never.self) { try log.waitUntilWritten(range.end) }
                        }
                    }
                    Scheduling.sleep(microseconds: 100)
                    let range = fixture.append(2, byteCount: 400)
                    try log.waitUntilFlushed(range.end)
                    let added = log.currentLSN.rawValue - range.end.rawValue
                    isOver.store(true, ordering: .releasing)
                    Scheduling.join(thread)
                    log.stop()
                    return added
                }
            }.get()
            #expect(added < 1 << 20, "seed \(seed): \(added) bytes were written meanwhile")
        }
    }
}
