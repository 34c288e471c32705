import RedoubtCore

/// Prints and writes what came out.
struct Report {
    let outcomes: [Outcome]
    let machine: String
    let commit: String
    let parameters: String

    // MARK: Text

    /// A table for each part, and every bound with its verdict.
    var text: String {
        var text = ""
        for part in Options.partNames {
            let outcomes = outcomes.filter { $0.part == part }
            guard let first = outcomes.first else { continue }
            text += "\n\(part)\n" + Self.pad("", 42)
            text += outcomes.map { Self.padLeft($0.policy.rawValue, 12) }.joined() + "\n"
            for figure in first.figures {
                text += Self.pad("  " + figure.name, 42)
                text += outcomes.map { Self.padLeft(Self.format($0.figure(figure.name)), 12) }.joined() + "\n"
            }
        }
        text += "\nbounds of policy redoubt\n"
        for (part, bound) in judged {
            let value = Self.padLeft(Self.format(bound.value), 10)
            let limit = Self.padLeft("\(bound.isMost ? "<=" : ">=") \(Self.format(bound.limit))", 12)
            text += Self.pad("  \(part): \(bound.name)", 74) + value + limit + "  " + bound.verdict + "\n"
        }
        return text
    }

    /// The bounds of the policy `redoubt`, those across policies included.
    var judged: [(part: String, bound: Bound)] {
        var result: [(String, Bound)] = []
        for outcome in outcomes where outcome.policy == .redoubt {
            let others = outcomes.filter { $0.part == outcome.part && $0.policy != .redoubt }
            var bounds = outcome.bounds
            // Of policies that took turns the rounds are compared, so that what the machine does meanwhile cancels out.
            let byRounds = others.compactMap { $0.figure(Turns.ratioName) }.min()
            let byMeans = others.map(\.throughput).max().flatMap { $0 > 0 ? outcome.throughput / $0 : nil }
            if let ratio = byRounds ?? byMeans {
                bounds.append(.least("throughput / the best other policy's", ratio, 1))
            }
            result += bounds.map { (outcome.part, $0) }
        }
        return result
    }

    /// A number with about three digits that count; "-" for none.
    static func format(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "-" }
        if abs(value) >= 100 { return "\(Int(value.rounded()))" }
        let digits = abs(value) >= 10 ? 1 : abs(value) >= 1 ? 2 : 3
        let scale = [1, 10, 100, 1000][digits]
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let fraction = String(scaled % scale + scale).dropFirst()
        return "\(value < 0 ? "-" : "")\(scaled / scale).\(fraction)"
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private static func padLeft(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }

    // MARK: JSON

    /// A line for each outcome, for each bound and for each sample.
    var jsonLines: String {
        var lines: [String] = []
        for outcome in outcomes {
            let head = "\"part\":\"\(outcome.part)\",\"policy\":\"\(outcome.policy.rawValue)\""
            let figures = outcome.figures.map { "\"\($0.name)\":\(Self.json($0.value))" }.joined(separator: ",")
            lines.append(
                "{\"kind\":\"outcome\",\(head),\"configuration\":\"\(outcome.configurationHash)\","
                    + "\"commit\":\"\(commit)\",\"machine\":\"\(machine)\",\"parameters\":\"\(parameters)\","
                    + "\"figures\":{\(figures)}}"
            )
            for phase in outcome.phases {
                lines.append(
                    "{\"kind\":\"phase\",\(head),\"name\":\"\(phase.name)\",\"start\":\(phase.stretch.start),"
                        + "\"end\":\(phase.stretch.end)}"
                )
            }
            for sample in outcome.samples {
                let fields = Sample.Field.allCases.map { "\"\($0)\":\(sample[$0])" }.joined(separator: ",")
                let waits = zip(EngineFigures.waitNames, sample.waits).map { "\"\($0)\":\($1)" }.joined(separator: ",")
                let times =
                    "\"p99\":\(Self.json(sample.latencies.quantile(0.99))),"
                    + "\"p999\":\(Self.json(sample.latencies.quantile(0.999)))"
                lines.append("{\"kind\":\"sample\",\(head),\(fields),\(times),\"waits\":{\(waits)}}")
            }
        }
        for (part, bound) in judged {
            lines.append(
                "{\"kind\":\"bound\",\"part\":\"\(part)\",\"name\":\"\(bound.name)\","
                    + "\"value\":\(Self.json(bound.value)),\"limit\":\(bound.limit),\"verdict\":\"\(bound.verdict)\"}"
            )
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func json(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "null" }
        return "\((value * 1000).rounded() / 1000)"
    }
}
