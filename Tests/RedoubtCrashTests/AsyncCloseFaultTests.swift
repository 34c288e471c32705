import Redoubt
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtSiege

/// Goal: closing waits for the writes of tasks, and ends also when what they wait for never comes.
///
/// Method: a device that hangs under the write of a task while threads close; then its redo finds no space, or fails.
@Suite(.timeLimit(.minutes(5))) struct AsyncCloseFaultTests {
    enum Call: CaseIterable {
        case put, compareAndPut
    }

    private static let key: [UInt8] = [1]
    // Which thread of the log notices differs.
    private static let shapes: [Configuration.RedoLog.Shape] = [.single, .selfWriting, .dedicated]

    private static func run(_ call: Call, _ rows: Keyspace, _ durability: Durability) async -> RedoubtError.Code? {
        do {
            switch call {
            case .put: try await rows.put(key, [1], durability: durability)
            case .compareAndPut:
                let isApplied = try await rows.compareAndPut(key, expected: nil, new: [1], durability: durability)
                #expect(isApplied)
            }
            return nil
        } catch {
            return error.code
        }
    }

    /// Returns what the caller of `call` is told whose redo fails with `errno` while the database is being closed.
    private func told(
        of call: Call,
        _ durability: Durability,
        _ shape: Configuration.RedoLog.Shape,
        errno: Int32
    ) async throws -> (caller: RedoubtError.Code?, closer: RedoubtError.Code?) {
        let disk = SimulatedStorage(options: .judging)
        let storage = BlockableStorage(disk)
        var configuration = EngineClient.configuration
        configuration.redoLog.shape = shape
        let database = try Database.open(at: EngineClient.path, configuration: configuration, storage: storage)
        let rows = try database.createKeyspace("rows")
        storage.block(.write(.redo))
        let isTold = Atomic(false)
        let closer = Mutex<RedoubtError.Code?>(nil)
        let task = Task(executorPreference: HeldExecutor(isHeld: false)) {
            let code = await Self.run(call, rows, durability)
            isTold.store(true, ordering: .releasing)
            return code
        }
        #expect(try spin { try rows.get(Self.key) != nil })
        // The first who closes may wait for the threads; the second shuts the gate.
        try onThreads(3) { thread in
            if thread < 2 {
                let code = code { try database.close() }
                return closer.withLock { $0 = $0 ?? code }
            }
            #expect(spin { code { _ = try database.keyspaceNames() } == .closed })
            let isEarly = isTold.load(ordering: .acquiring)
            #expect(!isEarly)
            let effect = SimulatedFault.Effect.failure(errno: errno)
            disk.inject(SimulatedFault(.write, role: .redo, isPermanent: true, effect: effect))
            storage.release()
            #expect(spin { isTold.load(ordering: .acquiring) })
            disk.removeFaults()
        }
        return (await task.value, closer.withLock { $0 })
    }

    @Test(arguments: Call.allCases, [Durability.written, .flushed])
    func `closing ends though redo of a task finds no space`(_ call: Call, _ durability: Durability) async throws {
        for shape in Self.shapes {
            let told = try await told(of: call, durability, shape, errno: SimulatedFault.noSpace)
            #expect(told.caller == .notDurable, "\(shape)")
        }
    }

    @Test(arguments: Call.allCases, [Durability.written, .flushed])
    func `closing ends though redo of a task fails`(_ call: Call, _ durability: Durability) async throws {
        for shape in Self.shapes {
            let told = try await told(of: call, durability, shape, errno: SimulatedFault.inputOutputError)
            #expect(told.caller == .fenced && told.closer == .fenced, "\(shape)")
        }
    }
}
