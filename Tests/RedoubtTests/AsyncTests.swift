import Redoubt
import RedoubtCore
import Testing

/// Goal: the asynchronous twins do the same without blocking tasks. Method: many tasks at once, more than there are
/// threads, each waiting for the device.
@Suite struct AsyncTests {
    @Test("many tasks write and read at once", .timeLimit(.minutes(2)))
    func tasks() async throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<64 {
                group.addTask {
                    for number in 0..<4 {
                        let key = Array("\(task)-\(number)".utf8)
                        try await keyspace.put(key, key)
                        let value = try await keyspace.get(key)
                        guard value == key else { throw RedoubtError(.readFailed, "\(task)-\(number) is not there") }
                    }
                }
            }
            try await group.waitForAll()
        }
        var batch = WriteBatch()
        try batch.put("batch", "1", in: keyspace)
        try await database.write(batch)
        #expect(try await keyspace.delete(Array("batch".utf8)))
        #expect(try await keyspace.compareAndPut(Array("0-0".utf8), expected: nil, new: [1]) == false)
        try await database.flush()
        #expect(try await database.check().isEmpty)
        #expect(try await keyspace.deleteRange(.all) == 256)
        try database.close()
        await #expect(throws: RedoubtError.self) { try await keyspace.put([1], [1]) }
    }
}
