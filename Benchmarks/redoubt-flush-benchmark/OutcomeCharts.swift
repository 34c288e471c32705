import RedoubtCore

/// The charts of one outcome; the pauses of its load are left out.
struct OutcomeCharts {
    /// The samples under load, and when they were taken on a clock that stands still in pauses.
    private let samples: [Sample]
    private let times: [Double]

    init(_ outcome: Outcome) {
        var times: [Double] = []
        var samples: [Sample] = []
        var clock = 0.0
        var before: Sample?
        for sample in outcome.samples {
            defer { before = sample }
            guard sample[.pace] != 0 else { continue }
            if let before, before[.pace] != 0 { clock += sample.seconds - before.seconds }
            times.append(clock)
            samples.append(sample)
        }
        self.times = times
        self.samples = samples
    }

    /// The seconds under load.
    var length: Double { times.last ?? 0 }

    /// The charts of each of `outcomes`, with the same axes in all of them.
    static func all(_ outcomes: [Outcome]) -> [[Chart]] {
        let seconds = outcomes.map { OutcomeCharts($0).length }.max() ?? 1
        let reasons = commonReasons(outcomes)
        var charts = outcomes.map { OutcomeCharts($0).charts(seconds: seconds, reasons: reasons) }
        for kind in charts.first?.indices ?? 0..<0 {
            let top = charts.map { $0[kind].greatest }.max() ?? 1
            for index in charts.indices { charts[index][kind].top = top > 0 ? top : 1 }
        }
        return charts
    }

    /// The reasons that threads waited for most, at most as many as there are colors.
    private static func commonReasons(_ outcomes: [Outcome]) -> [Int] {
        let total = EngineFigures.waitNames.indices.map { reason in
            outcomes.reduce(0) { $0 + ($1.samples.last.map { $0.waits.isEmpty ? 0 : $0.waits[reason] } ?? 0) }
        }
        let sum = total.reduce(0, +)
        return total.indices.filter { total[$0] > sum / 1000 }.sorted { total[$0] > total[$1] }.prefix(8).sorted()
    }

    /// A figure of every sample, against the time since the first.
    func values(_ figure: (Sample) -> Double) -> [(x: Double, y: Double)] {
        zip(times, samples).map { ($0, figure($1)) }
    }

    /// How much a field grows a second, over `count` samples at a time.
    func rate(_ field: Sample.Field, every count: Int = 5) -> [(x: Double, y: Double)] {
        rate(every: count) { Double($0[field]) }
    }

    private func rate(every count: Int = 5, _ figure: (Sample) -> Double) -> [(x: Double, y: Double)] {
        stride(from: count, to: samples.count, by: count).compactMap { index in
            let early = samples[index - count]
            let late = samples[index]
            let seconds = late.seconds - early.seconds
            // A pause between the two has no rate.
            guard seconds > 0, seconds < times[index] - times[index - count] + 0.5 else { return nil }
            return (times[index], (figure(late) - figure(early)) / seconds)
        }
    }

    private func charts(seconds: Double, reasons: [Int]) -> [Chart] {
        let frames = Double(max(1, samples.last?[.frames] ?? 1))
        func chart(_ title: String, _ lines: Chart.Line...) -> Chart {
            Chart(title: title, lines: lines, seconds: seconds, top: 0)
        }
        var updates = chart("updates/s", line("", 0, rate(.updates, every: 1)))
        updates.shades = stretches { $0[.backPressure] > 0 }
        var charts = [
            updates, age(seconds),
            chart("dirty share of frames", line("", 0, values { Double($0[.dirty]) / frames })),
            chart(
                "pages written/s",
                line("all", 7, rate(.pagesWritten)),
                line("for frames", 0, rate(.pagesForFrames)),
                line("for age", 1, rate(.pagesForAge)),
                line("beside", 2, rate(.pagesBeside))
            ),
            chart("free frames", line("", 0, values { Double($0[.free]) })),
            chart(
                "longest update, ms",
                line("longest", 1, values { Double($0[.longest]) / 1e6 }),
                line("p99", 0, values { $0.latencies.quantile(0.99) / 1e6 })
            ),
        ]
        var waits = chart("threads waiting for")
        waits.lines = reasons.enumerated().map { color, reason in
            line(EngineFigures.waitNames[reason], color, rate { Double($0.waits[reason]) / 1e9 })
        }
        if !waits.lines.isEmpty { charts.append(waits) }
        return charts
    }

    private func line(_ name: String, _ color: Int, _ points: [(x: Double, y: Double)]) -> Chart.Line {
        Chart.Line(name: name, color: color, points: points)
    }

    /// The redo age with its limits and target; shaded where writers are held back.
    private func age(_ seconds: Double) -> Chart {
        var chart = Chart(title: "redo age, bytes", lines: [], seconds: seconds, top: 0)
        chart.lines = [
            line("of the checkpoint", 7, values { Double($0.checkpointAge) }),
            line("of the oldest page", 0, values { Double($0.age) }),
        ]
        if samples.contains(where: { $0[.targetAge] > 0 }) {
            chart.lines.append(line("target", 2, values { Double($0[.targetAge]) }))
        }
        chart.limits = [
            Chart.Limit(name: "sync", value: Double(samples.last?[.syncAge] ?? 0)),
            Chart.Limit(name: "async", value: Double(samples.last?[.asyncAge] ?? 0)),
        ]
        chart.shades = stretches { $0[.backPressure] > 0 }
        return chart
    }

    /// The stretches whose samples satisfy `condition`.
    private func stretches(_ condition: (Sample) -> Bool) -> [(start: Double, end: Double)] {
        var result: [(start: Double, end: Double)] = []
        var last = -1.0
        for (time, sample) in zip(times, samples) where condition(sample) {
            if let open = result.last, time - last < 0.25 {
                result[result.count - 1] = (open.start, time)
            } else {
                result.append((time, time + 0.1))
            }
            last = time
        }
        return result
    }
}
