import Redoubt
import RedoubtCore
import TestSupport
import Testing

/// Goal: a pool that turns over many times a second still keeps the pages that every search needs.
///
/// Method: random reads over a keyspace five times the memory; each may read its leaf, and next to nothing else.
@Suite struct InnerPageTests {
    @Test func innerPagesStayWhileLeavesComeAndGo() throws {
        let fixture = Fixture()
        var configuration = Fixture.configuration
        configuration.memory = .mebibytes(8)
        let database = try Database.open(at: fixture.path, configuration: configuration)
        let rows = try database.createKeyspace("rows")
        let rowCount = 30_000
        var load = rows.sortedLoad()
        let value = [UInt8](repeating: 1, count: 1000)
        for row in 0..<rowCount { try load.add(Self.key(row), value) }
        try load.finish()
        var random = SeededRandom(seed: testSeed())
        let readCount = 6000
        // The first reads bring the inner pages in.
        for _ in 0..<500 { _ = try rows.get(Self.key(random.below(rowCount))) }
        let before = try database.statistics().pagesRead
        for _ in 0..<readCount { _ = try rows.get(Self.key(random.below(rowCount))) }
        let pagesRead = try database.statistics().pagesRead - before
        #expect(pagesRead > UInt64(readCount / 2), "the leaves fit into memory, so this shows nothing")
        #expect(pagesRead <= UInt64(readCount), "\(pagesRead) pages were read for \(readCount) rows")
        try database.close()
    }

    /// A key so long that there are dozens of inner pages.
    private static func key(_ row: Int) -> [UInt8] {
        [UInt8](repeating: 0x61, count: 200) + (0..<4).map { UInt8(truncatingIfNeeded: row >> (24 - 8 * $0)) }
    }
}
