import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

@testable import RedoubtEngine

/// Goal: the neighbours that the setting names are written with a page, counted in the batch, and pay on a disk with
/// heads, and only there.
///
/// Method: a pool of about 1700 frames with chosen dirty pages; then one workload under each setting, whose writes are
/// given to a modelled disk.
@Suite struct NeighbourTests {
    private static func configuration(_ neighbours: Configuration.Neighbours) -> Configuration {
        var configuration = PoolFixture.small
        configuration.memory = .mebibytes(32)
        configuration.flushing.neighbours = neighbours
        configuration.flushing.doublewrite = .off
        return configuration
    }

    /// A fixture whose LRU list is long enough for neighbours, and has old pages.
    private static func fixture(_ neighbours: Configuration.Neighbours) throws -> PoolFixture {
        let fixture = try PoolFixture(configuration(neighbours), pageCount: 1024)
        for number: UInt32 in 0..<1024 { _ = try fixture.value(page(number)) }
        return fixture
    }

    @Test(
        "A flush takes along what the setting names, within the batch's budget",
        arguments: [
            (Configuration.Neighbours.none, [UInt32(70)]),
            (.contiguous, [UInt32(69), 70, 71]),
            (.extent, [UInt32(64), 69, 70, 71, 127]),
        ]
    )
    func listFlush(_ neighbours: Configuration.Neighbours, _ expected: [UInt32]) throws {
        let fixture = try Self.fixture(neighbours)
        defer { fixture.close() }
        let oldest = try #require(try fixture.change(page(70), to: 1))
        for number: UInt32 in [63, 64, 69, 71, 127, 128] { try fixture.change(page(number), to: 1) }
        let outcome = try fixture.flushing.flush(below: oldest.end, count: 64)
        #expect(outcome.written == expected.count)
        for number in expected { #expect(try fixture.fileValue(page(number)) == 1) }
        #expect(fixture.pool.dirtyCount == 7 - expected.count)
        #expect(fixture.pool.statistics[.neighbourPages] == UInt64(expected.count - 1))
        #expect(fixture.pool.statistics[.neighbourBatches] == (expected.count > 1 ? 1 : 0))
    }

    @Test("Neighbours count: a batch writes no more pages than it was asked for")
    func budget() throws {
        let fixture = try Self.fixture(.extent)
        defer { fixture.close() }
        // The oldest page is the last of its extent: three neighbours before it fill the budget, and it goes as well.
        for number in (64..<128 as Range<UInt32>).reversed() { try fixture.change(page(number), to: 1) }
        for number: UInt32 in 192..<256 { try fixture.change(page(number), to: 1) }
        let outcome = try fixture.flushing.flush(below: fixture.log.currentLSN, count: 3)
        #expect(outcome.written == 4)
        for number: UInt32 in [64, 65, 66, 127] { #expect(try fixture.fileValue(page(number)) == 1) }
        try fixture.flushing.flushAll()
        #expect(fixture.pool.dirtyCount == 0)
    }

    @Test("For the LRU list only old neighbours go")
    func lruFlush() throws {
        let fixture = try Self.fixture(.extent)
        defer { fixture.close() }
        let pool = fixture.pool
        for number: UInt32 in 0..<64 { try fixture.change(page(number), to: 1) }
        // The first pages read are the oldest of all; one of them becomes young.
        let young = try #require(pool.peek(page(9)))
        pool.instances[0].lruLock.lock()
        pool.instances[0].makeYoungLocked(young)
        pool.instances[0].lruLock.unlock()
        let victim = try #require(pool.peek(page(20)))
        #expect(victim.has(FrameFlags.old) && !young.has(FrameFlags.old))
        var chosen = [victim.index]
        pool.addNeighbours(to: &chosen, type: .lru, budget: 200)
        #expect(chosen.map { pool.frame($0).pageID.number.rawValue } == (0..<64).filter { $0 != 9 })
        chosen = [victim.index]
        pool.addNeighbours(to: &chosen, type: .list, budget: 200)
        #expect(chosen.count == 64)
    }

    @Test("A page that somebody changes just now, or that is being written, is no neighbour")
    func busyNeighbours() throws {
        let fixture = try Self.fixture(.extent)
        defer { fixture.close() }
        let pool = fixture.pool
        for number: UInt32 in 0..<4 { try fixture.change(page(number), to: 1) }
        let latched = try pool.fetchExclusive(page(1))
        defer { latched.unlockExclusive() }
        let writing = try #require(pool.peek(page(2)))
        unsafe writing.state.pointee.ioState.store(FrameIOState.writing, ordering: .releasing)
        var chosen = [try #require(pool.peek(page(3))).index]
        pool.addNeighbours(to: &chosen, type: .list, budget: 200)
        #expect(chosen.map { pool.frame($0).pageID.number.rawValue } == [0, 3])
        unsafe writing.state.pointee.ioState.store(FrameIOState.none, ordering: .releasing)
    }

    @Test("On a disk with seek cost the whole extent wins, without it the page alone")
    func modelledDisk() throws {
        var times: [Configuration.Neighbours: (seeking: Double, flat: Double)] = [:]
        for neighbours in Configuration.Neighbours.allCases {
            let batches = try Self.writes(neighbours)
            let written = batches.reduce(0) { $0 + $1.count }
            times[neighbours] = (
                ModelledDisk(seekMilliseconds: 8).milliseconds(batches),
                ModelledDisk(seekMilliseconds: 0).milliseconds(batches)
            )
            print("neighbours \(neighbours): \(written) pages, \(times[neighbours].debugDescription) ms")
        }
        let none = try #require(times[.none])
        let contiguous = try #require(times[.contiguous])
        let extent = try #require(times[.extent])
        #expect(extent.seeking < 0.7 * none.seeking && extent.seeking < contiguous.seeking)
        #expect(none.flat < 0.95 * extent.flat && none.flat <= contiguous.flat)
    }

    /// The offsets of the data writes that the same changes lead to, batch by batch: pages are written when their
    /// oldest change is 600 changes ago, which is what the redo capacity asks for.
    private static func writes(_ neighbours: Configuration.Neighbours) throws -> [[UInt64]] {
        let fixture = try PoolFixture(configuration(neighbours), pageCount: 1024, isRecording: true)
        defer { fixture.close() }
        for number: UInt32 in 0..<1024 { _ = try fixture.value(page(number)) }
        let first = fixture.storage.trace.count
        var random = SeededRandom(seed: 42)
        var starts: [LogSequenceNumber] = []
        for change in 0..<8000 {
            let range = try fixture.change(page(UInt32(random.below(1024))), to: UInt32(change))
            starts.append(try #require(range).start)
            guard change % 100 == 99, change >= 600 else { continue }
            fixture.storage.mark(.note("batch"))
            try fixture.flushing.flush(below: starts[change - 600], count: 1024)
        }
        try fixture.flushing.checkpointNow()
        let trace = fixture.storage.trace
        let created = trace.lazy.compactMap { event -> Int? in
            guard case .change(.create("db/7.ibd", let file)) = event else { return nil }
            return file
        }
        let file = try #require(created.first)
        var batches: [[UInt64]] = [[]]
        for event in trace.dropFirst(first) {
            if case .mark = event { batches.append([]) }
            if case .change(.write(file, let offset, _)) = event { batches[batches.count - 1].append(offset) }
        }
        return batches
    }
}

/// A disk with one head, which serves each batch in the order of offsets.
///
/// It passes over a gap, or seeks, whichever is faster; seeking is as dear as the way is long, at least a quarter of
/// `seekMilliseconds`. With 0 it is a device where only bytes count.
private struct ModelledDisk {
    let seekMilliseconds: Double
    /// 16 KiB at 100 MiB/s.
    private static var transferMilliseconds: Double { 0.15625 }
    private static var lastPage: Double { 1024 }

    func milliseconds(_ batches: [[UInt64]]) -> Double {
        var head: UInt64 = 0
        var total = 0.0
        for batch in batches {
            for offset in batch.sorted() {
                let gap = Double(offset > head ? offset - head : head - offset) / Double(pageByteCount)
                let seek = seekMilliseconds * (0.25 + 0.75 * (gap / Self.lastPage).squareRoot())
                if gap > 0 { total += offset > head ? min(seek, gap * Self.transferMilliseconds) : seek }
                total += Self.transferMilliseconds
                head = offset + UInt64(pageByteCount)
            }
        }
        return total
    }
}
