import Redoubt
import RedoubtCore

/// Data ten times the memory: every update reads a page and another one must be written to make room for it.
///
/// The engine and the device by itself take turns, so that a noisy machine disturbs both alike: a segment of updates,
/// then fio at the rate just reached, then fio as fast as the device can. At the end the process is killed under load
/// and the database opened again.
struct LRUBound {
    /// What a segment of the engine came to, beside the control that followed it.
    private struct Segment {
        var stretch: Stretch
        var rate = 0.0
        var paced: Control.Result?
        /// Reads a second that the device can do, relative to those of the engine.
        var headroom: Double?
        /// Pages a second that the engine wrote beside the control.
        var beside: Double?
    }

    private static let segmentCount = 12
    /// How long nothing counts after the load has begun, and after each pause, in seconds.
    private static let warmUp = 20.0
    private static let resuming = 1.0

    /// The database, which all policies use.
    let setup: LoadSetup
    private let segmentSeconds: Double
    private let isSmoke: Bool
    private let control: Control?

    init(_ options: Options, folder: String, control: Control?) {
        isSmoke = options.isSmoke
        let seconds = Double(options.isSmoke ? 2 : options.seconds ?? 120)
        segmentSeconds = options.isSmoke ? 2 : max(2, seconds / Double(Self.segmentCount))
        let memory = options.isSmoke ? 32 : options.memory
        setup = LoadSetup(
            path: folder + "/lru-bound",
            memory: memory,
            redo: options.isSmoke ? 32 : 128,
            rowCount: Self.dataMebibytes(options) << 20 / Rows.bytesPerRow,
            threadCount: options.threads,
            doublewrite: options.doublewrite,
            readsAll: false
        )
        self.control = control
    }

    /// The data in MiB.
    static func dataMebibytes(_ options: Options) -> Int {
        options.isSmoke ? 128 : options.data ?? 10 * options.memory
    }

    /// Makes the database that all policies start from, one after the other.
    func prepare() throws { try Rows(count: setup.rowCount).create(setup) }

    /// Runs the load under `policy`.
    func run(_ policy: FlushingPolicy) throws -> Outcome {
        let setup = setup.with(policy)
        var outcome = Outcome(part: "lru", policy: policy, configurationHash: setup.configurationHash)
        let process = try EngineProcess(setup)
        var segments: [Segment] = []
        var others = 0.0
        do {
            let meter = OthersMeter(child: process.processorSeconds)
            let warmUp = min(Self.warmUp, segmentSeconds)
            let start = try process.setPace(UpdateLoad.unlimited)
            try process.run(seconds: warmUp)
            outcome.phases.append(.init(name: "warm-up", stretch: Stretch(start: start, end: ProcessFigures.now())))
            for _ in 0..<(isSmoke ? 1 : Self.segmentCount) {
                segments.append(try segment(process, before: segments.last))
            }
            others = meter.processors(child: process.processorSeconds)
            // Killed in the middle of the load, not after a pause.
            try process.setPace(UpdateLoad.unlimited)
            try process.run(seconds: isSmoke ? 1 : 5)
        } catch {
            process.kill()
            throw error
        }
        process.kill()
        outcome.samples = process.samples
        for (index, segment) in segments.enumerated() {
            outcome.phases.append(.init(name: "\(index + 1)", stretch: segment.stretch))
        }
        let recovery = try recover(setup)
        judge(&outcome, segments, recovery: recovery, others: others)
        return outcome
    }

    private func segment(_ process: EngineProcess, before: Segment?) throws -> Segment {
        let start = try process.setPace(UpdateLoad.unlimited)
        try process.run(seconds: segmentSeconds)
        let stretch = Stretch(start: start, end: ProcessFigures.now()).dropping(min(Self.resuming, segmentSeconds / 4))
        let samples = stretch.samples(of: process.samples)
        var segment = Segment(stretch: stretch, rate: samples.rate(.updates))
        guard let control else { return segment }
        try process.quieten()
        let pause = ProcessFigures.now()
        let mix = Self.mix(samples, threads: setup.threadCount)
        let pacedSeconds = max(2, Int(segmentSeconds * 0.6))
        segment.paced = try control.run(mix, isPaced: true, seconds: pacedSeconds)
        let limitSeconds = isSmoke ? 1 : max(3, Int(segmentSeconds * 0.4))
        let guess = before?.headroom ?? 1
        let limit = try control.limit(mix, guess: guess * mix.reads, seconds: limitSeconds)
        segment.headroom = limit / max(1, mix.reads)
        segment.beside = Stretch(start: pause, end: ProcessFigures.now()).samples(of: process.samples)
            .rate(.pagesWritten)
        return segment
    }

    /// What the engine asked of the device in `samples`.
    static func mix(_ samples: [Sample], threads: Int) -> Control.Mix {
        let writes = samples.rate(.pagesWritten)
        let batches = samples.rate(.doublewriteBatches)
        let bytes = samples.rate(.doublewriteBytes)
        let size = batches > 0 ? bytes / batches : 1_048_576
        return Control.Mix(
            reads: samples.rate(.pagesRead),
            writes: writes,
            doublewriteBytes: bytes,
            readDepth: threads,
            writeDepth: 32,
            doublewriteSize: max(1, min(16 << 20, Int(size)) >> 14) << 14
        )
    }

    /// Opens the database that a killed process left; returns the seconds that it takes.
    private func recover(_ setup: LoadSetup) throws -> Double {
        let start = ProcessFigures.now()
        let database = try Database.open(at: setup.path, configuration: setup.configuration)
        let seconds = ProcessFigures.now() - start
        try database.close()
        return seconds
    }

    // MARK: Figures

    private func judge(_ outcome: inout Outcome, _ segments: [Segment], recovery: Double, others: Double) {
        let all = segments.map { $0.stretch.samples(of: outcome.samples) }
        let rates = all.flatMap { $0.ratesBySecond(.updates) }
        var latencies = Histogram()
        for samples in all { latencies.add(samples.latencies) }
        let paced = segments.compactMap(\.paced)
        let pacedRates = paced.flatMap(\.readsBySecond)
        outcome.throughput = Series.mean(all.map { $0.rate(.updates) })
        let age = all.joined().map(RedoBound.agePart).max()
        let resident = outcome.samples.most { Double($0[.resident]) } / Double(setup.memory << 20)
        let variation = rates.count > 2 ? Series.variation(rates) : nil
        let worst = rates.count > 2 ? Series.worstToMedian(rates) : nil
        let wait = latencies.total > 0 ? latencies.quantile(0.999) : nil
        let headrooms = segments.compactMap(\.headroom)
        let use = headrooms.isEmpty ? nil : 1 / Series.median(headrooms)
        let controlVariation = pacedRates.count > 2 ? Series.variation(pacedRates) : nil
        let controlWait = paced.isEmpty ? nil : Series.median(paced.map(\.wait))
        let controlWorst = pacedRates.count > 2 ? Series.worstToMedian(pacedRates) : nil
        let coverage = coverage(all)
        let beside = segments.compactMap(\.beside)
        outcome.figures = [
            Figure("updates/s", outcome.throughput),
            Figure("CV of seconds", variation), Figure("CV of seconds, control", controlVariation),
            Figure("worst second / median", worst), Figure("worst second / median, control", controlWorst),
            Figure("p99 us", latencies.quantile(0.99) / 1000),
            Figure("p99.9 us", wait.map { $0 / 1000 }), Figure("p99.9 us, control", controlWait.map { $0 / 1000 }),
            Figure("longest ms", all.joined().map { Double($0[.longest]) }.max().map { $0 / 1e6 }),
            Figure("maximum age / sync limit", age),
            Figure("page reads/s", Series.mean(all.map { $0.rate(.pagesRead) })),
            Figure("page writes/s", Series.mean(all.map { $0.rate(.pagesWritten) })),
            Figure("doublewrite MB/s", Series.mean(all.map { $0.rate(.doublewriteBytes) }) / 1e6),
            Figure("device MB written/s", Series.mean(all.map { $0.rate(.deviceBytes) }) / 1e6),
            Figure("share of time in page reads", waitShare(all, .pageRead)),
            Figure("share of time waiting for frames", waitShare(all, .freeFrame)),
            Figure("updates / updates the device could do", use),
            Figure(Turns.besideName, beside.isEmpty ? nil : Series.mean(beside)),
            Figure("RSS / memory option", resident),
            Figure("attributed time", coverage),
            Figure("recovery s", recovery),
            Figure("processors used by others", others),
        ]
        let target = setup.configuration.flushing.targetRecoveryTime / .seconds(1)
        outcome.bounds = [
            .most("CV of seconds / control's", Self.ratio(variation, controlVariation), 1.2),
            .most("p99.9 / control's", Self.ratio(wait, controlWait), 1.5),
            .least("worst second to median / control's", Self.ratio(worst, controlWorst), 0.9),
            .most("maximum age / sync limit after 20 s", age, 1),
            .least("updates / updates the device could do", use, 0.95),
            .least("attributed time", coverage, 0.99),
            .most("RSS / memory option", resident, 1.1),
            .most("recovery s", recovery, target),
        ]
    }

    private static func ratio(_ upper: Double?, _ lower: Double?) -> Double? {
        guard let upper, let lower, lower > 0 else { return nil }
        return upper / lower
    }

    /// The share of the updating threads' time that they waited for `reason`.
    private func waitShare(_ segments: [[Sample]], _ reason: WaitReason) -> Double? {
        var waited = 0
        var all = 0
        for samples in segments {
            guard let first = samples.first, let last = samples.last else { continue }
            waited += last.waits[reason.index] - first.waits[reason.index]
            all += last[.accounted] - first[.accounted]
        }
        return all > 0 ? Double(waited) / Double(all) : nil
    }

    /// The share of the updating threads' time that is known: running, ready to run, or waiting for a known reason; nil
    /// if no time was accounted for.
    private func coverage(_ segments: [[Sample]]) -> Double? {
        var known = 0
        var all = 0
        for samples in segments {
            guard let first = samples.first, let last = samples.last else { continue }
            known += last.waits.reduce(0, +) - first.waits.reduce(0, +)
            known += last[.running] - first[.running] + last[.runnable] - first[.runnable]
            all += last[.accounted] - first[.accounted]
        }
        return all > 0 ? Double(known) / Double(all) : nil
    }
}
