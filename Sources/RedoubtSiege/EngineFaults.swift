import Redoubt
import RedoubtEngine
import RedoubtSimulation
package import RedoubtSystem
package import SiegeKit

/// Lets every call of the disk fail that the engine makes, one after the other, once and for ever.
///
/// Goal: whatever fails, no acknowledged write is lost and the database opens again. Method: workloads in a world of
/// one thread, with each kind of fault at call 0, 1, 2 ... until it does not fire; the disk as power cuts and a kill
/// leave it is recovered and compared with the model.
package enum EngineFaults {
    /// The operations of a workload.
    private static let operationCount = 40

    /// Judges the workload of `seed` with each of `kinds`.
    ///
    /// Waits until all is judged.
    ///
    /// - Throws: What the workload throws without a fault.
    package static func run(seed: UInt64, kinds: [FaultKind] = FaultKind.all) throws -> Verdict {
        let clean: Result<ReferenceModel, any Error> = InlineScheduler().run {
            Result { try write(SimulatedStorage(), seed: seed) }
        }
        let model = try clean.get()
        var budget = SiegeBudget()
        budget.seed = seed
        budget.world = .oneThread
        budget.checkingWorld = .oneThread
        return try Siege.faults(budget, kinds) { world in
            _ = try write(world.storage, seed: seed)
        } check: { disk in
            let database = try EngineClient.open(disk, hasThreads: false)
            defer { database.forget() }
            let numbers = model.commitNumbers(with: try EngineClient.contentHash(of: database))
            let findings = try database.check()
            if let first = findings.first { throw CrashRun.Finding("check: \(first)") }
            return numbers
        }
    }

    /// The roles of the files that are damaged.
    static let damagedRoles = [FileRole.data, .doublewrite, .redo]

    /// Judges what flipped bits, misdirected and lost transfers at each call of the workload of `seed` come to, by the
    /// role of the file.
    ///
    /// Damage of pages and of their copies is detected or does no harm, where the device flips bits. Damage of the end
    /// of the redo cannot be told from a write that was under way, and the engine keeps no ledger of its page writes:
    /// what becomes of lost and misdirected ones is counted.
    ///
    /// Waits until all is judged.
    ///
    /// - Throws: What the workload throws without a fault.
    package static func damage(seed: UInt64) throws -> [(role: FileRole, verdict: Verdict)] {
        let run = FaultRun(seed: seed, hasThreads: false)
        let model = try run.model()
        var budget = SiegeBudget()
        budget.seed = seed
        budget.world = .oneThread
        budget.checkingWorld = .oneThread
        return try damagedRoles.map { role in
            let kinds = FaultKind.damage(role, promise: .nothing).map { kind in
                var kind = kind
                if kind.effect == .bitFlip && role != .redo { kind.promise = .detection }
                return kind
            }
            let verdict = try Siege.faults(budget, kinds) { world in
                _ = try run.write(world.storage) { world.wrong($0) }
            } check: { disk in
                try run.recover(disk, model)
            }
            return (role, verdict)
        }
    }

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
}
