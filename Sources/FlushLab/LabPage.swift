/// Runs as one page that needs nothing else: what was run, the verdicts, the figures, and what happened over time.
///
/// Meant for runs of one scenario under several policies, or on a model and for real; of runs of several scenarios it
/// shows in what they differ. All text is escaped, the page loads nothing and runs no script, and the same runs make
/// the same bytes.
package struct LabPage: Sendable {
    /// What it is called.
    package let title: String
    /// The runs, side by side.
    package let runs: [LabRun]
    /// Maps of a sweep that the runs belong to.
    package let heatMaps: [HeatMap]
    /// What the runs were to show, and whether they do.
    package let judgements: [ShippedScenario.Judgement]

    /// Creates the page of `runs`; without a title it has that of the scenario.
    package init(
        _ runs: [LabRun],
        title: String? = nil,
        heatMaps: [HeatMap] = [],
        judgements: [ShippedScenario.Judgement] = []
    ) {
        self.runs = runs
        self.heatMaps = heatMaps
        self.judgements = judgements
        let scenario = runs.first?.result.scenario
        let own = scenario.map { $0.title.isEmpty ? $0.name : $0.title }
        self.title = title ?? own ?? "Sweep"
    }

    /// The page.
    package var html: String {
        let sections = [header, claims, verdicts, figures, phaseTable, maps, settings, overview, charts]
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(Markup.escaped(title)) - FlushLab</title>
            <style>
            \(LabStyle.sheet)
            </style>
            </head>
            <body>
            <main>
            \(sections.filter { !$0.isEmpty }.joined(separator: "\n"))
            </main>
            </body>
            </html>

            """
    }

    /// The names of the runs, escaped.
    var names: [String] { runs.map { Markup.escaped($0.name) } }

    // MARK: Words

    private var header: String {
        """
        <header>
        <p class="facts">FlushLab</p>
        <h1>\(Markup.escaped(title))</h1>
        \(facts.map { "<p class=\"facts\">\(Markup.escaped($0))</p>" }.joined(separator: "\n"))
        \(notes)
        </header>
        """
    }

    /// A line for each scenario.
    private var facts: [String] {
        scenarios.map { scenario in
            let kinds = Set(runs.filter { $0.result.scenario == scenario }.map(\.result.isReal))
            let time = kinds.contains(true) ? kinds.count > 1 ? "virtual and real" : "real" : "virtual"
            let length = scenario.seconds.isFinite ? NumberText.duration(scenario.seconds) : "endless"
            let pages = Double(Scenario.pageBytes)
            let data = NumberText.size(Double(scenario.pageCount) * pages)
            let pool = NumberText.size(Double(scenario.frameCount) * pages)
            let redo = NumberText.size(Double(scenario.redoCapacity))
            let device = scenario.device.title.isEmpty ? scenario.device.name : scenario.device.title
            return "\(scenario.name), seed \(scenario.seed): \(length) of \(time) time; \(data) of data, "
                + "\(pool) of frames, \(redo) of redo; \(device)"
        }
    }

    /// The scenarios of the runs, each once, in their order.
    private var scenarios: [Scenario] {
        runs.map(\.result.scenario).reduce(into: []) { known, scenario in
            if !known.contains(scenario) { known.append(scenario) }
        }
    }

    /// The pages of the scenarios, in paragraphs where they have empty lines.
    private var notes: String {
        let texts = scenarios.map(\.notes).reduce(into: [String]()) { known, text in
            if !text.isEmpty, !known.contains(text) { known.append(text) }
        }
        let paragraphs = texts.flatMap { text in
            text.split(separator: "\n", omittingEmptySubsequences: false)
                .split { $0.allSatisfy(\.isWhitespace) }
                .map { "<p>" + $0.map { Markup.escaped(String($0)) }.joined(separator: "\n") + "</p>" }
        }
        return paragraphs.isEmpty ? "" : "<div class=\"notes\">\n\(paragraphs.joined(separator: "\n"))\n</div>"
    }

    private var claims: String {
        judgements.isEmpty ? "" : "<section>\n<h2>What it shows</h2>\n\(Markup.judgements(judgements))\n</section>"
    }

    private var verdicts: String {
        guard !runs.isEmpty else { return "" }
        let cards = zip(names, runs).map { name, run in
            "<article class=\"run\(run.stalls ? " stalls" : "")\"><h3>\(name)</h3>"
                + "<p>\(Markup.escaped(run.verdict.words))</p></article>"
        }
        let skipped = runs.map(\.verdict.skippedSeconds).max() ?? 0
        return """
            <section>
            <h2>Verdict</h2>
            \(skipped > 0 ? Markup.hint("Judged without the first \(NumberText.duration(skipped)).") : "")
            <div class="runs">
            \(cards.joined(separator: "\n"))
            </div>
            </section>
            """
    }

    // MARK: Figures

    private var figures: String {
        guard !runs.isEmpty else { return "" }
        let rows = Figure.allCases.compactMap { figure -> [String]? in
            let values = runs.map { $0.verdict.value(of: figure) }
            if values.allSatisfy({ $0 == nil || figure.isWait && $0 == 0 }) { return nil }
            let best = runs.count > 1 ? figure.preference.best(of: values) : nil
            return [figure.title]
                + values.enumerated().map { index, value -> String in
                    // Equals of the best are as good.
                    let isBest = best.map { values[$0] == value } ?? false
                    return isBest ? "<b class=\"best\">\(figure.unit.text(value))</b>" : figure.unit.text(value)
                }
        }
        return """
            <section>
            <h2>Figures</h2>
            \(runs.count > 1 ? Markup.hint("The best of each row is bold.") : "")
            \(Markup.table("figures", head: [""] + names, rows: rows))
            </section>
            """
    }

    /// What the phases ask for, and what became of each in every run; nothing if there is only one.
    private var phaseTable: String {
        guard let first = runs.first, first.result.scenario.phases.count > 1 else { return "" }
        let phases = first.result.scenario.phases
        // A run of another scenario may have other phases.
        let alike = runs.filter { $0.result.scenario.phases.map(\.name) == phases.map(\.name) }
        let rows = phases.enumerated().map { index, phase in
            let load = "<span class=\"plain\">\(Markup.escaped(phase.words))</span>"
            return ["\(Markup.escaped(phase.name))<br>\(load)", NumberText.duration(phase.seconds)]
                + alike.map { run in run.verdict.phases.first { $0.index == index }.map(Self.words) ?? "-" }
        }
        let head = ["", "takes"] + alike.map { Markup.escaped($0.name) }
        return "<section>\n<h2>Phase by phase</h2>\n\(Markup.table("phases", head: head, rows: rows))\n</section>"
    }

    private static func words(_ phase: Verdict.Phase) -> String {
        guard phase.hasLoad else { return "idle" }
        let slow = phase.slowShare > 0 ? ", \(NumberText.percent(phase.slowShare)) slow" : ""
        let stall = phase.longestStall > 0 ? ", stall of \(NumberText.duration(phase.longestStall))" : ""
        return "\(NumberText.short(phase.medianRate))/s\(slow)\(stall)"
    }

    private var maps: String {
        guard !heatMaps.isEmpty else { return "" }
        let figures = heatMaps.map { map in
            "<figure><figcaption>\(Markup.escaped(map.title))</figcaption>\n\(map.svg)</figure>"
        }
        return """
            <section>
            <h2>Sweep</h2>
            \(Markup.hint("The stronger the colour, the better; the best is framed."))
            <div class="panels of2">
            \(figures.joined(separator: "\n"))
            </div>
            </section>
            """
    }
}
