/// What a siege of disks found: a row for each target, mode and file system.
package struct DiskFigures: Sendable {
    /// What was found about one target in one mode on one file system.
    package struct Row: Sendable {
        /// The engine.
        package let target: String
        /// Its mode.
        package let mode: String
        /// What was below it.
        package let fileSystem: String
        /// What the mode promises: `durable`, `all but the last`, or `nothing`.
        package let promise: String
        /// The epochs between two flushes that were recorded, and the writes in them.
        package var epochCount = 0, writeCount = 0
        /// The distinct states that were judged.
        package var states = 0
        /// Those of them in which a write was torn.
        package var torn = 0
        /// States in which acknowledged commits were missing.
        package var lost = 0
        /// States in which the content was no prefix, or could not be read at all.
        package var damaged = 0
        /// States that the file system itself refused.
        package var unmountable = 0
        /// The number of the first state that was a violation, from 1, and what it was.
        package var firstViolation: Int?, firstText: String?
        /// Why it could not be done to its end.
        package var failure: String?

        /// The states in which the promise to keep what was acknowledged was broken.
        package var violations: Int { lost + damaged }

        /// Whether the mode did as it says: also that one that promises nothing was caught.
        package var isGood: Bool {
            if failure != nil || unmountable > 0 || states == 0 { return false }
            return promise == DiskTarget.Promise.nothing.rawValue ? violations > 0 : violations == 0
        }

        /// The result in a few words.
        package var result: String {
            if let failure { return "NOT DONE: \(failure)" }
            var parts: [String] = []
            if lost > 0 { parts.append("\(lost) lost") }
            if damaged > 0 { parts.append("\(damaged) damaged") }
            if unmountable > 0 { parts.append("\(unmountable) not mountable") }
            if parts.isEmpty { parts.append("all found") }
            let isControl = promise == DiskTarget.Promise.nothing.rawValue
            let verdict = isGood ? (isControl ? "caught, as it must be" : "ok") : (isControl ? "NOT CAUGHT" : "WRONG")
            return "\(verdict): \(parts.joined(separator: ", "))"
        }
    }

    /// The rows, in the order of the targets.
    package var rows: [Row] = []
    /// What was left out and why, a line each.
    package var skipped: [String] = []
    /// The time of all, in seconds.
    package var seconds = 0.0

    /// Whether every mode did as it says, and there was something to judge.
    package var isGood: Bool { !rows.isEmpty && rows.allSatisfy(\.isGood) }

    /// Whether a mode that promises nothing was not caught: then the siege proves nothing.
    package var missesControl: Bool {
        rows.contains { $0.promise == DiskTarget.Promise.nothing.rawValue && !$0.isGood }
    }

    /// A line for each row, below a heading, and one for each thing that was skipped.
    package var table: String {
        let heading = ["target", "mode", "fs", "promises", "epochs", "states", "torn", "first", "result"]
        var lines = [heading]
        for row in rows {
            lines.append([
                row.target, row.mode, row.fileSystem, row.promise, "\(row.epochCount)", "\(row.states)", "\(row.torn)",
                row.firstViolation.map { "\($0)" } ?? "-", row.result,
            ])
        }
        let widths = heading.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        var text = lines.map { cells in
            zip(cells, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }.joined(separator: "  ")
        }
        for row in rows where !row.isGood || row.promise == DiskTarget.Promise.nothing.rawValue {
            if let first = row.firstText {
                text.append(
                    "\(row.target) \(row.mode) on \(row.fileSystem), state \(row.firstViolation ?? 0): \(first)"
                )
            }
        }
        text += skipped.map { "SKIPPED: \($0)" }
        return text.map { line in String(line.reversed().drop { $0 == " " }.reversed()) }.joined(separator: "\n")
    }

    /// All figures as one line of JSON.
    package var json: String {
        let list = rows.map { row in
            "{\"target\":\(Self.quoted(row.target)),\"mode\":\(Self.quoted(row.mode)),"
                + "\"fileSystem\":\(Self.quoted(row.fileSystem)),\"promise\":\(Self.quoted(row.promise)),"
                + "\"epochs\":\(row.epochCount),\"writes\":\(row.writeCount),\"states\":\(row.states),"
                + "\"torn\":\(row.torn),"
                + "\"violations\":\(row.violations),\"lost\":\(row.lost),\"damaged\":\(row.damaged),"
                + "\"unmountable\":\(row.unmountable),"
                + "\"firstViolation\":\(row.firstViolation.map { "\($0)" } ?? "null"),\"isGood\":\(row.isGood)}"
        }
        let skips = skipped.map(Self.quoted).joined(separator: ",")
        return "{\"disks\":[\(list.joined(separator: ","))],\"skipped\":[\(skips)],"
            + "\"seconds\":\((seconds * 10).rounded() / 10)}"
    }

    private static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            default: scalar.value < 32 ? " " : String(scalar)
            }
        }
        return "\"\(escaped.joined())\""
    }
}
