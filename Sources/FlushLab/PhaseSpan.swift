/// A phase of a scenario as it lies in the samples of a run.
struct PhaseSpan {
    /// Its index among the phases.
    let index: Int
    /// What the phase is called; empty if the scenario has none.
    let name: String
    /// The time of its beginning and of its end, in seconds.
    let start: Double
    let end: Double
    /// The indices of its samples.
    let tenths: Range<Int>
    /// What happens in it; nil if the scenario does not say.
    let phase: Scenario.Phase?

    /// Whether clients have something to do, at least at times.
    var hasLoad: Bool {
        guard let phase else { return true }
        guard phase.threads > 0 else { return false }
        return phase.rate.map { max($0, phase.endRate ?? $0) > 0 } ?? true
    }

    /// The transactions a second that are aimed at, at a time since the start of the run; nil if as many as possible.
    func target(at time: Double) -> Double? {
        guard let phase, let rate = phase.rate else { return nil }
        guard let last = phase.endRate, end > start else { return rate }
        return rate + (last - rate) * min(1, max(0, (time - start) / (end - start)))
    }
}

extension RunResult {
    /// The phases in their order, without the samples of the first `skipped` seconds; those with no sample left out.
    ///
    /// Samples beyond the end of the last phase count as its own: a real run may take a little longer.
    func spans(after skipped: Double = 0) -> [PhaseSpan] {
        // A sample stands for the tenth before it.
        func middle(_ index: Int) -> Double { samples[index].time - 0.05 }
        var index = samples.indices.first { middle($0) >= skipped } ?? samples.endIndex
        var spans: [PhaseSpan] = []
        var start = 0.0
        for (number, phase) in scenario.phases.enumerated() {
            let isLast = number == scenario.phases.count - 1
            let end = start + max(0, phase.seconds.isNaN ? 0 : phase.seconds)
            let first = index
            while index < samples.endIndex, isLast || middle(index) < end { index += 1 }
            let tenths = first..<index
            spans.append(
                PhaseSpan(index: number, name: phase.name, start: start, end: end, tenths: tenths, phase: phase)
            )
            start = end
        }
        if spans.isEmpty {
            let end = samples.last?.time ?? 0
            let tenths = index..<samples.endIndex
            spans = [PhaseSpan(index: 0, name: "", start: 0, end: end, tenths: tenths, phase: nil)]
        }
        return spans.filter { !$0.tenths.isEmpty }
    }
}

extension [Double] {
    /// Returns the value that `share` of all lie below, between its neighbours in proportion; 0 of none.
    func quantile(_ share: Double) -> Double {
        guard !isEmpty else { return 0 }
        let ordered = sorted()
        let place = Swift.min(1, Swift.max(0, share)) * Double(count - 1)
        let below = Int(place)
        let above = Swift.min(count - 1, below + 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (place - Double(below))
    }

    /// The value in the middle, the mean of the two there of an even number, 0 of none.
    var median: Double { quantile(0.5) }
}
