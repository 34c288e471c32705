import RedoubtCore

/// The report as one page of HTML that needs nothing else.
struct Page {
    let report: Report

    private static let style = """
        :root { color-scheme: light dark; --paper: #fff; --ink: #222; --faint: #ddd; --shade: #f2f2f2; }
        @media (prefers-color-scheme: dark) {
          :root { --paper: #16181c; --ink: #ddd; --faint: #3a3d44; --shade: #22252b; }
        }
        body { font: 14px system-ui, sans-serif; margin: 2em auto; max-width: 1400px; padding: 0 1em;
               background: var(--paper); color: var(--ink); }
        h2 { margin-top: 2em; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        td, th { padding: 2px 10px; border-bottom: 1px solid var(--faint); text-align: right; }
        td:first-child, th:first-child { text-align: left; }
        .ok { color: #1a7f37; } .missed { color: #cf222e; font-weight: bold; }
        .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(400px, 1fr)); gap: 6px 18px; }
        figure { margin: 0; } figcaption { font-size: 12px; } figcaption span { margin-left: .6em; }
        svg { width: 100%; height: auto; } svg text { font-size: 9px; fill: var(--ink); }
        polyline { fill: none; stroke-width: 1.1; } .grid { stroke: var(--faint); stroke-width: .6; }
        .shade { fill: var(--shade); } .limit { stroke: #cf222e; stroke-width: .8; stroke-dasharray: 4 3; }
        .c0 { stroke: #2f6fde; } .c1 { stroke: #d9730d; } .c2 { stroke: #1a9e6b; } .c3 { stroke: #a34fc9; }
        .c4 { stroke: #c2a000; } .c5 { stroke: #d1416f; } .c6 { stroke: #17a2b8; } .c7 { stroke: #8c8c8c; }
        .k0 { color: #2f6fde; } .k1 { color: #d9730d; } .k2 { color: #1a9e6b; } .k3 { color: #a34fc9; }
        .k4 { color: #c2a000; } .k5 { color: #d1416f; } .k6 { color: #17a2b8; } .k7 { color: #8c8c8c; }

        """

    /// The page.
    var html: String {
        var html = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Redoubt flush benchmark</title>\n"
        html += "<style>\n\(Self.style)</style>\n<h1>Redoubt flush benchmark</h1>\n"
        html +=
            "<p>commit \(report.commit), \(Chart.escape(report.parameters))<br>\(Chart.escape(report.machine))</p>\n"
        html += bounds
        let titles = [
            "redo": "Redo-bound: data in memory", "turns": "Redo-bound: overload by turns",
            "lru": "LRU-bound: data ten times the memory", "lruTurns": "LRU-bound: by turns",
        ]
        for part in Options.partNames {
            let outcomes = report.outcomes.filter { $0.part == part }
            guard !outcomes.isEmpty else { continue }
            html += "<h2>\(titles[part] ?? part)</h2>\n" + table(outcomes)
            // A line through the turns of one policy would show what the others did in between.
            if Turns.partNames.contains(part) { continue }
            html += "<div class=\"charts\">\n"
            html += overview(outcomes) + "</div>\n"
            let charts = OutcomeCharts.all(outcomes)
            for (outcome, own) in zip(outcomes, charts) {
                html += "<h3>\(outcome.policy.rawValue)</h3>\n<div class=\"charts\">\n"
                html += own.map(\.html).joined() + "</div>\n"
            }
        }
        return html + "</html>\n"
    }

    private var bounds: String {
        guard !report.judged.isEmpty else { return "" }
        var html =
            "<h2>Bounds of policy redoubt</h2>\n<table><tr><th>bound</th><th>found</th><th>limit</th><th></th></tr>\n"
        for (part, bound) in report.judged {
            html += "<tr><td>\(part): \(Chart.escape(bound.name))</td><td>\(Report.format(bound.value))</td>"
            html += "<td>\(bound.isMost ? "at most" : "at least") \(Report.format(bound.limit))</td>"
            html += "<td class=\"\(bound.verdict.lowercased())\">\(bound.verdict)</td></tr>\n"
        }
        return html + "</table>\n"
    }

    private func table(_ outcomes: [Outcome]) -> String {
        var html = "<table><tr><th></th>" + outcomes.map { "<th>\($0.policy.rawValue)</th>" }.joined() + "</tr>\n"
        for figure in outcomes.first?.figures ?? [] {
            html += "<tr><td>\(Chart.escape(figure.name))</td>"
            html += outcomes.map { "<td>\(Report.format($0.figure(figure.name)))</td>" }.joined() + "</tr>\n"
        }
        return html + "</table>\n"
    }

    /// Throughput and redo age of all policies in one chart each.
    private func overview(_ outcomes: [Outcome]) -> String {
        let seconds = outcomes.map { OutcomeCharts($0).length }.max() ?? 1
        var throughput = Chart(title: "updates/s, all policies", lines: [], seconds: seconds, top: 0)
        var age = Chart(title: "redo age / sync limit, all policies", lines: [], seconds: seconds, top: 1)
        for (index, outcome) in outcomes.enumerated() {
            let charts = OutcomeCharts(outcome)
            let name = outcome.policy.rawValue
            let rate = charts.rate(.updates, every: 10)
            throughput.lines.append(Chart.Line(name: name, color: index, points: rate))
            age.lines.append(Chart.Line(name: name, color: index, points: charts.values(RedoBound.agePart)))
        }
        throughput.top = throughput.greatest
        age.limits = [Chart.Limit(name: "sync limit", value: 1)]
        age.top = max(1, age.greatest)
        return throughput.html + age.html
    }
}
