import RedoubtSimulation
import RedoubtSystem
import SiegeKit

// What shows that the judgement of power cuts would notice: mistakes that go the way of all disks.
extension EnginePowerCuts {
    /// Judges the trace of `run` as a disk leaves it that ignores every sync: acknowledged commits are lost then.
    ///
    /// Up to the first acknowledgements: behind them there is more to choose from, and nothing more to see.
    static func lyingDisk(_ run: CrashRun, _ budget: EngineBudget) -> Verdict.Canary {
        let trace = Siege.withoutSyncs(run.storage.trace)
        var options = CrashExplorer.Options()
        options.seed = run.seed
        options.statesPerPoint = 2
        let isAcknowledgement = { (event: SimulatedEvent) in
            if case .mark(.acknowledged(let number)) = event { number > 0 } else { false }
        }
        let first = trace.firstIndex(where: isAcknowledgement) ?? trace.count
        options.firstEvent = first
        let few = trace.prefix(first + 12)
        let explorer = CrashExplorer(start: run.storage.startImage, trace: Array(few), options: options)
        var alone = budget
        alone.nestedShare = .max
        alone.continuedShare = .max
        alone.endsAtFirst = true
        let judgement = Judgement(run, alone)
        let report = judgement.judge(explorer, seconds: nil)
        let name = "a disk that ignores syncs, \(run.profile.name)"
        return Verdict.Canary(name: name, caughtAfter: report.failureCount > 0 ? judgement.judgedCount : nil)
    }

    #if REDOUBT_INTERLEAVING
    /// A bug that ``run(_:names:progress:)`` has to find where it is planted.
    struct Planted: Sendable {
        let bug: PlantedBug
        /// The workload in which it is looked for.
        let workload: String
        /// Power is cut within the recoveries from one disk in so many.
        let nestedShare: UInt64
    }

    /// One that every judgement of a disk can notice, and one that shows in nothing but a recovery that is cut off.
    static let planted = [
        Planted(bug: .skipsLogSync, workload: "everything", nestedShare: .max),
        Planted(bug: .clearsBeforeRewriting, workload: "everything", nestedShare: 4),
    ]

    /// Runs a workload with `planted` in the engine, and ends at the first disk that is wrong.
    static func run(_ planted: Planted, _ budget: EngineBudget = EngineBudget()) throws -> Figures {
        var few = budget
        few.seedCount = 1
        few.statesPerPoint = 2
        few.seconds = nil
        few.nestedShare = planted.nestedShare
        few.continuedShare = .max
        few.endsAtFirst = true
        return try Scheduling.planting(planted.bug) { try run(few, names: [planted.workload]) { _ in } }
    }

    /// Plants the bugs, one after the other.
    ///
    /// - Throws: What stops a recording.
    static func plantedCanaries(_ budget: EngineBudget) throws -> [Verdict.Canary] {
        try planted.map { planted in
            let figures = try run(planted, budget)
            let place = planted.nestedShare == .max ? "in power cuts" : "in power cuts within recoveries"
            let caught = figures.firstFailure == nil ? nil : figures.searchedCount
            return Verdict.Canary(name: "\(planted.bug), \(place)", caughtAfter: caught)
        }
    }
    #endif
}
