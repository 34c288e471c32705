import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

/// Goal: batches overlap, and still no page is written without a durable copy, no copy is lost before its page is
/// durable, no page is written twice at once, and no checkpoint passes a page under way.
///
/// Method: recorded traces of a storage that ends writes late and in any order, read by ``WriteTrace``.
@Suite struct PageWriterTests {
    private func candidates(_ fixture: PoolFixture) -> [UInt32] {
        var chosen: [UInt32] = []
        fixture.pool.instances[0].beginChoosing()
        fixture.pool.instances[0].chooseOldest(limit: .max, window: 0, count: .max, into: &chosen)
        return chosen
    }

    @Test("Turns round the ring overwrite no copy that is needed, with one sync in half a turn")
    func ringReuse() throws {
        let fixture = try PoolFixture(pageCount: 100, isRecording: true, reordersCompletions: true)
        defer { fixture.close() }
        let first = fixture.storage.trace.count
        var random = SeededRandom(seed: 3)
        for round in 1...60 {
            for _ in 0..<20 { try fixture.change(page(UInt32(random.below(100))), to: UInt32(round)) }
            _ = try fixture.flushing.writer.begin(candidates(fixture))
            if round % 20 == 0 { try fixture.flushing.checkpoint() }
        }
        try fixture.flushing.writer.drain()
        let trace = WriteTrace(fixture.storage.trace, from: first)
        #expect(trace.breaches == [])
        #expect(trace.unprotected == [])
        let ring = fixture.pool.plan.doublewritePageCount
        #expect(trace.overwrittenCount > 2 * ring)
        // A turn takes two syncs, and as much more as is lost at its ends.
        let turns = (trace.pageCount + trace.segmentCount) / ring
        #expect(trace.dataSyncCount <= 3 * turns, "\(trace.dataSyncCount) syncs in \(turns) turns")
        #expect(fixture.pool.statistics[.doublewriteDataSyncs] > 0)
    }

    @Test("A batch is in the doublewrite file before the pages of the one before it are written")
    func pipelining() throws {
        let fixture = try PoolFixture(isRecording: true, reordersCompletions: true)
        defer { fixture.close() }
        let first = fixture.storage.trace.count
        for number: UInt32 in 0..<64 { try fixture.change(page(number), to: 1) }
        let outcome = try fixture.flushing.writer.write(candidates(fixture))
        #expect(outcome.written == 64 && fixture.flushing.writer.inFlightCount == 0)
        let trace = WriteTrace(fixture.storage.trace, from: first)
        #expect(trace.breaches == [] && trace.unprotected == [] && trace.pageCount == 64)
        #expect(trace.pipelinedCount > trace.segmentCount / 2)
        for number: UInt32 in 0..<64 { #expect(try fixture.fileValue(page(number)) == 1) }
    }

    @Test("Begun writes hold the checkpoint until the last of their batch has ended")
    func inFlightMinimum() throws {
        let fixture = try PoolFixture(reordersCompletions: true)
        defer { fixture.close() }
        let writer = fixture.flushing.writer
        writer.window = 1
        let start = try #require(try fixture.change(page(0), to: 1)).start
        let wanted = 2 * writer.batchPages
        for number in 1..<UInt32(wanted) { try fixture.change(page(number), to: 1) }
        let count = try writer.begin(candidates(fixture)).written
        #expect(count == wanted && fixture.pool.dirtyCount == 0)
        #expect(writer.inFlightMinimum == start.rawValue)
        var bound = fixture.flushing.checkpointBound()
        #expect(bound <= start)
        // A page changed while its copy is under way is dirty again, and not written a second time meanwhile.
        try fixture.change(page(0), to: 2)
        #expect(fixture.pool.dirtyCount == 1)
        #expect(candidates(fixture).isEmpty || fixture.pool.frame(candidates(fixture)[0]).ioState == FrameIOState.none)
        while try writer.poll(minimum: 1) > 0 {
            #expect(fixture.flushing.checkpointBound() >= bound)
            bound = fixture.flushing.checkpointBound()
        }
        #expect(writer.inFlightMinimum == nil)
        #expect(try fixture.fileValue(page(0)) == 1)
        #expect(try fixture.value(page(0)) == 2)
        try fixture.flushing.flushAll()
        #expect(try fixture.fileValue(page(0)) == 2)
    }

    @Test func `a page that another writer wrote between the look and the claim is let go`() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        try fixture.change(page(7), to: 1)
        let frame = try #require(fixture.pool.table.find(page(7)))
        frame.lockShared()
        let wasDirty = frame.isDirty
        // The other one holds the latch shared as well.
        #expect(try fixture.flushing.writer.write(candidates(fixture)).written == 1)
        #expect(wasDirty && !frame.claimForWriting() && frame.ioState == FrameIOState.none)
        frame.unlockShared()
        try fixture.change(page(7), to: 2)
        #expect(frame.claimForWriting() && frame.ioState == FrameIOState.writing && !frame.claimForWriting())
        unsafe frame.state.pointee.ioState.store(FrameIOState.none, ordering: .releasing)
        #expect(try fixture.flushing.writer.write(candidates(fixture)).written == 1)
        #expect(try fixture.fileValue(page(7)) == 2)
    }

    @Test("The window bounds the writes under way, and poll begins those held back")
    func window() throws {
        let fixture = try PoolFixture(isRecording: true, reordersCompletions: true)
        defer { fixture.close() }
        let writer = fixture.flushing.writer
        writer.window = 3
        for number: UInt32 in 0..<40 { try fixture.change(page(number), to: 1) }
        let first = fixture.storage.trace.count
        _ = try writer.begin(candidates(fixture))
        while try writer.poll(minimum: 1) > 0 {}
        var underWay = 0
        var most = 0
        for event in fixture.storage.trace[first...] {
            if case .start = event { underWay += 1 }
            if case .finish = event { underWay -= 1 }
            most = max(most, underWay)
        }
        #expect(most == 3 && underWay == 0)
    }

    @Test("Pages of several batches are freed one by one as their writes end")
    func eviction() throws {
        let fixture = try PoolFixture(reordersCompletions: true)
        defer { fixture.close() }
        for number: UInt32 in 0..<30 { try fixture.change(page(number), to: number) }
        let before = fixture.pool.freeCount
        _ = try fixture.flushing.writer.begin(candidates(fixture), evicts: true)
        var left = fixture.flushing.writer.inFlightCount
        while left > 0 {
            #expect(fixture.pool.freeCount == before + 30 - left)
            left = try fixture.flushing.writer.poll(minimum: 1)
        }
        #expect(fixture.pool.freeCount == before + 30)
        for number: UInt32 in 0..<30 { #expect(try fixture.value(page(number)) == number) }
    }

    @Test("A write that fails among several batches fences; its pages stay in flight, the others end")
    func failure() throws {
        let fixture = try PoolFixture(reordersCompletions: true)
        defer { fixture.close() }
        let start = try #require(try fixture.change(page(0), to: 1)).start
        for number: UInt32 in 1..<30 { try fixture.change(page(number), to: 1) }
        fixture.storage.inject(SimulatedFault(.write, role: .data, skipping: 2))
        let writer = fixture.flushing.writer
        for _ in 0..<3 {
            #expect {
                _ = try writer.begin(candidates(fixture))
                try writer.drain()
            } throws: {
                ($0 as? RedoubtError)?.code == .fenced
            }
        }
        #expect(fixture.kernel.health.isFenced)
        #expect(writer.inFlightMinimum != nil && fixture.flushing.checkpointBound() <= start)
    }

    @Test("The first write of a page made anew needs no copy; the next one does, and so does one of page 0")
    func firstWrite() throws {
        let fixture = try PoolFixture(isRecording: true, reordersCompletions: true)
        defer { fixture.close() }
        let writer = fixture.flushing.writer
        func makeAnew(_ number: UInt32) throws {
            var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 64, pins: 1)
            transaction.apply(.initialize(type: .blob), to: try transaction.create(page(number)))
            transaction.commit()
        }
        func written(since first: Int) throws -> [PageID] {
            _ = try writer.write(candidates(fixture))
            return WriteTrace(fixture.storage.trace, from: first).unprotected.sorted()
        }
        try makeAnew(9)
        try fixture.change(page(9), to: 3)
        try fixture.change(page(10), to: 3)
        try makeAnew(0)
        #expect(try written(since: fixture.storage.trace.count) == [page(9)])
        try fixture.change(page(9), to: 4)
        #expect(try written(since: fixture.storage.trace.count) == [])
        // Changed while its first write is under way.
        try makeAnew(9)
        let first = fixture.storage.trace.count
        _ = try writer.begin(candidates(fixture))
        try fixture.change(page(9), to: 5)
        try writer.drain()
        #expect(try written(since: first) == [page(9)])
        #expect(fixture.pool.statistics[.doublewriteSkips] == 2)
        // A page made anew, dropped from memory before it was written, and read again by another frame.
        try makeAnew(11)
        #expect(fixture.pool.frame(candidates(fixture)[0]).has(FrameFlags.madeAnew))
        fixture.pool.discard(space: SpaceID(rawValue: 7))
        #expect((0..<fixture.pool.frameCount).allSatisfy { !fixture.pool.frame($0).has(FrameFlags.madeAnew) })
    }

    /// The copies in the doublewrite file, and the page writes that asked for all or nothing, since event `first`.
    private func written(_ fixture: PoolFixture, since first: Int) -> (segments: Int, atomic: Int, plain: Int) {
        let trace = fixture.storage.trace
        var atomic = 0
        for case .change(.atomicWrite) in trace[first...] { atomic += 1 }
        let writes = WriteTrace(trace, from: first)
        return (writes.segmentCount, atomic, writes.pageCount)
    }

    @Test("Every page write to a device that can is atomic, and none has a copy", arguments: [true, false])
    func atomicWrites(isDetecting: Bool) throws {
        var configuration = PoolFixture.small
        if isDetecting { configuration.flushing.doublewrite = .detectOnly }
        let fixture = try PoolFixture(configuration, isRecording: true, atomicWriteUnit: 16384)
        defer { fixture.close() }
        let first = fixture.storage.trace.count
        for number: UInt32 in 0..<20 { try fixture.change(page(number), to: 1) }
        #expect(try fixture.flushing.writer.write(candidates(fixture)).written == 20)
        #expect(written(fixture, since: first) == (segments: 0, atomic: 20, plain: 0))
        #expect(fixture.pool.statistics[.atomicWrites] == 20)
        for number: UInt32 in 0..<20 { #expect(try fixture.fileValue(page(number)) == 1) }
    }

    @Test("An atomic write that is refused becomes an ordinary one behind a copy; so do all later ones")
    func refusedAtomicWrite() throws {
        let fixture = try PoolFixture(isRecording: true, atomicWriteUnit: 16384)
        defer { fixture.close() }
        let first = fixture.storage.trace.count
        for number: UInt32 in 0..<8 { try fixture.change(page(number), to: 1) }
        fixture.storage.inject(
            SimulatedFault(.atomicWrite, skipping: 3, isPermanent: true, effect: .failure(errno: 22))
        )
        #expect(try fixture.flushing.writer.write(candidates(fixture)).written == 8)
        let refused = written(fixture, since: first)
        // One of the first batch, alone; then a batch of copies.
        #expect(refused.atomic == 3 && refused.plain == 5 && refused.segments == 2)
        var trace = WriteTrace(fixture.storage.trace, from: first)
        #expect(trace.breaches == [] && trace.unprotected == [], "the copy is durable before the page is written")
        #expect(trace.dataSyncCount == 1, "and not overwritten before the page is durable")
        fixture.storage.removeFaults()
        let second = fixture.storage.trace.count
        for number: UInt32 in 0..<8 { try fixture.change(page(number), to: 2) }
        _ = try fixture.flushing.writer.write(candidates(fixture))
        trace = WriteTrace(fixture.storage.trace, from: second)
        #expect(written(fixture, since: second).atomic == 0 && trace.pageCount == 8 && trace.unprotected == [])
        for number: UInt32 in 0..<8 { #expect(try fixture.fileValue(page(number)) == 2) }
        #expect(!fixture.kernel.health.isFenced)
    }

    @Test("An atomic write that fails otherwise fences")
    func failedAtomicWrite() throws {
        let fixture = try PoolFixture(atomicWriteUnit: 16384)
        defer { fixture.close() }
        try fixture.change(page(3), to: 1)
        fixture.storage.inject(SimulatedFault(.atomicWrite))
        #expect(throws: RedoubtError.self) { _ = try fixture.flushing.writer.write(candidates(fixture)) }
        #expect(fixture.kernel.health.isFenced)
    }

    @Test("Detection only writes names, before the pages and durably")
    func names() throws {
        var configuration = PoolFixture.small
        configuration.flushing.doublewrite = .detectOnly
        let fixture = try PoolFixture(configuration, isRecording: true)
        defer { fixture.close() }
        for number: UInt32 in 0..<20 { try fixture.change(page(number), to: 1) }
        let first = fixture.storage.trace.count
        #expect(try fixture.flushing.writer.write(candidates(fixture)).written == 20)
        var named: Set<PageID> = []
        var pending: Set<PageID> = []
        for event in fixture.storage.trace[first...] {
            switch event {
            case .change(.write(_, _, let bytes)) where bytes.starts(with: Array("RDBTDWRT".utf8)):
                #expect(bytes.count == pageByteCount)
                for entry in try Self.batch(bytes)?.entries ?? [] { pending.insert(entry.page) }
            case .sync: named.formUnion(pending)
            case .change(.write(_, let offset, let bytes)) where bytes.count == pageByteCount:
                let number = UInt32(offset / UInt64(pageByteCount))
                #expect(named.contains(page(number)), "page \(number) is written before its name is durable")
            default: break
            }
        }
        #expect(named.count == 20)
    }

    private static func batch(_ bytes: [UInt8]) throws -> DoublewriteBatch? {
        try unsafe withPage { page, memory in
            unsafe memory.copyBytes(from: bytes)
            return DoublewriteBatch.decode(page)
        }
    }

    @Test("Latency has a mean that follows, and a minimum of the last 100 ms")
    func latency() {
        let latency = WriteLatency()
        func at(_ milliseconds: UInt64) -> EngineInstant { EngineInstant(nanoseconds: milliseconds * 1_000_000) }
        #expect(latency.mean == 0 && latency.minimum(at: at(1000)) == nil)
        latency.note(500, at: at(1000))
        #expect(latency.mean == 500 && latency.minimum(at: at(1001)) == 500)
        for step: UInt64 in 1...200 { latency.note(900, at: at(1000 + step)) }
        #expect(latency.mean > 880 && latency.mean <= 900)
        #expect(latency.minimum(at: at(1200)) == 900, "the fast write is too long ago")
        #expect(latency.minimum(at: at(1400)) == nil)
    }
}
