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
        case delete, deleteRange, compareAndPut, batch, load, written
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
        }
    }

    private func runInTask(_ call: Call, _ database: Database, _ rows: Keyspace) async throws {
        switch call {
        case .delete: _ = try await rows.delete(Self.missing, durability: .flushed)
        case .deleteRange: _ = try await rows.deleteRange(KeyRange(prefix: Self.missing), durability: .flushed)
        case .compareAndPut:
            _ = try await rows.compareAndPut(Self.missing, expected: [1], new: [2], durability: .flushed)
        case .batch: try await database.write(WriteBatch(), durability: .flushed)
        case .load: break
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

    private func finish(_ storage: SimulatedStorage, _ database: Database) throws {
        #expect(code { try database.flush() } == .notDurable)
        storage.removeFaults()
        try database.close()
    }

    @Test(arguments: Call.allCases)
    func `a call that changed nothing said that its change was made`(_ call: Call) throws {
        let storage = SimulatedStorage(options: .judging)
        let (database, rows) = try prepare(storage)
        #expect(code { try run(call, database, rows) } == .diskFull)
        try finish(storage, database)
    }

    @Test(arguments: Call.allCases.filter { $0 != .load })
    func `a call of a task that changed nothing said that its change was made`(_ call: Call) async throws {
        let storage = SimulatedStorage(options: .judging)
        let (database, rows) = try prepare(storage)
        var found: RedoubtError.Code?
        do { try await runInTask(call, database, rows) } catch { found = (error as? RedoubtError)?.code }
        #expect(found == .diskFull)
        try finish(storage, database)
    }
}
