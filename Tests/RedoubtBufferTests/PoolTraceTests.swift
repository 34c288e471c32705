import RedoubtCore
import RedoubtSimulation
import Testing

@testable import RedoubtEngine

/// Goal: the use of a page leaves its trace, the trace keeps it in memory, and what happened to pages is counted.
///
/// Method: pages of a pool over a simulated disk, fetched in every way, once and again; flags, places and counters.
@Suite struct PoolTraceTests {
    enum Fetch: CaseIterable {
        case shared, exclusive, optimistic
    }

    private func use(_ id: PageID, _ way: Fetch, _ pool: BufferPool) throws -> Frame {
        switch way {
        case .shared:
            let frame = try pool.fetchShared(id)
            frame.unlockShared()
            return frame
        case .exclusive:
            let frame = try pool.fetchExclusive(id)
            frame.unlockExclusive()
            return frame
        case .optimistic: return try pool.fetchOptimistic(id).frame
        }
    }

    @Test("The first use of a page is noted, and the second is one of a page used again", arguments: Fetch.allCases)
    func traces(_ way: Fetch) throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        let frame = try use(page(5), way, fixture.pool)
        #expect(frame.has(FrameFlags.accessed) && !frame.has(FrameFlags.referenced))
        #expect(try use(page(5), way, fixture.pool) == frame)
        #expect(frame.has(FrameFlags.referenced))
    }

    @Test("Uses within the time of the old part are one use")
    func quickUses() throws {
        var configuration = PoolFixture.small
        configuration.bufferPool.oldSublistMilliseconds = 3_600_000
        let fixture = try PoolFixture(configuration)
        defer { fixture.close() }
        let frame = try use(page(5), .shared, fixture.pool)
        for way in Fetch.allCases { _ = try use(page(5), way, fixture.pool) }
        #expect(frame.has(FrameFlags.accessed) && !frame.has(FrameFlags.referenced))
    }

    @Test("A page used again is made young where others are evicted")
    func madeYoung() throws {
        let fixture = try PoolFixture(pageCount: 700)
        defer { fixture.close() }
        let pool = fixture.pool
        for number in 0..<pool.frameCount { _ = try use(page(number), .shared, pool) }
        let kept = try use(page(0), .shared, pool)
        #expect(kept.has(FrameFlags.referenced))
        for number in pool.frameCount..<pool.frameCount + 20 { _ = try use(page(number), .shared, pool) }
        #expect(pool.peek(page(0)) == kept && !kept.has(FrameFlags.referenced))
        #expect(pool.statistics[.madeYoung] == 1)
        #expect(pool.statistics[.evictions] == 20)
        #expect(pool.peek(page(1)) == nil)
    }

    @Test("Pages that are made are counted, are young, and count as used")
    func created() throws {
        let fixture = try PoolFixture()
        defer { fixture.close() }
        for number: UInt32 in 3..<6 {
            var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 64, pins: 1)
            let frame = try transaction.create(page(number))
            transaction.apply(.initialize(type: .blob), to: frame)
            transaction.commit()
            #expect(frame.has(FrameFlags.accessed))
        }
        #expect(fixture.pool.statistics[.pagesCreated] == 3)
        #expect(fixture.pool.statistics[.misses] == 0)
    }
}
