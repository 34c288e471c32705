import RedoubtCore
import RedoubtEngine
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import Redoubt

/// Goal: a call that finds nothing to change, or nothing more, is no earlier durable than what it saw.
///
/// Method: a delete that waits for nothing, then calls that find the row gone and wait for the device; a range delete
/// that is held up between two steps by a lock that it takes there.
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

    @Test func `a row that was found gone behind one that a range delete removed came back after a power cut`() throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let rows = try database.keyspace(named: "rows", createIfMissing: true)
        try database.change { $0.redoLog.deferredFlushMilliseconds = 3_600_000 }
        try rows.put("first", [UInt8](repeating: 1, count: 40_000), durability: .flushed)
        try rows.put("second", [1], durability: .flushed)
        // Of a value outside its page the pages are freed under this lock, between the steps.
        let lock = rows.tree.space.treeLock
        let end = Mutex(LogSequenceNumber.zero)
        lock.lock()
        try onThreads(2) { thread in
            if thread == 0 {
                #expect(try rows.deleteRange(.all, durability: .flushed) == 1)
                return
            }
            defer { lock.unlock() }
            #expect(try spin { try rows.get("first") == nil })
            // So that what the first step did is no reason to wait.
            try database.flush()
            #expect(try rows.delete("second", durability: .deferred))
            let deleted = try database.statistics().currentLSN
            end.withLock { $0 = deleted }
        }
        let least = end.withLock { $0 }
        #expect(least > .zero)
        #expect(try settled(database) >= least)
        try close(database)
    }
}
