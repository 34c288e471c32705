import RedoubtCore

/// Two runs side by side: their figures, what the second has of the first, and which is better in what.
package struct Comparison: Sendable {
    /// The runs.
    package let left: LabRun
    /// See ``left``.
    package let right: LabRun

    /// Creates a comparison.
    package init(_ left: LabRun, _ right: LabRun) {
        (self.left, self.right) = (left, right)
    }

    /// A figure of both.
    package struct Row: Sendable, Hashable {
        /// Which one.
        package let figure: Figure
        /// The values.
        package let left: Double?
        /// See ``left``.
        package let right: Double?
        /// The second as a multiple of the first; nil if there is none.
        package let ratio: Double?
        /// Whether the first, or the second, is clearly better.
        package let isLeftBetter: Bool
        /// See ``isLeftBetter``.
        package let isRightBetter: Bool

        /// Differences of less than a fiftieth are none.
        private static let margin = 0.02

        init(_ figure: Figure, _ left: Double?, _ right: Double?) {
            (self.figure, self.left, self.right) = (figure, left, right)
            let ratio = left.flatMap { left in right.map { $0 / left } }
            self.ratio = ratio.flatMap { $0.isFinite ? $0 : nil }
            guard let left, let right else {
                (isLeftBetter, isRightBetter) = (false, false)
                return
            }
            let isFinite = left.isFinite && right.isFinite
            let differs = isFinite ? abs(left - right) > Self.margin * max(abs(left), abs(right)) : left != right
            isLeftBetter = differs && figure.preference.prefers(left, to: right)
            isRightBetter = differs && figure.preference.prefers(right, to: left)
        }

        /// The figure in words, with its value in the better run and in the other.
        fileprivate var words: String {
            let (good, bad) = isLeftBetter ? (left, right) : (right, left)
            let title = figure.title.prefix(1).lowercased() + figure.title.dropFirst()
            return "\(title) (\(figure.unit.text(good)), not \(figure.unit.text(bad)))"
        }
    }

    /// The figures that either run has.
    package var rows: [Row] {
        Figure.allCases.compactMap { figure in
            let row = Row(figure, left.verdict.value(of: figure), right.verdict.value(of: figure))
            if row.left == nil && row.right == nil { return nil }
            return figure.isWait && row.left == 0 && row.right == 0 ? nil : row
        }
    }

    /// Which run is better in what, and what makes the two hard to compare.
    package var words: String {
        func list(_ run: LabRun, _ better: [Row]) -> String {
            let figures = better.map(\.words).joined(separator: ", ")
            return better.isEmpty ? "\(run.name) is better in nothing." : "\(run.name) is better in \(figures)."
        }
        let all = rows
        let (first, second) = (all.filter(\.isLeftBetter), all.filter(\.isRightBetter))
        if first.isEmpty && second.isEmpty {
            return (["No figure differs by more than 2 %."] + differences).joined(separator: " ")
        }
        return ([list(left, first), list(right, second)] + differences).joined(separator: " ")
    }

    /// What else is not the same in both, a sentence each.
    private var differences: [String] {
        let (one, other) = (left.result.scenario, right.result.scenario)
        var sentences: [String] = []
        if left.result.isReal != right.result.isReal {
            let real = left.result.isReal ? left.name : right.name
            sentences.append("\(real) ran on a real device, the other on a model.")
        }
        if one.seed != other.seed { sentences.append("The seeds differ.") }
        if one.device != other.device {
            sentences.append("The devices differ: \(one.device.name) and \(other.device.name).")
        }
        if one.phases != other.phases || one.pageCount != other.pageCount {
            sentences.append("Load or data differ, which says more than any option.")
        }
        let options = zip(OptionNames.redoubtLines(for: one), OptionNames.redoubtLines(for: other))
        let changed = options.filter { $0 != $1 }.map { "\($0) against \($1)" }
        if !changed.isEmpty { sentences.append("Options differ: \(changed.joined(separator: ", ")).") }
        return sentences
    }

    /// Table and words, as text for a terminal; the clearly better value of a row has a star.
    package var text: String {
        var table = TextTable()
        table.add(["", "\(left.name) ", "\(right.name) ", "second / first"])
        for row in rows {
            table.add([
                row.figure.title,
                row.figure.unit.text(row.left) + (row.isLeftBetter ? "*" : " "),
                row.figure.unit.text(row.right) + (row.isRightBetter ? "*" : " "),
                row.ratio.map { NumberText.short($0) } ?? "-",
            ])
        }
        return "\(table.text)\n\(words)\n"
    }
}
