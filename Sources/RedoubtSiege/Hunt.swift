import Redoubt
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem
import Synchronization

/// A way to find a mistake of the engine: what is run, what is done to it, and who judges.
struct Hunt: Sendable {
    /// What it came to.
    struct Outcome: Sendable {
        /// The states, or runs, up to the one that is wrong; or all.
        let count: Int
        /// What is wrong; nil if nothing is.
        let finding: String?
    }

    /// The seed of all hunts: one table, one set of figures.
    static let seed: UInt64 = 1

    let name: String
    /// What is counted.
    let unit: String
    /// Looks at `limit` states or runs at most, with the rule of the page cleaner broken.
    let search: @Sendable (_ limit: Int, _ fault: CleanerFault?) throws -> Outcome

    /// What happens before each operation of a run, with the rule broken.
    typealias Interlude = @Sendable (_ fault: CleanerFault?) -> CrashRun.Interlude

    /// Power cuts of a recorded workload.
    struct Cuts: Sendable {
        var profile: CrashProfile
        var doublewrite = Configuration.Doublewrite.on
        /// Whether mixtures of the sectors of all writes are looked at, and little else.
        var mixes = false
        /// Whether each recovered database goes on, and the power is cut again.
        var goesOn = false
        /// Whether the power is cut within each recovery, too.
        var isNested = false
        var interlude: Interlude = { _ in { (_, _) throws(RedoubtError) in } }

        init(_ profile: CrashProfile) {
            self.profile = profile
        }
    }

    /// Judges the disks that power cuts of a workload could leave.
    static func cuts(_ cuts: Cuts) -> Hunt {
        let after = cuts.goesOn ? ", going on" : cuts.isNested ? ", and of recoveries" : cuts.mixes ? ", mixed" : ""
        return Hunt(name: "cuts of \(cuts.profile.name)\(after)", unit: "states") { limit, fault in
            let run: CrashRun
            do {
                run = try record(cuts, fault, seed: seed)
            } catch {
                return Outcome(count: 1, finding: "the recording: \(error)")
            }
            let explorer = run.explorer(mixtureCount: cuts.mixes ? 40 : 0, prefersMixtures: cuts.mixes)
            let nested = CrashRun.NestedCounts()
            let hunt = explorer.hunt(limit: limit) { state in
                if cuts.isNested { return try run.judge(state, nestedShare: 1, nested) }
                return try cuts.goesOn ? ContinuedRun(run).judge(state) : run.judge(state)
            }
            return Outcome(count: hunt.judgedCount, finding: hunt.failure.map { "\($0)" })
        }
    }

    /// Judges the traces of runs, one a seed.
    static func traces(_ cuts: Cuts) -> Hunt {
        Hunt(name: "traces of \(cuts.profile.name)", unit: "runs") { limit, fault in
            let count = min(limit, traceCountMaximum)
            for number in 0..<count {
                let run: CrashRun
                do {
                    run = try record(cuts, fault, seed: seed + UInt64(number))
                } catch {
                    return Outcome(count: number + 1, finding: "the recording: \(error)")
                }
                let breach = run.flushing.breaches.first?.description ?? WriteTrace(run.storage.trace).breaches.first
                if let breach { return Outcome(count: number + 1, finding: breach) }
            }
            return Outcome(count: count, finding: nil)
        }
    }

    /// The most runs of which traces are judged.
    private static let traceCountMaximum = 60

    /// Records what is hunted through; without `fault` it is the control: the same in everything else.
    static func record(_ cuts: Cuts, _ fault: CleanerFault?, seed: UInt64 = Hunt.seed) throws -> CrashRun {
        try CrashRun(
            cuts.profile,
            seed: seed,
            doublewrite: cuts.doublewrite,
            judgesFlushing: false,
            before: cuts.interlude(fault)
        )
    }

    /// Judges what is left when one call of a kind fails, each in turn; with `goesOn` after a checkpoint that works.
    static func faults(
        _ operation: SimulatedFault.Operation,
        _ role: FileRole,
        errno: Int32 = SimulatedFault.inputOutputError,
        weights: Workload.Weights = FaultSweep.weights,
        goesOn: Bool = false
    ) -> Hunt {
        Hunt(name: "\(operation.rawValue) of \(role) fails with \(errno)", unit: "runs") { limit, _ in
            let runs = RunCount()
            do {
                let sweep = FaultSweep(operation, role: role, errno: errno, weights: weights)
                _ = try sweep.run(limit: limit) { world, error in
                    runs.value.wrappingAdd(1, ordering: .relaxed)
                    if !goesOn { return world.recover() }
                    if let error, error.code != .diskFull { return "\(error)" }
                    world.storage.removeFaults()
                    do throws(RedoubtError) { try world.client.database.checkpoint() } catch { return "\(error)" }
                    return world.recover()
                }
            } catch {
                return Outcome(count: runs.value.load(ordering: .relaxed), finding: "\(error)")
            }
            return Outcome(count: runs.value.load(ordering: .relaxed), finding: nil)
        }
    }

    private final class RunCount: Sendable {
        let value = Atomic(0)
    }
}

extension Hunt: CustomStringConvertible {
    var description: String { name }
}
