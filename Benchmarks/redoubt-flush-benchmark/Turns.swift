import RedoubtCore

/// The overload of ``RedoBound``, or the load of ``LRUBound``, in one process in which the policies take turns.
///
/// So a machine that is faster now than it was a minute ago is so for all of them. The device by itself takes turns
/// too, if there is a control: one a round, as fast as it can with the reads and writes that the policies just had.
struct Turns {
    /// The parts in which policies take turns.
    static let partNames = ["turns", "lruTurns"]
    /// The figure of how much faster `redoubt` is than a policy.
    static let ratioName = "redoubt / this, median of rounds"
    /// The figure of what the engine wrote while the device was measured by itself.
    static let besideName = "page writes/s beside the control"
    /// The length of a turn in seconds, and how much of its beginning does not count: redo of the policy before.
    private static let length = 4.0
    private static let settling = 1.5

    private let part: String
    private let setup: LoadSetup
    private let control: Control?
    private let policies: [FlushingPolicy]
    private let roundCount: Int
    private let length: Double
    private let settling: Double

    /// The turns called `part`, of `setup`.
    init(_ options: Options, part: String, _ setup: LoadSetup, control: Control? = nil) {
        let scale = options.isSmoke ? 0.1 : 1
        length = Self.length * scale
        settling = Self.settling * scale
        self.part = part
        self.setup = setup
        self.control = control
        policies = options.policies
        roundCount = max(2, Int(Double(options.isSmoke ? 1 : options.seconds ?? 60) / length))
    }

    /// Runs all turns; returns an outcome for each policy.
    func run() throws -> [Outcome] {
        let process = try EngineProcess(setup)
        do {
            let meter = OthersMeter(child: process.processorSeconds)
            try process.setPace(UpdateLoad.unlimited)
            try process.run(seconds: 2 * length)
            var stretches = [[Stretch]](repeating: [], count: policies.count)
            var limits: [Limit] = []
            for round in 0..<roundCount {
                for place in policies.indices {
                    // In another order each time: nobody always follows the same one.
                    let index = (place * (round % 2 == 0 ? 1 : policies.count - 1) + round) % policies.count
                    let start = try process.setPolicy(policies[index])
                    try process.run(seconds: length)
                    stretches[index].append(Stretch(start: start + settling, end: ProcessFigures.now()))
                }
                if let control {
                    let turns = stretches.compactMap(\.last)
                    limits.append(try limit(process, control, turns: turns, before: limits.last?.reads))
                }
            }
            let others = meter.processors(child: process.processorSeconds)
            try process.setPace(0)
            let samples = process.samples
            try process.close()
            return policies.indices.map { outcome($0, stretches, limits, samples, others: others) }
        } catch {
            process.kill()
            throw error
        }
    }

    /// What the device can do: reads a second with the writes that turns had for each, and the pages a second that the
    /// engine wrote meanwhile.
    private struct Limit {
        var reads: Double
        var beside: Double
    }

    /// Measures what the device can do with the writes that `turns` had for each read.
    private func limit(
        _ process: EngineProcess,
        _ control: Control,
        turns: [Stretch],
        before: Double?
    ) throws -> Limit {
        let samples = process.samples
        let mixes = turns.map { LRUBound.mix($0.samples(of: samples), threads: setup.threadCount) }
        try process.quieten()
        let pause = ProcessFigures.now()
        let mix = Control.Mix.mean(mixes)
        let reads = try control.limit(mix, guess: before ?? mix.reads, seconds: max(1, Int(length)))
        let beside = Stretch(start: pause, end: ProcessFigures.now()).samples(of: process.samples).rate(.pagesWritten)
        _ = try process.setPace(UpdateLoad.unlimited)
        try process.run(seconds: settling)
        return Limit(reads: reads, beside: beside)
    }

    private func outcome(
        _ index: Int,
        _ stretches: [[Stretch]],
        _ limits: [Limit],
        _ all: [Sample],
        others: Double
    ) -> Outcome {
        let configuration = setup.with(policies[index]).configurationHash
        var outcome = Outcome(part: part, policy: policies[index], configurationHash: configuration)
        let turns = stretches[index].map { $0.samples(of: all) }
        let rates = turns.map { $0.rate(.updates) }
        let loaded = turns.flatMap { $0 }
        let uses = zip(turns, limits).map { $0.rate(.pagesRead) / $1.reads }
        let use = uses.isEmpty ? nil : Series.median(uses)
        outcome.throughput = Series.median(rates)
        outcome.phases = stretches[index].map { Outcome.Phase(name: "turn", stretch: $0) }
        outcome.samples = loaded
        outcome.figures = [
            Figure("turns", Double(rates.count)),
            Figure("updates/s, median turn", outcome.throughput),
            Figure("updates/s, worst turn", rates.min()),
            Figure("updates/s, best turn", rates.max()),
            Figure("page writes/s", Series.median(turns.map { $0.rate(.pagesWritten) })),
            Figure("CV of turns", rates.count > 2 ? Series.variation(rates) : nil),
            Figure("mean age / sync limit", loaded.mean(RedoBound.agePart)),
            Figure("maximum age / sync limit", loaded.most(RedoBound.agePart)),
            Figure(Self.ratioName, ratio(index, stretches, all)),
            Figure("updates / updates the device could do", use),
            Figure(Self.besideName, limits.isEmpty ? nil : Series.mean(limits.map(\.beside))),
            Figure("processors used by others", others),
        ]
        if let use { outcome.bounds = [.least("updates / updates the device could do", use, 0.95)] }
        return outcome
    }

    /// The median over rounds of what `redoubt` did relative to the policy at `index`.
    private func ratio(_ index: Int, _ stretches: [[Stretch]], _ all: [Sample]) -> Double? {
        guard let own = policies.firstIndex(of: .redoubt) else { return nil }
        let pairs = zip(stretches[own], stretches[index]).map { pair in
            (pair.0.samples(of: all).rate(.updates), pair.1.samples(of: all).rate(.updates))
        }
        let ratios = pairs.filter { $0.1 > 0 }.map { $0.0 / $0.1 }
        return ratios.isEmpty ? nil : Series.median(ratios)
    }
}
