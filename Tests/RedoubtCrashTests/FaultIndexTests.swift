import Redoubt
import RedoubtSimulation
import SiegeKit
import Synchronization
import Testing

/// Goal: whatever call of the disk fails, once or for ever, no acknowledged write is lost and the database opens.
/// Method: workloads in a world of one thread, with each kind of fault at call 0, 1, 2 ... until it does not fire; the
/// disk as a power cut and as a kill leave it is recovered and compared with the model.
@Suite(.serialized, .timeLimit(.minutes(30))) struct FaultIndexTests {
    /// The operations of a workload.
    private static let operationCount = 40

    private static let totals = Mutex((runs: 0, fired: 0))

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
        for _ in 0..<operationCount { try client.perform(workload.next(client.model)) }
        return client.model
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
        let verdict = Siege.faults(budget) { world in
            _ = try Self.write(world.storage, seed: seed)
        } check: { disk in
            let database = try EngineClient.open(disk, hasThreads: false)
            defer { database.forget() }
            let numbers = model.commitNumbers(with: try EngineClient.contentHash(of: database))
            let findings = try database.check()
            if let first = findings.first { throw CrashRun.Finding("check: \(first)") }
            return numbers
        }
        let totals = Self.totals.withLock { totals in
            totals.runs += verdict.faultRunCount
            totals.fired += verdict.firedCount
            return totals
        }
        print("totals so far: \(totals.runs) runs with a fault, \(totals.fired) fired; seed \(seed): \(verdict)")
        #expect(verdict.isGood, "\(verdict)")
        #expect(verdict.firedCount > 500)
    }
}
