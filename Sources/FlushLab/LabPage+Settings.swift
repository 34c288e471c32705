// What the runs were told, in Redoubt's names.
extension LabPage {
    /// A setting: its name, and a value for each run.
    private struct Setting {
        let name: String
        let values: [String]
        /// Whether any run has another value than one that is told nothing.
        let isSet: Bool
        /// The values that are shown: one, if all runs have the same.
        var shown: [String] { Set(values).count == 1 ? [values[0]] : values }
    }

    /// Two tables: what was set, and, folded, what was left as it is.
    var settings: String {
        guard !runs.isEmpty else { return "" }
        let usual = Self.lines(of: Scenario())
        let all = runs.map { Self.lines(of: $0.result.scenario) }
        let settings = usual.indices.map { index in
            let values = all.map { $0[index].value }
            return Setting(
                name: usual[index].name,
                values: values,
                isSet: values.contains { $0 != usual[index].value }
            )
        }
        let left = settings.filter { !$0.isSet }
        let folded = left.isEmpty ? "" : "<details><summary>As by default</summary>\n\(table(of: left))\n</details>"
        return """
            <section>
            <h2>Settings</h2>
            \(table(of: settings.filter(\.isSet)))
            \(folded)
            </section>
            """
    }

    private func table(of settings: [Setting]) -> String {
        if settings.isEmpty { return Markup.hint("All is as by default.") }
        let isAlike = settings.allSatisfy { $0.shown.count == 1 }
        let rows = settings.map { setting in
            let values = isAlike ? setting.shown : setting.values
            return [Markup.escaped(setting.name)] + values.map(Markup.escaped)
        }
        return Markup.table("settings", head: [""] + (isAlike ? ["value"] : names), rows: rows)
    }

    /// The settings of a scenario, always the same ones in the same order.
    private static func lines(of scenario: Scenario) -> [(name: String, value: String)] {
        let pages = Double(Scenario.pageBytes)
        let options = OptionNames.redoubtLines(for: scenario).map { line in
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : "")
        }
        let machine = scenario.machine
        return [
            (name: "data", value: NumberText.size(Double(scenario.pageCount) * pages)),
            (name: "frames of the pool", value: NumberText.size(Double(scenario.frameCount) * pages)),
            (name: "redoLog.checkpointIntervalMilliseconds", value: "\(scenario.checkpointInterval)"),
        ] + options + [
            (name: "device", value: scenario.device.name),
            (name: "processors", value: NumberText.short(machine.processors)),
            (name: "replay of redo", value: NumberText.size(scenario.replayRate) + "/s"),
            (name: "seed", value: "\(scenario.seed)"),
        ]
    }
}

extension Scenario.Phase {
    /// The load in words, such as "8 clients at 2k/s: 6 changes of uniform pages, waits for the disk".
    var words: String {
        if threads == 0 && workload.scanPages == 0 { return "no load" }
        var parts: [String] = []
        if threads > 0 {
            let pace = rate.map { rate in
                let end = endRate.map { " to \(NumberText.short($0))" } ?? ""
                return " at \(NumberText.short(rate))\(end)/s"
            }
            parts.append("\(NumberText.count(threads, "client"))\(pace ?? ""): \(workload.words)")
        }
        if workload.scanPages > 0 { parts.append("a scan of \(NumberText.short(workload.scanPages)) pages/s") }
        return parts.joined(separator: "; ")
    }
}

extension Workload {
    /// What a transaction does, in words.
    fileprivate var words: String {
        let pages =
            switch pattern {
            case .uniform: "uniform pages"
            case .zipfian(let theta): "pages by Zipf's law of \(NumberText.short(theta))"
            case .hot(let pages, let accesses):
                "pages of which \(NumberText.short(pages))% get \(NumberText.short(accesses))%"
            }
        let parts = [("reads", reads), ("changes", changes), ("appends", appends)].filter { $0.1 > 0 }
        let work = parts.map { "\($0.0) \(NumberText.short($0.1))" }.joined(separator: ", ")
        return (work.isEmpty ? "does nothing" : "\(work) of \(pages)") + (isDurable ? ", waits for the disk" : "")
    }
}
