package import SiegeKit

/// One page of figures: what was tried, what came of it, and whether the goals were met.
package struct Scorecard: Sendable {
    /// One line of the page.
    package struct Figure: Sendable, Hashable {
        /// What it belongs to.
        package let section: String
        /// What was counted.
        package let name: String
        /// The count, and what it is made of.
        package let value: String
        /// What it has to be; empty if it is for information.
        package let goal: String
        /// Whether it is that; true without a goal.
        package let isMet: Bool

        /// Creates a line.
        package init(_ section: String, _ name: String, _ value: String, goal: String = "", isMet: Bool = true) {
            self.section = section
            self.name = name
            self.value = value
            self.goal = goal
            self.isMet = isMet
        }

        /// Reads a line as other programs of the laboratory leave it: section, name, value, goal and `1` or `0`,
        /// divided by tabulators; nil if it is none.
        package init?(line: Substring) {
            let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard words.count == 5, words[4] == "1" || words[4] == "0" else { return nil }
            self.init(words[0], words[1], words[2], goal: words[3], isMet: words[4] == "1")
        }

        /// The line that is read again.
        package var line: String { [section, name, value, goal, isMet ? "1" : "0"].joined(separator: "\t") }
    }

    /// What the figures are of: commit, machine, minutes.
    package var heading: [String] = []
    /// The lines.
    package private(set) var figures: [Figure] = []
    /// What was wrong, with ways to repeat it.
    package private(set) var violations: [String] = []
    /// Bugs that had to be caught and were not, by name: the run proves nothing then.
    package private(set) var missedCanaries: [String] = []
    /// The sections that this run had to leave out, and why.
    package private(set) var missing: [(section: String, reason: String)] = []

    /// Whether the run is so small that no goal about a number of things tried is meant.
    private let isSmoke: Bool

    /// Creates an empty page.
    package init(isSmoke: Bool = false) { self.isSmoke = isSmoke }

    /// Adds a line.
    package mutating func add(_ figure: Figure) { figures.append(figure) }

    /// Adds a line with a number that must be at least `goal`.
    package mutating func add(_ section: String, _ name: String, _ value: Int, atLeast goal: Int) {
        if isSmoke { return add(section, name, value) }
        add(Figure(section, name, Self.grouped(value), goal: "at least \(Self.grouped(goal))", isMet: value >= goal))
    }

    /// Adds a line with a number that must be `goal`.
    package mutating func add(_ section: String, _ name: String, _ value: Int, exactly goal: Int) {
        add(Figure(section, name, Self.grouped(value), goal: Self.grouped(goal), isMet: value == goal))
    }

    /// Adds a line with a number.
    package mutating func add(_ section: String, _ name: String, _ value: Int) {
        add(Figure(section, name, Self.grouped(value)))
    }

    /// Adds a line about mistakes that were made on purpose: each must have been caught, and there must be one.
    package mutating func add(_ section: String, _ name: String, canaries: [Verdict.Canary]) {
        let missed = canaries.filter { $0.caughtAfter == nil }
        let value = "\(canaries.count - missed.count) of \(canaries.count)"
        add(Figure(section, name, value, goal: "all", isMet: missed.isEmpty && !canaries.isEmpty))
        missedCanaries += missed.map(\.name)
        if canaries.isEmpty { missedCanaries.append("\(name): there was none") }
    }

    /// Adds something that was wrong.
    package mutating func add(violation: String) { violations.append(violation) }

    /// Adds a bug that was not caught.
    package mutating func add(missedCanary name: String) { missedCanaries.append(name) }

    /// Says that a section could not be run.
    package mutating func leaveOut(_ section: String, _ reason: String) { missing.append((section, reason)) }

    /// What became of the run.
    package enum Conclusion: Sendable, Hashable {
        /// Nothing was wrong, all goals were met, and every canary was caught.
        case good
        /// The same of what was run; but something was not, so that it is no result.
        case partial
        /// Something was wrong, or a goal was missed.
        case wrong
        /// A canary was not caught: that nothing else was found means nothing.
        case unproven
    }

    /// The conclusion from all lines.
    package var conclusion: Conclusion {
        if !missedCanaries.isEmpty { return .unproven }
        guard violations.isEmpty && figures.allSatisfy(\.isMet) else { return .wrong }
        return missing.isEmpty && !isSmoke ? .good : .partial
    }

    /// `value` with a comma between thousands.
    package static func grouped(_ value: Int) -> String {
        var digits = String(abs(value))
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (value < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }
}

extension Scorecard {
    /// The page as Markdown.
    package var markdown: String {
        var lines = ["# Siege scorecard", ""] + heading.map { "\($0)  " } + [""]
        switch conclusion {
        case .good: lines.append("**Nothing was wrong, every goal was met, and every canary was caught.**")
        case .partial:
            lines.append(
                "**Nothing was wrong in what was run; it is no result, because something was not run, or less.**"
            )
        case .wrong: lines.append("**Something was wrong, or a goal was missed.**")
        case .unproven:
            lines.append("**Not a result: these canaries were not caught: \(missedCanaries.joined(separator: ", ")).**")
        }
        var sections: [String] = []
        for figure in figures where !sections.contains(figure.section) { sections.append(figure.section) }
        for section in sections {
            lines += ["", "## \(section)", "", "| what | figure | goal | |", "| --- | --- | --- | --- |"]
            for figure in figures where figure.section == section {
                let mark = figure.goal.isEmpty ? "" : figure.isMet ? "ok" : "MISSED"
                lines.append(
                    "| \(Self.cell(figure.name)) | \(Self.cell(figure.value)) | \(Self.cell(figure.goal)) | \(mark) |"
                )
            }
        }
        if !missing.isEmpty {
            lines += ["", "## Not run", ""] + missing.map { "- \($0.section): \($0.reason)" }
        }
        if !violations.isEmpty {
            lines += ["", "## Violations", ""]
            for violation in violations { lines += ["```", violation, "```", ""] }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func cell(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
