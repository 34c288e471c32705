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

    @Test("a batch whose redo the log buffer cannot take at once is refused, and one just below is written")
    func logBufferBound() throws {
        let fixture = Fixture()
        var configuration = Fixture.configuration
        configuration.memory = .mebibytes(32)
        configuration.redoLog.capacity = .mebibytes(64)
        configuration.redoLog.bufferCapacity = .kibibytes(256)
        let database = try Database.open(at: fixture.path, configuration: configuration)
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        // Rows that are there already: new ones would be written before, one by one.
        for number in 0..<200 {
            try keyspace.put("\(number)", [UInt8](repeating: 0, count: 1000), durability: .deferred)
        }
        var taken = 0
        // Across half the log buffer, the most that is appended at once.
        for count in stride(from: 50, through: 200, by: 5) {
            var batch = WriteBatch()
            for number in 0..<count {
                try batch.put("\(number)", [UInt8](repeating: UInt8(count), count: 1000), in: keyspace)
            }
            do throws(RedoubtError) {
                try database.write(batch)
                taken = count
            } catch {
                #expect(error.code == .batchTooLarge && error.message.contains { $0.isNumber })
            }
        }
        #expect(taken > 90 && taken < 130, "\(taken) rows of 1000 bytes are about half of 256 KiB")
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
