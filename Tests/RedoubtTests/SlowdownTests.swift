import RedoubtCore
import RedoubtEngine
import RedoubtLog
import RedoubtSystem
import Testing

@testable import Redoubt

/// Goal: a write that asks for no slow-down is told `.busy` and has changed nothing; one that does not ask takes its
/// turn.
/// Method: the rate of writers is set by hand, which no policy lifts; content, space and pages are looked at after each
/// refusal.
@Suite(.timeLimit(.minutes(20))) struct SlowdownTests {
    private func world(_ body: (Database, Keyspace) throws -> Void) throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.createKeyspace("rows")
        try keyspace.put("old", "value")
        try body(database, keyspace)
        database.engine.log.admission.setRate(nil, by: .caller)
        try database.close()
        let again = try fixture.open()
        let reopened = try again.keyspace(named: "rows")
        #expect(try reopened.get("old") == Array("value".utf8))
        #expect(try again.check().isEmpty)
        try again.close()
    }

    @Test func `each kind of write is refused while writers stand still, and changes nothing`() throws {
        try world { database, keyspace in
            database.engine.log.admission.setRate(0, by: .caller)
            func refused(_ write: () throws(RedoubtError) -> Void) {
                do throws(RedoubtError) {
                    try write()
                    Issue.record("a write was not refused")
                } catch {
                    #expect(error.code == .busy)
                }
            }
            refused { () throws(RedoubtError) in try keyspace.put("new", "value", slowdown: .refuse) }
            refused { () throws(RedoubtError) in _ = try keyspace.delete("old", slowdown: .refuse) }
            refused { () throws(RedoubtError) in
                let large = [UInt8](repeating: 1, count: 100_000)
                try keyspace.put("old", large, slowdown: .refuse)
            }
            refused { () throws(RedoubtError) in
                _ = try keyspace.compareAndPut("old", expected: Array("value".utf8), new: nil, slowdown: .refuse)
            }
            refused { () throws(RedoubtError) in
                var batch = WriteBatch()
                try batch.put("old", "other", in: keyspace)
                try batch.put("new", "value", in: keyspace)
                try database.write(batch, slowdown: .refuse)
            }
            let found = try keyspace.get("old")
            let count = try keyspace.count()
            #expect(found == Array("value".utf8) && count == 1)
        }
    }

    @Test func `a task is refused as well`() async throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.createKeyspace("rows")
        database.engine.log.admission.setRate(0, by: .caller)
        let key: [UInt8] = [1]
        for attempt in 0..<3 {
            do throws(RedoubtError) {
                switch attempt {
                case 0: try await keyspace.put(key, [2], slowdown: .refuse)
                case 1: _ = try await keyspace.delete(key, slowdown: .refuse)
                default: _ = try await keyspace.compareAndPut(key, expected: nil, new: [3], slowdown: .refuse)
                }
                Issue.record("write \(attempt) was not refused")
            } catch {
                #expect(error.code == .busy)
            }
        }
        let found = try await keyspace.get(key)
        #expect(found == nil)
        database.engine.log.admission.setRate(nil, by: .caller)
        try await keyspace.put(key, [2], slowdown: .refuse)
        try database.close()
    }

    @Test func `a large value refused half way leaves no page behind`() throws {
        try world { database, keyspace in
            // The first pages are within what 10 ms grant, the last ones are not.
            database.engine.log.admission.setRate(20_000_000, by: .caller)
            let large = [UInt8](repeating: 1, count: 4_000_000)
            let error = #expect(throws: RedoubtError.self) {
                try keyspace.put("old", large, slowdown: .refuse)
            }
            #expect(error?.code == .busy)
            #expect(try keyspace.get("old") == Array("value".utf8))
            database.engine.log.admission.setRate(nil, by: .caller)
            let before = try database.statistics().filePageCount
            for _ in 0..<3 { try keyspace.put("other", large) }
            #expect(try database.statistics().filePageCount < before + 3 * 250, "freed pages are used again")
            _ = try keyspace.delete("other")
        }
    }

    @Test func `who does not refuse takes its turn, and that is attributed`() throws {
        try world { database, keyspace in
            database.engine.log.admission.setRate(4_000, by: .caller)
            let start = Scheduling.now()
            // Few, and no syncs: what they do besides waiting takes no time, on a busy machine neither.
            for number in 0..<20 {
                try keyspace.put([UInt8(number)], [UInt8](repeating: 0, count: 200), durability: .deferred)
            }
            let seconds = Double(Scheduling.now().nanoseconds(since: start)) / 1e9
            #expect(seconds > 0.75, "20 groups of more than 200 bytes at 4 kB/s: \(seconds) s")
            let waits = database.engine.waits[.backPressure]
            #expect(waits.count > 10 && Double(waits.nanoseconds) / 1e9 > 0.4, "\(waits) of \(seconds) s")
            #expect(database.engine.backPressure == .delayed)
        }
    }
}
