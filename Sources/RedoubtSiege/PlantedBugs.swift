import RedoubtEngine
import RedoubtSystem

/// Plants mistakes in the engine, one at a time, and lets the hunt find it that is named for it.
///
/// Goal: the laboratory would find the mistakes that it is there for. Without a mistake each hunt must find nothing in
/// as many states as it took to find the last of its mistakes: the same workload, the same disks, the same judgement.
package enum PlantedBugs {
    /// What the table came to.
    package struct Figures: Sendable {
        /// Mistakes planted.
        package var count = 0
        /// Those of them that were caught.
        package var caughtCount = 0
        /// The most states or runs until one was caught.
        package var worst = 0
        /// The mistakes by name that were not caught.
        package var uncaught: [String] = []
        /// What was found where nothing was planted.
        package var falseAlarms: [String] = []
    }

    #if REDOUBT_INTERLEAVING
    /// Whether this build can plant a bug: builds with `REDOUBT_INTERLEAVING` only.
    package static let isPossible = true
    #else
    /// Whether this build can plant a bug: it cannot.
    package static let isPossible = false
    #endif

    /// How to make a build that can.
    package static let buildHint =
        "this build cannot plant bugs: swift build -c release -Xswiftc -DREDOUBT_INTERLEAVING --product siege"

    /// The names of all, and where they are planted.
    package static let places = PlantedMistake.all.map { (name: "\($0)", place: $0.place) }

    /// Plants the mistakes named in `names`, all if it is nil; says in a line what each came to.
    ///
    /// - Throws: What stops a recording without a mistake.
    package static func run(
        _ budget: EngineBudget = EngineBudget(),
        names: [String]? = nil,
        progress: (String) -> Void
    ) throws -> Figures {
        var figures = Figures()
        guard isPossible else { return figures }
        let chosen = PlantedMistake.all.filter { names?.contains($0.description) ?? true }
        var counts: [String: Int] = [:]
        for mistake in chosen {
            let begin = Scheduling.now()
            let outcome = try plant(mistake, limit: budget.huntLimit)
            let name = mistake.hunt.name
            let cost = "\(outcome.count) \(mistake.hunt.unit), \(centiseconds(since: begin)) s"
            figures.count += 1
            guard let finding = outcome.finding else {
                figures.uncaught.append("\(mistake)")
                progress("planted bug \(mistake), \(mistake.place): NOT caught by \(name) in \(cost)")
                continue
            }
            progress("planted bug \(mistake), \(mistake.place): caught by \(name), \(cost): \(finding.prefix(300))")
            figures.caughtCount += 1
            figures.worst = max(figures.worst, outcome.count)
            counts[name] = max(counts[name] ?? 0, outcome.count)
        }
        for hunt in PlantedMistake.hunts(of: chosen) {
            let begin = Scheduling.now()
            let outcome = try hunt.search(max(20, counts[hunt.name] ?? 0), nil)
            let found = outcome.finding ?? "nothing"
            let cost = "\(outcome.count) \(hunt.unit), \(centiseconds(since: begin)) s"
            progress("planted bug none: \(found) found by \(hunt), \(cost)")
            if outcome.count == 0 { figures.falseAlarms.append("\(hunt): looked at nothing") }
            if let finding = outcome.finding { figures.falseAlarms.append("\(hunt): \(finding)") }
        }
        return figures
    }

    private static func plant(_ mistake: PlantedMistake, limit: Int) throws -> Hunt.Outcome {
        #if REDOUBT_INTERLEAVING
        try Scheduling.planting(mistake.bug) { try mistake.hunt.search(limit, mistake.fault) }
        #else
        Hunt.Outcome(count: 0, finding: nil)
        #endif
    }

    /// The seconds since `begin`, in hundredths.
    private static func centiseconds(since begin: EngineInstant) -> Double {
        Double(Scheduling.now().nanoseconds(since: begin) / 10_000_000) / 100
    }
}
