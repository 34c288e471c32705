import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: an area of which many pages are in use is read as a whole, once it is asked for and not before; what was read
/// for nothing is counted.
///
/// Method: pools over a simulated disk with a thread that reads ahead, and pages used one by one.
@Suite struct RandomReadAheadTests {
    private func fixture(pageCount: UInt32, _ isOn: Bool = true, memory: ByteCount = .mebibytes(8)) throws
        -> PoolFixture
    {
        var configuration = PoolFixture.small
        configuration.memory = memory
        configuration.bufferPool.randomReadAhead = isOn
        let fixture = try PoolFixture(configuration, pageCount: pageCount)
        try fixture.flushing.start()
        return fixture
    }

    /// Pages of the second area in no order.
    private static func scattered(_ index: Int) -> UInt32 { 64 + UInt32(index * 37 % 64) }

    @Test("Thirteen used pages of an area make the next miss read the rest of it")
    func threshold() throws {
        #expect(BufferPool.randomReadAheadThreshold == 13)
        let fixture = try fixture(pageCount: 192)
        defer { fixture.close() }
        for index in 0..<13 { _ = try fixture.value(page(Self.scattered(index))) }
        #expect(fixture.pool.statistics[.pagesReadAheadAtRandom] == 0)
        _ = try fixture.value(page(Self.scattered(13)))
        #expect(fixture.pool.statistics[.pagesReadAheadAtRandom] == 50)
        #expect(spin { fixture.pool.statistics[.pagesReadAhead] == 50 })
        for number: UInt32 in 64..<128 { #expect(fixture.pool.peek(page(number)) != nil) }
        #expect(fixture.pool.peek(page(63)) == nil && fixture.pool.peek(page(128)) == nil)
        #expect(fixture.pool.statistics[.misses] == 14)
    }

    @Test("A page that is in memory is not asked for")
    func presentPages() throws {
        let fixture = try PoolFixture(PoolFixture.small, pageCount: 192)
        defer { fixture.close() }
        fixture.pool.readAhead.setActive(true)
        defer { fixture.pool.readAhead.setActive(false) }
        _ = try fixture.value(page(70))
        fixture.pool.prefetch(page(70))
        fixture.pool.prefetch(page(71))
        #expect(fixture.pool.readAhead.take(9) == [page(71)])
    }

    @Test("It is off unless asked for, and ends with the file")
    func offAndEnd() throws {
        let quiet = try fixture(pageCount: 192, false)
        defer { quiet.close() }
        for index in 0..<30 { _ = try quiet.value(page(Self.scattered(index))) }
        #expect(quiet.pool.statistics[.pagesReadAheadAtRandom] == 0)
        let short = try fixture(pageCount: 100)
        defer { short.close() }
        for number: UInt32 in 64..<78 { _ = try short.value(page(number)) }
        #expect(short.pool.statistics[.pagesReadAheadAtRandom] == 100 - 78)
        #expect(spin { short.pool.statistics[.pagesReadAhead] == 100 - 78 })
    }

    @Test("In a long list, pages of the old part count only if they were used again")
    func oldPages() throws {
        let fixture = try fixture(pageCount: 1200, false, memory: .mebibytes(32))
        defer { fixture.close() }
        for number: UInt32 in 128..<1200 { _ = try fixture.value(page(number)) }
        var options = PoolFixture.small.bufferPool
        options.randomReadAhead = true
        fixture.pool.apply(options)
        for index in 0..<20 { _ = try fixture.value(page(Self.scattered(index))) }
        // The border moves as the list grows, so a few of them are young.
        let old = (0..<20).filter { fixture.pool.peek(page(Self.scattered($0)))?.has(FrameFlags.old) ?? false }
        #expect(old.count > 20 - BufferPool.randomReadAheadThreshold)
        #expect(fixture.pool.statistics[.pagesReadAheadAtRandom] == 0)
        // Used again: now they count.
        for index in 0..<20 { _ = try fixture.value(page(Self.scattered(index))) }
        _ = try fixture.value(page(Self.scattered(20)))
        #expect(fixture.pool.statistics[.pagesReadAheadAtRandom] == 43)
    }

    @Test("Pages read ahead and evicted unused are counted, used ones are not")
    func evictedUnused() throws {
        let fixture = try fixture(pageCount: 700)
        defer { fixture.close() }
        fixture.pool.prefetch((64..<128).map { page($0) })
        #expect(spin { fixture.pool.statistics[.pagesReadAhead] == 64 })
        for number: UInt32 in 64..<74 { _ = try fixture.value(page(number)) }
        for number: UInt32 in 128..<700 where number % 64 < 13 { _ = try fixture.value(page(number)) }
        for number: UInt32 in 128..<700 { _ = try fixture.value(page(number)) }
        #expect((64..<128).allSatisfy { fixture.pool.peek(page($0)) == nil })
        #expect(fixture.pool.statistics[.readAheadEvictions] >= 54)
        let unused = fixture.pool.statistics[.pagesReadAhead] - 10
        #expect(fixture.pool.statistics[.readAheadEvictions] <= unused)
    }
}
