import Redoubt
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtSiege

/// Goal: on a full disk a call that changed nothing does not say that its change was made.
///
/// Method: a commit that waits for nothing, redo that finds no space, then calls that find nothing to change and wait.
@Suite(.timeLimit(.minutes(5))) struct FullDiskNoChangeTests {
    enum Call: CaseIterable {
        case delete, deleteRange, compareAndPut, batch, load, written, rename

        /// Whether there is a twin for tasks.
        var isAsync: Bool { self != .load && self != .rename }
    }

    private static let missing = Array("missing".utf8)

    private func run(_ call: Call, _ database: Database, _ rows: Keyspace) throws {
        switch call {
        case .delete: _ = try rows.delete(Self.missing, durability: .flushed)
        case .deleteRange: _ = try rows.deleteRange(KeyRange(prefix: Self.missing), durability: .flushed)
        case .compareAndPut: _ = try rows.compareAndPut(Self.missing, expected: [1], new: [2], durability: .flushed)
        case .batch: try database.write(WriteBatch(), durability: .flushed)
        case .load: try rows.sortedLoad().finish(durability: .flushed)
        case .written: try database.write(WriteBatch(), durability: .written)
        case .rename: try database.renameKeyspace("rows", to: "rows")
        }
    }

    private func runInTask(_ call: Call, _ database: Database, _ rows: Keyspace) async throws {
        switch call {
        case .delete: _ = try await rows.delete(Self.missing, durability: .flushed)
        case .deleteRange: _ = try await rows.deleteRange(KeyRange(prefix: Self.missing), durability: .flushed)
        case .compareAndPut:
            _ = try await rows.compareAndPut(Self.missing, expected: [1], new: [2], durability: .flushed)
        case .batch: try await database.write(WriteBatch(), durability: .flushed)
        case .load, .rename: Issue.record("\(call) is not for a task")
        case .written: try await database.write(WriteBatch(), durability: .written)
        }
    }

    /// A database on a disk without space for redo, of which some waits.
    private func prepare(_ storage: SimulatedStorage) throws -> (database: Database, rows: Keyspace) {
        let database = try EngineClient.open(storage)
        let rows = try database.createKeyspace("rows")
        try database.change { $0.redoLog.deferredFlushMilliseconds = 3_600_000 }
        let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)
        storage.inject(SimulatedFault(.write, role: .redo, isPermanent: true, effect: full))
        try rows.put("there", [1], durability: .deferred)
        return (database, rows)
    }

    /// Expects that `body` finds the disk full, and says so in words that are not those of `.notDurable`.
    private func expectFull(_ body: () throws -> Void) {
        do {
            try body()
            Issue.record("there is space")
        } catch {
            let error = error as? RedoubtError
            #expect(error?.code == .diskFull)
            #expect(error?.message.hasPrefix("what was written before finds no space on the disk") == true)
            #expect(error?.message.hasPrefix("not durable") == false)
        }
    }

    private func finish(_ storage: SimulatedStorage, _ database: Database) throws {
        #expect(code { try database.flush() } == .notDurable)
        storage.removeFaults()
        try database.close()
    }

    @Test(arguments: Call.allCases)
    func `a call that changed nothing said that its change was made`(_ call: Call) throws {
        let storage = SimulatedStorage(options: .judging)
        let (database, rows) = try prepare(storage)
        expectFull { try run(call, database, rows) }
        try finish(storage, database)
    }

    @Test(arguments: Call.allCases.filter(\.isAsync))
    func `a call of a task that changed nothing said that its change was made`(_ call: Call) async throws {
        let storage = SimulatedStorage(options: .judging)
        let (database, rows) = try prepare(storage)
        do {
            try await runInTask(call, database, rows)
            Issue.record("\(call) found space")
        } catch {
            expectFull { throw error }
        }
        try finish(storage, database)
    }

    @Test func `a keyspace that was renamed to its own name was gone after a power cut`() throws {
        let storage = SimulatedStorage(options: .judging)
        let database = try EngineClient.open(storage)
        _ = try database.createKeyspace("before")
        let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)
        // There is space for the record that names the file, and none for the row.
        storage.inject(SimulatedFault(.write, role: .redo, skipping: 1, isPermanent: true, effect: full))
        #expect(code { _ = try database.createKeyspace("rows") } == .notDurable)
        expectFull { try database.renameKeyspace("rows", to: "rows") }
        storage.removeFaults()
        #expect(spin { code { try database.flush() } == nil })
        try database.renameKeyspace("rows", to: "rows")
        try database.close()
    }

    @Test func `a keyspace that there was no space for was said to be not durable yet`() throws {
        let storage = SimulatedStorage(options: .judging)
        let (database, _) = try prepare(storage)
        expectFull { _ = try database.createKeyspace("more") }
        try finish(storage, database)
        let again = try EngineClient.open(storage)
        #expect(try again.keyspaceNames() == ["rows"])
        try again.close()
    }
}
