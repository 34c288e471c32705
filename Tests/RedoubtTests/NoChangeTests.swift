import Redoubt
import RedoubtCore
import Testing

/// Goal: a call that finds nothing to change is no earlier durable than what it saw.
///
/// Method: a delete that waits for nothing, then calls that find the row gone and wait for the device.
@Suite(.timeLimit(.minutes(5))) struct NoChangeTests {
    enum Call: CaseIterable {
        case delete, deleteRange, compareAndPut, batch, asyncDelete, asyncDeleteRange
    }

    private static let key = Array("gone".utf8)
    private static let range = KeyRange(from: key, to: Array("gonf".utf8))

    private func run(_ call: Call, _ database: Database, _ rows: Keyspace) throws {
        switch call {
        case .delete: #expect(try rows.delete(Self.key, durability: .flushed) == false)
        case .deleteRange: #expect(try rows.deleteRange(Self.range, durability: .flushed) == 0)
        case .compareAndPut:
            #expect(try rows.compareAndPut(Self.key, expected: [1], new: [2], durability: .flushed) == false)
        case .batch: try database.write(WriteBatch(), durability: .flushed)
        case .asyncDelete, .asyncDeleteRange: Issue.record("\(call) is for a task")
        }
    }

    private func runInTask(_ call: Call, _ rows: Keyspace) async throws {
        if call == .asyncDelete {
            #expect(try await rows.delete(Self.key, durability: .flushed) == false)
        } else {
            #expect(try await rows.deleteRange(Self.range, durability: .flushed) == 0)
        }
    }

    private func prepare(_ database: Database) throws -> (rows: Keyspace, end: LogSequenceNumber) {
        let rows = try database.keyspace(named: "rows", createIfMissing: true)
        try database.change { $0.redoLog.deferredFlushMilliseconds = 3_600_000 }
        try rows.put(Self.key, [1], durability: .flushed)
        #expect(try rows.delete(Self.key, durability: .deferred))
        let before = try database.statistics()
        #expect(before.flushedLSN < before.currentLSN)
        return (rows, before.currentLSN)
    }

    private func settled(_ database: Database) throws -> LogSequenceNumber { try database.statistics().flushedLSN }

    private func close(_ database: Database) throws { try database.close() }

    @Test(arguments: Call.allCases)
    func `a row that was found gone came back after a power cut`(_ call: Call) async throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let (rows, end) = try prepare(database)
        let isAsync = [.asyncDelete, .asyncDeleteRange].contains(call)
        if isAsync { try await runInTask(call, rows) } else { try run(call, database, rows) }
        #expect(try settled(database) >= end)
        try close(database)
    }
}
