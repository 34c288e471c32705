import Redoubt
import RedoubtEngine
import RedoubtSimulation
package import RedoubtSystem
package import SiegeKit

/// Lets every call of the disk fail that the engine makes, one after the other, once and for ever.
///
/// Goal: whatever fails, no acknowledged write is lost and the database opens again. Method: workloads with each kind
/// of fault at call 0, 1, 2 ... until it does not fire; the disk as power cuts and a kill leave it is recovered and
/// compared with the model.
package enum EngineFaults {
    /// The operations of a workload.
    private static let operationCount = 40

    /// The kinds of faults.
    package static let kinds = FaultKind.all.filter { $0.operation != .truncate }

    /// The kinds that are left out, and why.
    package static let leftOut =
        "truncate: a file is made shorter only after it failed to grow, which is a fault itself"

    /// Where a kind of fault is injected.
    private enum Place: CaseIterable {
        /// One thread does everything: the cheapest.
        case oneThread
        /// The same on a device that writes pages all or nothing.
        case atomicWrites
        /// All threads: to one alone it makes no difference that a call takes longer.
        case allThreads

        init(_ kind: FaultKind) {
            if case .delay = kind.effect {
                self = .allThreads
            } else {
                self = kind.operation == .atomicWrite ? .atomicWrites : .oneThread
            }
        }
    }

    /// Judges the workload of `seed` with each of `kinds`.
    ///
    /// Waits until all is judged.
    ///
    /// - Throws: What the workload throws without a fault.
    package static func run(seed: UInt64, kinds: [FaultKind] = EngineFaults.kinds) throws -> Verdict {
        let clean: Result<ReferenceModel, any Error> = InlineScheduler().run {
            Result { try write(SimulatedStorage(), seed: seed, hasThreads: false) }
        }
        let model = try clean.get()
        var verdict = Verdict()
        for place in Place.allCases {
            let those = kinds.filter { Place($0) == place }
            if !those.isEmpty { verdict.add(try run(seed: seed, those, place, model)) }
        }
        return verdict
    }

    private static func run(
        seed: UInt64,
        _ kinds: [FaultKind],
        _ place: Place,
        _ model: ReferenceModel
    ) throws -> Verdict {
        var budget = SiegeBudget()
        budget.seed = seed
        budget.world = place == .allThreads ? .threads : .oneThread
        budget.checkingWorld = .oneThread
        budget.atomicWriteUnit = place == .atomicWrites ? 16384 : 0
        return try Siege.faults(budget, kinds) { world in
            try UnderJudgement.noting(.faults, seed: seed) {
                _ = try write(world.storage, seed: seed, hasThreads: place == .allThreads)
            }
        } check: { disk in
            try UnderJudgement.noting(.faults, seed: seed) {
                let database = try EngineClient.open(disk, hasThreads: false)
                defer { database.forget() }
                let numbers = model.commitNumbers(with: try EngineClient.contentHash(of: database))
                let findings = try database.check()
                if let first = findings.first { throw CrashRun.Finding("check: \(first)") }
                return numbers
            }
        }
    }

    /// The roles of the files that are damaged.
    static let damagedRoles = [FileRole.data, .doublewrite, .redo]

    /// Judges what flipped bits, misdirected and lost transfers at each call of the workload of `seed` come to, by the
    /// role of the file.
    ///
    /// Damage of pages and of their copies is detected or does no harm, where the device flips bits: pages are torn by
    /// the power cuts, so that copies are needed. Damage of the end
    /// of the redo cannot be told from a write that was under way, and the engine keeps no ledger of its page writes:
    /// what becomes of lost and misdirected ones is counted.
    ///
    /// Waits until all is judged.
    ///
    /// - Throws: What the workload throws without a fault.
    package static func damage(seed: UInt64) throws -> [(role: FileRole, verdict: Verdict)] {
        let run = FaultRun(seed: seed, hasThreads: false, tearsPages: true)
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
                try UnderJudgement.noting(.damage, seed: seed) {
                    _ = try run.write(world.storage) { world.wrong($0) }
                }
            } check: { disk in
                try UnderJudgement.noting(.damage, seed: seed) { try run.recover(disk, model) }
            }
            return (role, verdict)
        }
    }

    /// Does a workload on `storage` as far as it gets, and returns the model of it.
    private static func write(
        _ storage: SimulatedStorage,
        seed: UInt64,
        hasThreads: Bool
    ) throws -> ReferenceModel {
        var client = try EngineClient(storage, model: ReferenceModel(), durability: .flushed, hasThreads: hasThreads)
        let database = client.database
        defer { end(database, hasThreads: hasThreads) }
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

    /// Ends the use of `database`: in order where there are threads to be joined, else as a kill does.
    private static func end(_ database: Database, hasThreads: Bool) {
        guard hasThreads else { return database.forget() }
        // What a close cannot write the redo has.
        do throws(RedoubtError) { try database.close() } catch {}
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
