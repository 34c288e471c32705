import Redoubt
import RedoubtCore
import Testing

/// Goal: the asynchronous twins do the same without blocking tasks. Method: many tasks at once, more than there are
/// threads, each waiting for the device.
@Suite struct AsyncTests {
    @Test("many tasks write and read at once", .timeLimit(.minutes(20)))
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

    @Test("what is done at once and what a thread does agree, whatever the durability", .timeLimit(.minutes(20)))
    func mixedPaths() async throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let keyspace = try database.keyspace(named: "k", createIfMissing: true)
        // More tasks than threads on few leaves: some find latches free, others do not; leaves split and merge.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for step in 0..<200 { try await Self.mixedStep(step, of: task, in: keyspace) }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await database.check().isEmpty)
        await #expect(throws: RedoubtError.self) { try await keyspace.put([], [1]) }
        await #expect(throws: RedoubtError.self) { try await keyspace.get([UInt8](repeating: 1, count: 4000)) }
        try await database.setRedoCapacity(.mebibytes(16))
        try database.close()
        await #expect(throws: RedoubtError.self) { try await keyspace.get([1]) }
        await #expect(throws: RedoubtError.self) { try await keyspace.delete([1]) }
    }

    /// Puts, gets and perhaps deletes one row of `task`.
    private static func mixedStep(_ step: Int, of task: Int, in keyspace: Keyspace) async throws {
        let durabilities: [Durability] = [.deferred, .written, .flushed]
        let key = Array("\(step % 50)-\(task)".utf8)
        let value = [UInt8](repeating: UInt8(step), count: step % 40 == 0 ? 20_000 : 10 + step % 400)
        let durability = step % 10 == 0 ? durabilities[step / 10 % 3] : .deferred
        try await keyspace.put(key, value, durability: durability)
        let found = try await keyspace.get(key)
        if found != value { throw RedoubtError(.readFailed, "step \(step) of task \(task) is not there") }
        if step % 3 != 0 { return }
        let isGone = try await keyspace.delete(key, durability: durability)
        let left = try await keyspace.get(key)
        if !isGone || left != nil { throw RedoubtError(.readFailed, "step \(step) of task \(task) was not removed") }
    }
}
