import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: memory that was given back stays away. Method: the kernel must not be asked for huge pages where it would put
/// small ones together again: its flags, at every size that the pool takes on.
@Suite(.timeLimit(.minutes(20))) struct PoolHugePagesTests {
    private static let wanted: String? = HugePageWish.isSupported ? "hg" : nil
    private static let unwanted: String? = HugePageWish.isSupported ? "nh" : nil

    private static func flag(_ pool: BufferPool, frame index: UInt32) throws -> String? {
        try HugePageWish.flag(at: unsafe UInt(bitPattern: pool.frame(index).memory))
    }

    /// The lowest address of a search index, all of which are free.
    private static func searchIndexes(_ pool: BufferPool) throws -> UInt {
        let slabs = pool.instances[0].slabs
        var taken: [SearchIndex] = []
        while let index = slabs.allocate(byteCount: 16384) { taken.append(index) }
        defer { for index in taken { slabs.free(index) } }
        return try #require(taken.map { unsafe UInt(bitPattern: $0.block) }.min())
    }

    @Test(arguments: [false, true]) func `neither frames nor search indexes that left come back in a huge page`(
        _ isReserved: Bool
    ) throws {
        var configuration = PoolFixture.small
        configuration.memory = .mebibytes(40)
        if isReserved { configuration.memoryMaximum = .mebibytes(48) }
        let fixture = try PoolFixture(configuration)
        defer { fixture.close() }
        let pool = fixture.pool
        let indexes = try Self.searchIndexes(pool)
        let all = pool.frameCount
        #expect(try Self.flag(pool, frame: 0) == Self.wanted)
        #expect(try HugePageWish.flag(at: indexes) == (isReserved ? nil : Self.wanted))
        for mebibytes in [24, 23, 22, 20] {
            try fixture.resize(to: .mebibytes(mebibytes))
            #expect(fixture.isSettled && pool.frameCount < all)
            #expect(try Self.flag(pool, frame: 0) == Self.wanted)
            // Also in a huge page of which the first part stays.
            #expect(try Self.flag(pool, frame: pool.frameCount) == Self.unwanted, "\(mebibytes) MiB")
            #expect(try Self.flag(pool, frame: all - 1) == Self.unwanted, "\(mebibytes) MiB")
            #expect(try HugePageWish.flag(at: indexes) == Self.unwanted, "\(mebibytes) MiB")
        }
        try fixture.resize(to: configuration.memoryMaximum ?? configuration.memory)
        #expect(try Self.flag(pool, frame: 20 << 20 / 16384) == Self.wanted)
        #expect(try HugePageWish.flag(at: indexes) == Self.wanted)
    }
}
