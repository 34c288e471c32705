import RedoubtCore
import RedoubtEngine
import RedoubtLog
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import Redoubt

/// Goal: what a task is told of its write is true, whoever closes the database meanwhile: after `.closed` nothing was
/// changed.
///
/// Method: an executor that runs nothing while a thread closes; a write that a lock holds up while two threads close,
/// of which one shuts the gate; threads that have ended before a wait begins; and 64 tasks that write without a pause.
@Suite(.timeLimit(.minutes(5))) struct AsyncCloseTests {
    enum Call: CaseIterable {
        case put, delete, deleteRange, compareAndPut, batch
    }

    private static let key = Array("row".utf8)
    // Stands outside its page, so that a thread makes each change of it and frees its pages afterwards, under a lock.
    private static let before = [UInt8](repeating: 1, count: 40_000)

    private static func prepare(_ database: Database) throws -> Keyspace {
        let rows = try database.keyspace(named: "rows", createIfMissing: true)
        try rows.put(key, before, durability: .flushed)
        return rows
    }

    private static func run(_ call: Call, _ rows: Keyspace, _ durability: Durability) async throws {
        switch call {
        case .put: try await rows.put(key, [2], durability: durability)
        case .delete: #expect(try await rows.delete(key, durability: durability))
        case .deleteRange: #expect(try await rows.deleteRange(.all, durability: durability) == 1)
        case .compareAndPut:
            #expect(try await rows.compareAndPut(key, expected: before, new: [2], durability: durability))
        case .batch:
            var batch = WriteBatch()
            try batch.put(key, [2], in: rows)
            try await rows.database.write(batch, durability: durability)
        }
    }

    /// Expects that a change was made exactly if its caller was told so.
    private static func compare(_ told: Result<Void, any Error>, with fixture: Fixture) throws {
        let again = try fixture.open()
        let isChanged = try again.keyspace(named: "rows").get(key) != before
        switch told {
        case .success: #expect(isChanged)
        case .failure(let error):
            #expect((error as? RedoubtError)?.code == .closed)
            #expect(!isChanged, "the caller was told \(error), but the change is there")
        }
        try again.close()
    }

    @Test(arguments: Call.allCases)
    func `a task was told of a closed database though its change was made`(_ call: Call) async throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let rows = try Self.prepare(database)
        let executor = HeldExecutor(isHeld: true)
        let task = Task(executorPreference: executor) { try await Self.run(call, rows, .flushed) }
        #expect(spin { executor.runOne() })
        #expect(try spin { try rows.get(Self.key) != Self.before })
        try database.close()
        executor.letGo()
        try Self.compare(await task.result, with: fixture)
    }

    @Test(arguments: Call.allCases, [Durability.written, .flushed])
    func `a task was told of a closed database though its call was inside`(
        _ call: Call,
        _ durability: Durability
    ) async throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let rows = try Self.prepare(database)
        let lock = rows.tree.space.treeLock
        lock.lock()
        let task = Task(executorPreference: HeldExecutor(isHeld: false)) { try await Self.run(call, rows, durability) }
        #expect(try spin { try rows.get(Self.key) != Self.before })
        // The first who closes waits for the threads, the second shuts the gate and waits for the call.
        try onThreads(3) { thread in
            if thread < 2 { return try database.close() }
            defer { lock.unlock() }
            #expect(spin { code { _ = try database.keyspaceNames() } == .closed })
        }
        try Self.compare(await task.result, with: fixture)
    }

    @Test func `a task was told of a closed database because the threads that wait had ended`() async throws {
        let fixture = Fixture()
        let database = try fixture.open()
        let rows = try Self.prepare(database)
        try database.change { $0.redoLog.deferredFlushMilliseconds = 3_600_000 }
        // As the first half of closing does.
        database.threads.stop()
        let log = database.engine.log
        var (changes, looks) = (0, 0)
        for number in 1..<UInt8(100) {
            // Only what is done at once can be done now; the rest is refused, and has changed nothing.
            do throws(RedoubtError) {
                try await rows.put([number], [1], durability: .written)
                #expect(log.writtenLSN == log.currentLSN)
                changes += 1
            } catch {
                #expect(error.code == .closed)
                #expect(try !rows.contains([number]), "the caller was told \(error), but the row is there")
            }
            do throws(RedoubtError) {
                try await rows.put([number], [2], durability: .deferred)
                let existed = try await rows.delete([0], durability: .written)
                #expect(!existed && log.writtenLSN == log.currentLSN)
                looks += 1
            } catch {
                #expect(error.code == .closed)
            }
        }
        #expect(changes > 0 && looks > 0)
        try database.close()
    }

    @Test func `closing waited for a task that nobody ran`() async throws {
        let fixture = Fixture()
        let storage = BlockableStorage(LinuxStorage())
        let database = try Database.open(at: fixture.path, configuration: Fixture.configuration, storage: storage)
        let rows = try Self.prepare(database)
        storage.block(.write(.redo))
        let executor = HeldExecutor(isHeld: true)
        let task = Task(executorPreference: executor) { try await rows.put([1], [1], durability: .flushed) }
        #expect(spin { executor.runOne() })
        #expect(try spin { try rows.get([UInt8(1)]) != nil })
        let isClosed = Atomic(false)
        try onThreads(2) { thread in
            if thread == 0 {
                try database.close()
                return isClosed.store(true, ordering: .releasing)
            }
            defer { executor.letGo() }
            #expect(spin { code { _ = try database.keyspaceNames() } == .closed })
            let isEarly = isClosed.load(ordering: .acquiring)
            #expect(!isEarly)
            storage.release()
            #expect(spin { isClosed.load(ordering: .acquiring) })
        }
        try await task.value
    }

    @Test func `a thread of the database that was the last to know it trapped as it closed it`() throws {
        let fixture = Fixture()
        let isForgotten = Atomic(false)
        do {
            let database = try fixture.open()
            _ = try Self.prepare(database)
            // As one who has resumed its task, which ends first.
            let isQueued = try database.threads.run { [database] in
                let isAlone = spin { isForgotten.load(ordering: .acquiring) }
                #expect(isAlone && !database.isReadOnly)
            }
            #expect(isQueued)
        }
        isForgotten.store(true, ordering: .releasing)
        #expect(spin { code { try fixture.open().close() } == nil })
    }

    // MARK: Many tasks

    /// Writes rows of `task` until an error; returns how many writes succeeded, and the error.
    private static func write(_ task: Int, _ rows: Keyspace, _ seed: UInt64) async -> (count: Int, error: any Error) {
        let durabilities: [Durability] = [.flushed, .written, .flushed, .deferred]
        var count = 0
        while true {
            let key = Array("\(task)/\(count)".utf8)
            let choice = (seed &+ UInt64(task &* 31 &+ count)) % 8
            let durability = durabilities[Int(choice % 4)]
            do {
                if choice < 4 {
                    try await rows.put(key, key, durability: durability)
                } else if try await !rows.compareAndPut(key, expected: nil, new: key, durability: durability) {
                    return (count, RedoubtError(.exists, "row \(count) of task \(task) was there"))
                }
                count += 1
            } catch {
                return (count, error)
            }
        }
    }

    @Test func `of 64 tasks that write while another thread closes each is told the truth`() async throws {
        let seed = testSeed()
        let fixture = Fixture()
        let executors = (0..<4).map { _ in HeldExecutor(isHeld: false) }
        let shapes: [Configuration.RedoLog.Shape] = [.single, .selfWriting, .dedicated]
        for round in 0..<12 {
            var configuration = Fixture.configuration
            configuration.redoLog.shape = shapes[round % 3]
            let database = try Database.open(at: fixture.path, configuration: configuration)
            let rows = try database.keyspace(named: "rows \(round)", createIfMissing: true)
            let tasks = (0..<64).map { task in
                Task(executorPreference: executors[task % 4]) { await Self.write(task, rows, seed) }
            }
            try onThreads(1) { _ in
                Scheduling.sleep(microseconds: 2_000 + Int((seed &+ UInt64(round)) % 7) * 4_000)
                try database.close()
            }
            let again = try fixture.open()
            let found = try again.keyspace(named: "rows \(round)")
            var total = 0
            for (task, written) in tasks.enumerated() {
                let (count, error) = await written.value
                #expect((error as? RedoubtError)?.code == .closed)
                for number in 0..<count { #expect(try found.get("\(task)/\(number)") != nil, "row \(number) is lost") }
                #expect(try found.get("\(task)/\(count)") == nil, "task \(task) was told \(error), the row is there")
                total += count
            }
            #expect(try found.count() == total)
            try again.close()
        }
    }
}
