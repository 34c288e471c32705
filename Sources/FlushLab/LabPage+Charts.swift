// What happened over time.
extension LabPage {
    private var columnCount: Int { runs.count == 1 ? 1 : runs.count == 2 || runs.count == 4 ? 2 : 3 }
    /// The pixels of a panel, so that the page is as wide as a laptop.
    private var panelWidth: Int { [1180, 580, 380][columnCount - 1] }

    /// The most pixels that a picture is high.
    package static let highest = 16_000

    /// About the pixels that the page is high when it is 1280 wide: enough for a picture of it, at most ``highest``.
    package var height: Int {
        let cards = (runs.count + 2) / 3 * 200
        let phases = runs.first.map { $0.result.scenario.phases.count } ?? 0
        let tables = (Figure.allCases.count + 2 * judgements.count + (phases > 1 ? 2 * phases : 0)) * 32
        let maps = (heatMaps.count + 1) / 2 * 460
        let panels = (runs.count + columnCount - 1) / max(1, columnCount)
        let rows = ChartRow.all.reduce(0) { $0 + 80 + panels * ($1.height + 40) }
        let overview = runs.count > 1 ? 800 : 0
        return min(Self.highest, 1100 + overview + cards + tables + maps + (runs.isEmpty ? 0 : rows))
    }

    /// The end of the time axis of all charts.
    private var seconds: Double {
        let ends = runs.map { run in max(run.result.scenario.seconds, run.result.samples.last?.time ?? 0) }
        return ends.filter(\.isFinite).reduce(0.1) { max($0, $1) }
    }

    private static func phases(of result: RunResult) -> [LabChart.Phase] {
        var start = 0.0
        return result.scenario.phases.map { phase in
            let end = start + max(0, phase.seconds)
            defer { start = end }
            return LabChart.Phase(name: phase.name, start: start, end: end)
        }
    }

    /// The charts, row by row; in each a panel for every run, with the same axes.
    var charts: String {
        guard runs.contains(where: { !$0.result.samples.isEmpty }) else { return "" }
        return """
            <section>
            <h2>Over time</h2>
            \(Markup.hint("Of each stretch of time the least and the greatest tenth of a second are drawn."))
            \(ChartRow.all.map(row).joined(separator: "\n"))
            </section>
            """
    }

    private func row(_ row: ChartRow) -> String {
        let series = runs.map { row.series(of: $0.result) }
        let shown = row.layers.indices.filter { layer in
            series.contains { $0[layer].values.contains { $0 > 0 } }
        }
        let head = "<h3>\(row.title) <span>\(row.unit)</span></h3>\n\(Markup.hint(row.note))"
        guard !shown.isEmpty else {
            return "<div class=\"row\"><h3>\(row.title) <span>0 all the time</span></h3></div>"
        }
        let limits = runs.map { row.limits($0.result) }
        let scale = row.scale(of: series, limits: limits.flatMap { $0 })
        let panels = runs.indices.map { index in
            let chart = LabChart(
                label: label(of: row, series[index], runs[index].name),
                form: row.form,
                series: shown.map { series[index][$0] },
                limits: limits[index],
                scale: scale,
                seconds: seconds,
                phases: Self.phases(of: runs[index].result),
                width: panelWidth,
                height: row.height
            )
            let caption = runs.count > 1 ? "<figcaption>\(names[index])</figcaption>\n" : ""
            return "<figure>\(caption)\(chart.svg)</figure>"
        }
        return """
            <div class="row">
            \(head)
            \(legend(of: row, shown))
            <div class="panels of\(columnCount)">
            \(panels.joined(separator: "\n"))
            </div>
            </div>
            """
    }

    private func legend(of row: ChartRow, _ shown: [Int]) -> String {
        if row.form == .band { return Markup.legend([("state1", "delayed"), ("state2", "stopped")]) }
        guard row.layers.count > 1 else { return "" }
        return Markup.legend(shown.map { ("p\(row.layers[$0].paint)", row.layers[$0].name) })
    }

    /// What is told of a panel to someone who does not see it: the range and the middle of its last layer, or of all.
    private func label(of row: ChartRow, _ series: [LabChart.Series], _ name: String) -> String {
        let subject = "\(row.title) of \(name), \(row.unit)"
        guard row.form != .band, let last = series.last else { return subject }
        let all = row.form == .areas ? series : [last]
        let values = last.values.indices.map { index in all.reduce(0) { $0 + $1.values[index] } }.filter { !$0.isNaN }
        guard let least = values.min(), let most = values.max() else { return "\(subject): nothing" }
        let middle = NumberText.short(values.median)
        return "\(subject): from \(NumberText.short(least)) to \(NumberText.short(most)), median \(middle)"
    }

    // MARK: All in one

    /// What all runs did, by whole seconds, in one chart each; nothing for one run.
    var overview: String {
        guard runs.count > 1, runs.contains(where: { $0.result.samples.count >= 10 }) else { return "" }
        let throughput = together("Throughput", "transactions a second, by whole seconds") { sample, _ in
            Double(sample.transactions) * 10
        }
        let age = together("Checkpoint age", "percent of what stops writers, by whole seconds") { sample, result in
            Double(sample.checkpointAge) * 100 / Double(max(1, result.stopLimit))
        }
        let legend = Markup.legend(runs.enumerated().map { ("p\($0 % LabStyle.paintCount)", $1.name) })
        return "<section>\n<h2>All runs in one</h2>\n\(legend)\n\(throughput)\n\(age)\n</section>"
    }

    private func together(
        _ title: String,
        _ unit: String,
        _ value: (Sample, RunResult) -> Double
    ) -> String {
        let series = runs.enumerated().map { number, run in
            let samples = run.result.samples
            let starts = Array(stride(from: 0, through: samples.count - 10, by: 10))
            return LabChart.Series(
                name: run.name,
                paint: number % LabStyle.paintCount,
                times: starts.map { samples[$0 + 9].time },
                values: starts.map { start in
                    samples[start..<start + 10].reduce(0) { $0 + value($1, run.result) } / 10
                }
            )
        }
        let most = series.flatMap(\.values).max() ?? 0
        let isOneScenario = Set(runs.map(\.result.scenario.phases)).count == 1
        let chart = LabChart(
            label: "\(title) of \(runs.map(\.name).joined(separator: ", ")), \(unit)",
            form: .lines,
            series: series,
            scale: ChartScale(upTo: most),
            seconds: seconds,
            phases: isOneScenario ? Self.phases(of: runs[0].result) : [],
            width: 1180,
            height: 230
        )
        let head = "<h3>\(title) <span>\(unit)</span></h3>"
        return "<div class=\"row overlay\">\n\(head)\n<figure>\(chart.svg)</figure>\n</div>"
    }
}
