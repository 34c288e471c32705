import RedoubtCore

/// Data in memory, little redo: how a policy follows a load that steps up and down and then never ends.
///
/// Updates are not synced (`.deferred`): writers wait for nothing but redo capacity.
struct RedoBound {
    /// The redo capacity in MiB.
    static let redo = 96
    /// The load of the phases relative to the maximum; nil is as fast as it goes.
    private static let steps: [(name: String, load: Double?, share: Double)] = [
        ("30 %", 0.3, 0.22), ("100 %", 1, 0.28), ("30 % again", 0.3, 0.22), ("overload", nil, 0.28),
    ]
    /// How long after a step the age must be near its target, in seconds.
    private static let settling = 2.0

    private let setup: LoadSetup
    private let seconds: Double

    init(_ options: Options, folder: String) {
        seconds = Double(options.isSmoke ? 2 : options.seconds ?? 180)
        setup = Self.setup(options, folder: folder)
    }

    /// The database, which all policies use.
    static func setup(_ options: Options, folder: String) -> LoadSetup {
        LoadSetup(
            path: folder + "/redo-bound",
            memory: options.isSmoke ? 96 : 768,
            redo: options.isSmoke ? 16 : Self.redo,
            rowCount: options.isSmoke ? 100_000 : 2_000_000,
            threadCount: options.threads,
            doublewrite: options.doublewrite,
            readsAll: true
        )
    }

    /// Makes the database that all policies start from, one after the other.
    func prepare() throws { try Rows(count: setup.rowCount).create(setup) }

    /// Runs the load under `policy`.
    func run(_ policy: FlushingPolicy) throws -> Outcome {
        let setup = setup.with(policy)
        var outcome = Outcome(part: "redo", policy: policy, configurationHash: setup.configurationHash)
        let process = try EngineProcess(setup)
        do {
            let meter = OthersMeter(child: process.processorSeconds)
            let maximum = try calibrate(process)
            for step in Self.steps {
                let start = try process.setPace(step.load.map { Int($0 * maximum) } ?? UpdateLoad.unlimited)
                try process.run(seconds: seconds * step.share)
                let stretch = Stretch(start: start, end: ProcessFigures.now())
                outcome.phases.append(Outcome.Phase(name: step.name, stretch: stretch))
            }
            let others = meter.processors(child: process.processorSeconds)
            try process.setPace(0)
            outcome.samples = process.samples
            try process.close()
            let control = try ProcessorControl.variation(threadCount: setup.threadCount, seconds: seconds * 0.15)
            judge(&outcome, maximum: maximum, others: others, control: control)
            return outcome
        } catch {
            process.kill()
            throw error
        }
    }

    /// Returns the updates a second that the policy keeps up without pause; ends with the redo full as it makes it.
    private func calibrate(_ process: EngineProcess) throws -> Double {
        let start = try process.setPace(UpdateLoad.unlimited)
        let length = max(1, seconds / 15)
        try process.run(seconds: length)
        let stretch = Stretch(start: start + length / 2, end: ProcessFigures.now())
        let samples = stretch.samples(of: process.samples)
        let rates = samples.ratesBySecond(.updates)
        let rate = rates.isEmpty ? samples.rate(.updates) : Series.median(rates)
        guard rate > 0 else { throw BenchmarkFailure("no update ended during calibration") }
        return rate
    }

    // MARK: Figures

    private func judge(_ outcome: inout Outcome, maximum: Double, others: Double, control: Double?) {
        var figures = [Figure("maximum updates/s", maximum)]
        var settled: [Double] = []
        var variations: [Double] = []
        var combining: [Double] = []
        for phase in outcome.phases {
            let all = phase.stretch.samples(of: outcome.samples)
            let late = phase.stretch.dropping(min(Self.settling, seconds / 20)).samples(of: outcome.samples)
            let rates = late.ratesBySecond(.updates)
            if phase.name == "overload" { outcome.throughput = all.rate(.updates) }
            let latencies = all.latencies
            let distance = late.compactMap(Self.pointsFromTarget)
            settled += distance
            if rates.count > 2 { variations.append(Series.variation(rates)) }
            let ratio = Self.writeCombining(late)
            if let ratio { combining.append(ratio) }
            figures += [
                Figure("\(phase.name): updates/s", all.rate(.updates)),
                Figure("\(phase.name): CV of seconds", rates.count > 2 ? Series.variation(rates) : nil),
                Figure("\(phase.name): mean age / sync limit", late.mean(Self.agePart)),
                Figure("\(phase.name): age off target, points", distance.max()),
                Figure("\(phase.name): page writes / needed", ratio),
                Figure("\(phase.name): p99 us", latencies.quantile(0.99) / 1000),
                Figure("\(phase.name): p99.9 us", latencies.quantile(0.999) / 1000),
                Figure("\(phase.name): longest ms", all.most { Double($0[.longest]) } / 1e6),
            ]
        }
        let loaded = outcome.samples.filter { sample in
            outcome.phases.contains { sample.seconds >= $0.stretch.start && sample.seconds <= $0.stretch.end }
        }
        let most = loaded.most(Self.agePart)
        figures.append(Figure("maximum age / sync limit", loaded.isEmpty ? nil : most))
        let checkpoint = loaded.most { Double($0.checkpointAge) / Double(max(1, $0[.syncAge])) }
        figures.append(Figure("maximum checkpoint age / sync limit", loaded.isEmpty ? nil : checkpoint))
        figures.append(Figure("CV of seconds, processors alone", control))
        figures.append(Figure("processors used by others", others))
        outcome.figures = figures
        outcome.bounds = [
            .most("age off target 2 s after a step, points of the sync limit", settled.max(), 5),
            .most("maximum age / sync limit", loaded.isEmpty ? nil : most, 1),
            .most("page writes / (dirty / (age / redo rate))", combining.max(), 1.1),
            .most("CV of the seconds of a phase", variations.max(), 0.06),
        ]
    }

    /// The redo age as a part of the age at which pages must be flushed.
    static func agePart(_ sample: Sample) -> Double { Double(sample.age) / Double(max(1, sample[.syncAge])) }

    /// How far the age is from what the policy aims at, in hundredths of the sync limit; nil if it aims at nothing.
    private static func pointsFromTarget(_ sample: Sample) -> Double? {
        guard sample[.targetAge] > 0 else { return nil }
        return abs(Double(sample.age - sample[.targetAge])) / Double(max(1, sample[.syncAge])) * 100
    }

    /// Page writes relative to those of an engine that writes each dirty page once while the redo age passes; nil
    /// without redo.
    private static func writeCombining(_ samples: [Sample]) -> Double? {
        let redo = samples.rate(.currentLSN)
        let age = samples.mean { Double($0.age) }
        let dirty = samples.mean { Double($0[.dirty]) }
        guard redo > 0, age > 0, dirty > 0 else { return nil }
        return samples.rate(.pagesWritten) / (dirty / (age / redo))
    }
}
