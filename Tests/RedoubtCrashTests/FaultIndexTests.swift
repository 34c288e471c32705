import Redoubt
import RedoubtSimulation
import SiegeKit
import Synchronization
import Testing

@testable import Redoubt
@testable import RedoubtEngine

/// Goal: whatever call of the disk fails, once or for ever, no acknowledged write is lost and the database opens.
/// Method: workloads in a world of one thread, with each kind of fault at call 0, 1, 2 ... until it does not fire; the
/// disk as power cuts and a kill leave it is recovered and compared with the model.
@Suite(.serialized, .timeLimit(.minutes(30))) struct FaultIndexTests {
    /// The operations of a workload.
    private static let operationCount = 40

    private static let total = Mutex(0)

    /// Does a workload on `storage` as far as it gets, and returns the model of it.
    private static func write(_ storage: SimulatedStorage, seed: UInt64) throws -> ReferenceModel {
        var client = try EngineClient(storage, model: ReferenceModel(), durability: .flushed, hasThreads: false)
        let database = client.database
        defer { database.forget() }
        for name in ["first", "second"] { try client.perform(.structure(.createKeyspace(name))) }
        var weights = Workload.Weights()
        weights.putOffPage = 10
        weights.createKeyspace = 4
        weights.checkpoint = 3
        var workload = Workload(seed: seed, weights: weights)
        do throws(RedoubtError) {
            for _ in 0..<operationCount { try client.perform(workload.next(client.model)) }
        } catch {
            try goOn(database, storage)
            throw error
        }
        return client.model
    }

    /// After a fence no write succeeds any more, whatever the disk does.
    private static func goOn(_ database: Database, _ storage: SimulatedStorage) throws {
        guard database.engine.health.isFenced else { return }
        for name in try database.keyspaceNames() {
            do throws(RedoubtError) {
                try database.keyspace(named: name).put(Array("after".utf8), [1], durability: .flushed)
                // A commit that nobody may find.
                storage.mark(.acknowledged(.max))
            } catch {}
        }
    }

    @Test(arguments: CrashBudget.faultSeeds) func `no fault at any call loses what was acknowledged`(
        _ seed: UInt64
    ) throws {
        let clean: Result<ReferenceModel, any Error> = InlineScheduler().run {
            Result { try Self.write(SimulatedStorage(), seed: seed) }
        }
        let model = try clean.get()
        var budget = SiegeBudget()
        budget.seed = seed
        budget.world = .oneThread
        budget.checkingWorld = .oneThread
        let verdict = try Siege.faults(budget) { world in
            _ = try Self.write(world.storage, seed: seed)
        } check: { disk in
            let database = try EngineClient.open(disk, hasThreads: false)
            defer { database.forget() }
            let numbers = model.commitNumbers(with: try EngineClient.contentHash(of: database))
            let findings = try database.check()
            if let first = findings.first { throw CrashRun.Finding("check: \(first)") }
            return numbers
        }
        let total = Self.total.withLock { total in
            total += verdict.faultRunCount
            return total
        }
        print("fault totals so far: \(total) runs with a fault; seed \(seed): \(verdict)")
        #expect(verdict.isGood, "\(verdict)")
        #expect(verdict.faultRunCount > 300)
    }
}
