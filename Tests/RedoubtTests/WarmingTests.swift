import Redoubt
import RedoubtCore
import TestSupport
import Testing

/// Goal: a database that is opened again is as warm as when it was closed, soon. Method: a database over real files,
/// part of which is read, closed, and read again: at once, and after the load.
@Suite struct WarmingTests {
    private static let rowCount = 9000
    private static let readCount = 3000

    @Test("After the load, reading what was read before reads no page", .timeLimit(.minutes(20)))
    func warm() throws {
        let fixture = Fixture()
        var configuration = Fixture.configuration
        configuration.bufferPool.dumpPercent = 100
        let first = try Database.open(at: fixture.path, configuration: configuration)
        let rows = try first.keyspace(named: "k", createIfMissing: true)
        for row in 0..<Self.rowCount {
            try rows.put("row \(row)", [UInt8](repeating: 1, count: 2000), durability: .deferred)
        }
        try first.close()

        configuration.bufferPool.loadsAtOpen = false
        var database = try Database.open(at: fixture.path, configuration: configuration)
        let cold = try readRows(database)
        try database.close()
        configuration.bufferPool.loadsAtOpen = true
        database = try Database.open(at: fixture.path, configuration: configuration)
        let clock = ContinuousClock()
        let start = clock.now
        #expect(spin(within: 60) { database.poolLoad.phase == .finished }, "\(database.poolLoad)")
        let loading = clock.now - start
        let warm = try readRows(database)
        print("cold: \(cold), warm: \(warm), load: \(database.poolLoad.loadedPageCount) pages in \(loading)")
        #expect(cold.pagesRead > 200 && warm.pagesRead < cold.pagesRead / 20)
        try database.close()
    }

    /// Reads some rows, scattered; the time and the pages that were read for it.
    private func readRows(_ database: Database) throws -> (pagesRead: UInt64, time: Duration) {
        let rows = try database.keyspace(named: "k")
        let before = try database.statistics().pagesRead
        let clock = ContinuousClock()
        let start = clock.now
        for index in 0..<Self.readCount { #expect(try rows.get("row \(index * 7 % Self.rowCount)") != nil) }
        return (try database.statistics().pagesRead - before, clock.now - start)
    }
}
