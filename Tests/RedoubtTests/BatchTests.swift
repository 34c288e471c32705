import Redoubt
import RedoubtCore
import Testing

/// Goal: a batch is all or nothing, over keyspaces. Method: batches are applied and refused, and both keyspaces
/// compared.
@Suite struct BatchTests {
    @Test("a thousand rows of 116 bytes fit with default options")
    func thousandRows() throws {
        let fixture = Fixture()
        let database = try Database.open(at: fixture.path)
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        var batch = WriteBatch()
        var random = SeededRandom(seed: 3)
        for _ in 0..<1000 {
            var key = [UInt8](repeating: 0, count: 16)
            for index in key.indices { key[index] = UInt8(random.below(256)) }
            try batch.put(key, [UInt8](repeating: 5, count: 100), in: keyspace)
        }
        try database.write(batch)
        #expect(try keyspace.count() == 1000)
        #expect(try database.check().isEmpty)
        try database.close()
    }

    @Test("the last change of a key wins, in each keyspace by itself")
    func order() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let first = try database.keyspace(named: "1", createIfMissing: true)
        let second = try database.keyspace(named: "2", createIfMissing: true)
        try second.put("gone", "x")
        var batch = WriteBatch()
        try batch.put("a", "1", in: first)
        try batch.put("a", "2", in: second)
        try batch.put("a", "3", in: first)
        try batch.delete("gone", in: second)
        #expect(batch.count == 4)
        try database.write(batch)
        #expect(try first.get("a") == [51])
        #expect(try second.get("a") == [50])
        #expect(try second.get("gone") == nil)
        try database.close()
    }

    @Test("a batch beyond the bound is refused whole, and the error states the bound")
    func bound() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        var batch = WriteBatch()
        for number in 0..<100_000 { try batch.put("\(number)", "0123456789", in: keyspace) }
        do throws(RedoubtError) {
            try database.write(batch)
            Issue.record("a batch of 100000 rows was taken")
        } catch {
            #expect(error.code == .batchTooLarge)
            #expect(error.message.contains { $0.isNumber })
        }
        #expect(try keyspace.count() == 0)
        try keyspace.put("works", "on")
        try database.close()
    }
}
