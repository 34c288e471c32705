import Redoubt
import RedoubtCore
import Testing

/// Goal: options of an open database can be changed and read back; they last until it is closed.
///
/// Method: one database, opened twice.
@Suite struct ChangeTests {
    @Test func `changed options show, govern, and end with the database`() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        #expect(database.configuration == Fixture.configuration)
        try database.change {
            $0.flushing.policy = .textbook
            $0.durability = .deferred
            $0.redoLog.capacity = .mebibytes(12)
        }
        #expect(database.configuration.flushing.policy == .textbook)
        #expect(database.configuration.redoLog.capacity == .mebibytes(12))
        try database.setRedoCapacity(.mebibytes(10))
        #expect(database.configuration.redoLog.capacity == .mebibytes(10))
        // Deferred is the default now: the commit waits for nothing.
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        try database.change { $0.redoLog.deferredFlushMilliseconds = 3_600_000 }
        try keyspace.put("a", "1")
        var statistics = try database.statistics()
        #expect(statistics.flushedLSN < statistics.currentLSN)
        try database.change { $0.durability = .flushed }
        try keyspace.put("b", "2")
        statistics = try database.statistics()
        #expect(statistics.flushedLSN.rawValue + 16 >= statistics.currentLSN.rawValue)
        try database.close()
        #expect(throws: RedoubtError.self) { try database.change { $0.flushing.idlePercent = 1 } }
        let reopened = try fixture.open()
        #expect(reopened.configuration == Fixture.configuration)
        try reopened.close()
    }

    @Test func `an option that is fixed is refused by its name`() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        do throws(RedoubtError) {
            try database.change { $0.storage.queueDepth = 3 }
            Issue.record("storage.queueDepth was accepted")
        } catch {
            #expect(error.code == .invalidConfiguration)
            #expect(error.message.hasPrefix("storage.queueDepth can only be set when opening"))
        }
        #expect(database.configuration == Fixture.configuration)
        try database.close()
    }
}
