import RedoubtCore
import RedoubtSystem

/// One exploration under way.
struct Exploration<Outcome: Hashable & Sendable> {
    let explorer: LazyExplorer
    let judge: @Sendable (SimulatedStorage) -> Outcome
    let memory = KeptMemory()
    private let began = Scheduling.now()
    var report = LazyReport<Outcome>()
    private var indexes: [Outcome: Int] = [:]
    var names = UncertainPlaces.Names()
    // Of the names and sizes that are being explored.
    private var image = DiskImage()
    private var first: UncertainPlaces.Choice = []
    private var undecided: UndecidedPlaces
    private var keptUnits: Set<Int> = []
    private var neededAgain: Set<Int> = []
    /// Of a file with more units than this that are read again, all are remembered.
    private static var neededMaximum: Int { 3 }

    init(_ explorer: LazyExplorer, _ judge: @escaping @Sendable (SimulatedStorage) -> Outcome) {
        self.explorer = explorer
        self.judge = judge
        undecided = UndecidedPlaces(explorer.uncertain, on: DiskImage()) { _ in 512 }
        report.placeCount = explorer.placeCount
        report.combinationBits = explorer.combinationBits
    }

    mutating func run() -> LazyReport<Outcome> {
        Scheduling.keepHeap()
        forEachFirstChoice { this, choice in
            this.first = choice
            this.image = this.explorer.uncertain.image(choice, &this.names, keepsHash: true)
            this.undecided = UndecidedPlaces(
                this.explorer.uncertain,
                on: this.image,
                unitByteCount: this.explorer.options.unitByteCount
            )
            this.keptUnits = []
            this.exploreUntilStable()
        }
        audit()
        report.seconds = Double(Scheduling.now().nanoseconds(since: began)) / 1e9
        return report
    }

    // MARK: Names and sizes

    /// Calls `body` with each combination of what is decided before the program runs.
    private mutating func forEachFirstChoice(_ body: (inout Exploration, UncertainPlaces.Choice) -> Void) {
        let uncertain = explorer.uncertain
        let places = uncertain.places.indices.filter(uncertain.isDecidedFirst)
        let count = places.reduce(1) { min($0 * uncertain.versions[$1].count, LazyExplorer.firstLimit + 1) }
        guard count <= LazyExplorer.firstLimit else {
            report.limit = "more than \(LazyExplorer.firstLimit) combinations of names and sizes"
            return
        }
        var choice = uncertain.nothing
        var known: Set<UInt64> = []
        for number in 0..<count {
            var rest = number
            for place in places {
                choice[place] = UInt16(rest % uncertain.versions[place].count)
                rest /= uncertain.versions[place].count
            }
            // What files hold that have no name makes no difference.
            if known.insert(uncertain.hash(choice, &names)).inserted { body(&self, choice) }
        }
    }

    // MARK: Runs

    /// Explores all states; again, as long as units are read again that were not expected to be.
    private mutating func exploreUntilStable() {
        let before = report.findings
        while true {
            neededAgain = []
            exploreLayers()
            if neededAgain.isEmpty || report.limit != nil { return }
            // What was found on the way is found again.
            report.findings = before
            indexes = indexes.filter { $0.value < before.count }
            keepUnits()
            report.restartCount += 1
        }
    }

    /// Remembers from now on what the units hold that were read again; of a file with many, what all hold.
    private mutating func keepUnits() {
        keptUnits.formUnion(neededAgain)
        var counts: [Int: Int] = [:]
        func file(_ unit: Int) -> Int { undecided.places[undecided.units[unit].places.lowerBound].file }
        for unit in keptUnits { counts[file(unit), default: 0] += 1 }
        for unit in undecided.units.indices where counts[file(unit), default: 0] > Self.neededMaximum {
            keptUnits.insert(unit)
        }
    }

    private mutating func exploreLayers() {
        let seen = DecisionJournal.Seen()
        var layer = [LazyState()]
        while !layer.isEmpty {
            var keys: [UInt64] = []
            var next: [UInt64: [LazyState]] = [:]
            for state in layer {
                explore(state, seen) { found in
                    if next[found.key] == nil { keys.append(found.key) }
                    next[found.key, default: []].append(found)
                }
                // With more than this many all units of a file are remembered: better at once.
                if report.limit != nil || neededAgain.count > Self.neededMaximum { return }
            }
            let units = undecided.units
            layer = keys.flatMap { LazyState.joined(next[$0] ?? []) { units[$0].initial } }
            layer.removeAll { !seen.insert($0.hash) }
            report.stateCount += layer.count
        }
    }

    /// Makes all runs that differ from `state` to the next merge points, or to the end.
    private mutating func explore(_ state: LazyState, _ seen: DecisionJournal.Seen, _ found: (LazyState) -> Void) {
        let path = state.path
        var lists: [[Int]] = [[]]
        while let given = lists.popLast() {
            if let limit = limitHit {
                report.limit = limit
                return
            }
            report.runCount += 1
            let journal = DecisionJournal(
                path: path,
                given: given,
                merges: explorer.options.merges,
                keptUnits: keptUnits,
                seen: seen
            )
            let (outcome, after) = run(journal)
            let end = after.journal
            if end.hasDiverged || end.isReplaying {
                report.limit = "the program is not a function of what it reads"
                return
            }
            for place in given.count..<max(given.count, end.taken.count) {
                for choice in (1..<end.counts[place]).reversed() { lists.append(end.taken[..<place] + [choice]) }
            }
            switch end.end {
            case .known: break
            case .neededAgain(let unit): neededAgain.insert(unit)
            case .merge(let key):
                let source = LazyState.Source(
                    parent: state,
                    decisions: end.taken,
                    entry: end.entry,
                    written: end.written,
                    box: after.box
                )
                found(LazyState(key: key, box: after.box, sources: [source]))
            case nil: add(outcome, state, end.entry)
            }
        }
    }

    private mutating func run(_ journal: DecisionJournal) -> (outcome: Outcome, after: UndecidedPlaces) {
        var start = undecided
        start.journal = journal
        let storage = SimulatedStorage(image, undecided: start)
        let world = InlineScheduler(memory: memory) { point, digest in storage.isExplored(at: point, digest) }
        let outcome = world.run { judge(storage) }
        let after = storage.inspect { $0.undecided } ?? start
        undecided.learn(from: after)
        return (outcome, after)
    }

    private var limitHit: String? {
        let options = explorer.options
        if report.runCount >= options.runLimit { return "after \(options.runLimit) runs" }
        guard let seconds = options.seconds else { return nil }
        return Scheduling.now() >= began.advanced(milliseconds: Int(seconds * 1000)) ? "after \(seconds) s" : nil
    }

    /// Takes note of an outcome of a run from `state` on that read `entry`.
    private mutating func add(_ outcome: Outcome, _ state: LazyState, _ entry: UndecidedPlaces.Box) {
        if let index = indexes[outcome] {
            report.findings[index].runCount += 1
            return
        }
        indexes[outcome] = report.findings.count
        let units = undecided.units
        let origins = state.origins(of: entry) { units[$0].initial }
        var choice = first
        for (unit, versions) in origins {
            for place in units[unit].places {
                let number = place - units[unit].places.lowerBound
                choice[undecided.places[place].origin] = units[unit].versions[Int(versions[0])][number]
            }
        }
        report.findings.append(finding(outcome, choice))
    }
}

// The checks of an exploration by ordinary runs.
extension Exploration {
    /// Returns an outcome with a disk that leads to it, and whether it does.
    private mutating func finding(
        _ outcome: Outcome,
        _ choice: UncertainPlaces.Choice
    ) -> LazyReport<Outcome>.Finding {
        let witness = explorer.uncertain.image(choice, &names)
        return LazyReport.Finding(
            outcome: outcome,
            runCount: 1,
            witness: witness,
            kept: explorer.uncertain.describe(choice),
            isConfirmed: judged(witness) == outcome
        )
    }

    /// Judges disks that are drawn by seed.
    mutating func audit() {
        for number in 0..<explorer.options.auditCount {
            var random = SeededRandom(seed: mix(explorer.options.seed &+ UInt64(number)))
            var choice = explorer.uncertain.nothing
            if number % 2 == 0 {
                choice = explorer.uncertain.versions.map { UInt16(random.below($0.count)) }
            } else {
                for change in explorer.uncertain.effects.indices where random.next() >> 63 == 1 {
                    explorer.uncertain.keep(change, in: &choice)
                }
            }
            report.auditedCount += 1
            if !report.outcomes.contains(judged(explorer.uncertain.image(choice, &names))) {
                report.auditMissCount += 1
            }
        }
    }

    private func judged(_ image: DiskImage) -> Outcome {
        let storage = SimulatedStorage(image, options: .judging)
        return InlineScheduler(memory: memory).run { judge(storage) }
    }
}
