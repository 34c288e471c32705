import RedoubtSimulation
import RedoubtSystem
import SiegeKit
import Synchronization

/// The laboratory as a whole: runs its parts one after the other and makes one page of what they came to.
package enum EngineScorecard {
    /// A part of the laboratory.
    package enum Part: String, Sendable, CaseIterable {
        /// Bugs planted in the engine, each to be caught: the canaries of all that follows.
        case bugs
        /// Power cuts of recorded workloads, and of the recoveries from them.
        case cuts
        /// Redo replayed in consistency mode, every page compared.
        case consistency
        /// Epochs too large for lists, explored by what a recovery reads.
        case epochs
        /// Schedules of the whole engine with all its threads and several clients.
        case schedules
        /// Faults at every call.
        case faults
        /// Bits flipped in pages, redo and whole databases.
        case flips
        /// Blocks of redo destroyed in the tail and in the middle.
        case tails

        /// All names.
        package static let names = allCases.map(\.rawValue).joined(separator: ", ")
    }

    /// Runs `parts` and makes the page.
    ///
    /// Waits until all is judged: minutes.
    ///
    /// - Parameter progress: Takes a line about what was done, and whether it is about a whole part.
    /// - Throws: What stops a recording.
    package static func run(
        _ parts: [Part] = Part.allCases,
        _ budget: EngineBudget = EngineBudget(),
        progress: (String, Bool) -> Void
    ) throws -> Scorecard {
        var card = Scorecard(isSmoke: budget.isSmoke)
        for part in Part.allCases where parts.contains(part) {
            let begin = Scheduling.now()
            switch part {
            case .bugs: try bugs(budget, &card) { progress($0, false) }
            case .cuts: try cuts(budget, &card) { progress($0, false) }
            case .consistency: consistency(budget, &card)
            case .epochs: try epochs(budget, &card)
            case .schedules: schedules(budget, &card)
            case .faults: try EngineFaults.score(budget, &card) { progress($0, false) }
            case .flips: try flips(budget, &card)
            case .tails: try tails(&card)
            }
            progress("\(part.rawValue): \(Scheduling.now().nanoseconds(since: begin) / 1_000_000_000) s", true)
        }
        return card
    }

    private static func bugs(_ budget: EngineBudget, _ card: inout Scorecard, _ progress: (String) -> Void) throws {
        let section = "Planted bugs"
        guard PlantedBugs.isPossible else {
            // A laboratory that cannot show that it catches anything has no result.
            card.add(missedCanary: PlantedBugs.buildHint)
            return
        }
        let figures = try PlantedBugs.run(budget, progress: progress)
        card.add(section, "bugs planted", figures.count, atLeast: 30)
        card.add(section, "bugs caught", figures.caughtCount, exactly: figures.count)
        card.add(section, "states or runs until the last was caught, each by its own hunt", figures.worst)
        for name in figures.uncaught { card.add(missedCanary: name) }
        for alarm in figures.falseAlarms { card.add(violation: "nothing was planted: \(alarm)") }
    }

    private static func cuts(_ budget: EngineBudget, _ card: inout Scorecard, _ progress: (String) -> Void) throws {
        let section = "Power cuts"
        let figures = try EnginePowerCuts.run(budget, progress: progress)
        card.add(section, "workloads recorded", figures.runCount)
        card.add(section, "crash points", figures.pointCount, atLeast: 20_000)
        card.add(
            section,
            "crash points at which every possible disk was listed, before the budget",
            figures.exhaustedCount
        )
        card.add(section, "disks listed, with doubles", figures.listedCount)
        card.add(section, "disks left out by the budget, different within each run", figures.leftOutCount)
        let disks = "disks recovered and judged, different within each run"
        card.add(section, disks, figures.stateCount, atLeast: budget.diskGoal)
        let sectors = "those of them with copies of changed sectors only"
        card.add(section, sectors, figures.sectorStateCount, atLeast: budget.diskGoal / 8)
        let nested = "crash points within recoveries, to the third depth, each counted once"
        card.add(section, nested, figures.nestedPointCount, atLeast: 5000)
        card.add(section, "disks of those, different within each recovery", figures.nestedStateCount)
        card.add(section, "recovered databases that went on and were cut again", figures.continuedCount, atLeast: 500)
        card.add(section, "workloads of which no disk was judged", figures.idle.count, exactly: 0)
        let rate = figures.rate(threadCount: budget.threadCount)
        card.add(section, "disks judged a second and processor, those within recoveries apart", rate, atLeast: 500)
        card.add(section, "violations", figures.violationCount, exactly: 0)
        for violation in figures.violations { card.add(violation: violation) }
        card.add(section, "disks that ignored every sync, to be noticed", canaries: figures.canaries)
        #if REDOUBT_INTERLEAVING
        let planted = try EnginePowerCuts.plantedCanaries(budget)
        card.add(section, "bugs planted for it, one of them visible only within recoveries", canaries: planted)
        #else
        card.leaveOut("\(section): planted bugs", PlantedBugs.buildHint)
        #endif
    }

    private static func consistency(_ budget: EngineBudget, _ card: inout Scorecard) {
        let section = "Redo in consistency mode: every page compared after every replay"
        let figures = EngineConsistency.run(budget.seed..<budget.seed + budget.seedCount)
        card.add(section, "workloads run, killed and recovered", figures.runCount)
        card.add(section, "operations", figures.operationCount, atLeast: 5000)
        card.add(section, "redo replayed, images of pages included, in MiB", Int(figures.redoByteCount >> 20))
        card.add(section, "workloads of which a page differed", figures.violations.count, exactly: 0)
        #if REDOUBT_INTERLEAVING
        card.add(section, "bugs planted for it, a difference found of each", canaries: figures.canaries)
        #endif
        for violation in figures.violations.prefix(5) { card.add(violation: violation) }
    }

    private static func epochs(_ budget: EngineBudget, _ card: inout Scorecard) throws {
        let section = "Large epochs, every disk covered by lazy exploration"
        // Without merge points the pages of a batch multiply.
        guard PlantedBugs.isPossible else { return card.leaveOut(section, PlantedBugs.buildHint) }
        let epochs =
            try EngineEpochs.batch(pageCount: budget.isSmoke ? 8 : 128)
            + [try EngineEpochs.tail(rowCount: budget.isSmoke ? 8 : 46)]
        for epoch in epochs {
            let report = epoch.report
            let value =
                "2^\(Int(report.combinationBits)) disks of \(report.placeCount) places, "
                + "\(Scorecard.grouped(report.runCount)) runs, \(report.outcomes.count) outcomes, "
                + "\(report.auditedCount) drawn disks agree"
            let isMet = epoch.wrong == nil
            card.add(Scorecard.Figure(section, epoch.name, value, goal: "complete", isMet: isMet))
            if let wrong = epoch.wrong { card.add(violation: wrong) }
        }
    }

    private static func schedules(_ budget: EngineBudget, _ card: inout Scorecard) {
        let section = "Simulated schedules: all threads, three or four clients, options drawn from the seed"
        let last = budget.seed + budget.swarmSeedCount - 1
        let report = Swarm.run(budget.seed...last, threadCount: budget.threadCount)
        card.add(section, "seeds, each run twice", report.seedCount, atLeast: Int(budget.swarmSeedCount))
        card.add(section, "seeds with two histories", report.differingSeeds.count, exactly: 0)
        card.add(section, "simulations an hour", report.rate)
        card.add(section, "operations of clients", report.operationCount, atLeast: 40 * report.simulationCount)
        let cuts = "disks left by power cuts and kills, recovered and judged"
        card.add(section, cuts, report.cutCount, atLeast: 2 * report.simulationCount)
        card.add(section, "violations", report.violations.count, exactly: 0)
        for wrong in report.violations.prefix(5) { card.add(violation: wrong) }
        #if REDOUBT_INTERLEAVING
        let found = Scheduling.planting(.skipsLogSync) { Swarm.hunt(limit: 12) }
        if found == nil { card.add(missedCanary: "skipsLogSync, in schedules") }
        #endif
    }

    private static func flips(_ budget: EngineBudget, _ card: inout Scorecard) throws {
        let tallies = try BitFlips.everyBit()
        var section = "Bit flips, every single bit"
        for tally in tallies {
            let value = "\(Scorecard.grouped(tally.noticed)) of \(Scorecard.grouped(tally.tried)) noticed"
            let isMet = tally.noticed == tally.tried && tally.tried > 0
            card.add(Scorecard.Figure(section, tally.name, value, goal: "all", isMet: isMet))
        }
        card.add(section, "kinds of pages and redo left out", BitFlips.missingKinds(tallies).count, exactly: 0)
        section = "Bit flips, whole databases opened and read"
        let openings = try BitFlips.openings(budget.openingCount, seed: budget.seed)
        let openedCount = openings.reduce(0) { $0 + $1.tried }
        card.add(section, "databases opened", openedCount, exactly: budget.openingCount)
        for tally in openings {
            let value =
                "\(Scorecard.grouped(tally.tried)) tried, \(Scorecard.grouped(tally.noticed)) refused, "
                + "\(Scorecard.grouped(tally.harmless)) read rightly, \(tally.older) older, \(tally.believed) wrongly"
            // Redo behind the newest recorded durable position is the remaining window of torn tails.
            let mayBeOlder = tally.name.hasSuffix("redo file") ? tally.tried / 20 : 0
            let refused = tally.name == BitFlips.tornCopies ? ", some refused" : ""
            let goal = mayBeOlder == 0 ? "0 older or wrong\(refused)" : "at most \(mayBeOlder) older, 0 wrong"
            let isNeeded = tally.name == BitFlips.tornCopies && !budget.isSmoke
            let isMet = tally.believed == 0 && tally.older <= mayBeOlder && (!isNeeded || tally.noticed > 0)
            card.add(Scorecard.Figure(section, tally.name, value, goal: goal, isMet: isMet))
        }
    }

    private static func tails(_ card: inout Scorecard) throws {
        let section = "Torn redo tails"
        let matrix = try TornTails.run()
        card.add(
            section,
            "blocks destroyed, in three ways each",
            matrix.positionCount,
            atLeast: TornTails.positionCount
        )
        card.add(section, "tails taken for the end", matrix.tailsAccepted, atLeast: 500)
        card.add(section, "tails refused", matrix.tailsRefused, exactly: 0)
        card.add(section, "middles refused", matrix.middlesRefused, atLeast: 20_000)
        card.add(section, "middles taken for the end", matrix.middlesAccepted, exactly: 0)
        let window = "what was made durable after the newest block was written is recorded nowhere"
        card.add(Scorecard.Figure(section, "the remaining window", window))
        for wrong in matrix.wrong { card.add(violation: wrong) }
    }
}
