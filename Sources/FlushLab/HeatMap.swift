/// What a figure is for each combination of two options, as a picture and as text.
///
/// Cells are shaded by rank, not by value: a single bad value would leave all others alike.
package struct HeatMap: Sendable, Hashable {
    /// What the values are.
    package var title: String
    /// The options, one down and one across, and the values that they take.
    package var rowName: String
    /// See ``rowName``.
    package var rows: [String]
    /// See ``rowName``.
    package var columnName: String
    /// See ``rowName``.
    package var columns: [String]
    /// The values, a list for each row; nil, or what is missing at the end, was not run.
    package var values: [[Double?]]
    /// What they count.
    package var unit: Figure.Unit
    /// Which is the better one.
    package var preference: Figure.Preference

    /// Creates the map of a figure; `value` returns that of a row and a column.
    package init(
        _ figure: Figure,
        title: String? = nil,
        rows: (name: String, values: [String]),
        columns: (name: String, values: [String]),
        value: (Int, Int) -> Double?
    ) {
        self.title = title ?? figure.title
        (rowName, self.rows) = (rows.name, rows.values)
        (columnName, self.columns) = (columns.name, columns.values)
        values = rows.values.indices.map { row in columns.values.indices.map { value(row, $0) } }
        (unit, preference) = (figure.unit, figure.preference)
    }

    /// Where the best value is; nil if there is none, or all are alike.
    package var best: (row: Int, column: Int)? {
        guard !columns.isEmpty else { return nil }
        let all = rows.indices.flatMap { row in columns.indices.map { number(row, $0) } }
        return preference.best(of: all).map { ($0 / columns.count, $0 % columns.count) }
    }

    /// Returns the value of a cell; nil if it was not run, or has no number.
    func number(_ row: Int, _ column: Int) -> Double? {
        guard values.indices.contains(row), values[row].indices.contains(column) else { return nil }
        return values[row][column].flatMap { $0.isNaN ? nil : $0 }
    }

    /// The different values, the worst first.
    private var ranks: [Double] {
        let all = rows.indices.flatMap { row in columns.indices.compactMap { number(row, $0) } }
        let ordered = Set(all).sorted()
        return preference == .less ? ordered.reversed() : ordered
    }

    // MARK: Text

    /// The map as lines for a terminal; the best value has a star.
    package var text: String {
        var table = TextTable()
        table.add([""] + columns.map { "\($0) " })
        for (row, name) in rows.enumerated() {
            let cells = columns.indices.map { column -> String in
                unit.text(number(row, column)) + (isBest(row, column) ? "*" : " ")
            }
            table.add([name] + cells)
        }
        let mark = best == nil ? "" : "; * is the best"
        let head = axes(down: "down", across: "across")
        return "\(title)\n\(head)\(mark)\n\n\(table.text)"
    }

    /// The options, each with where it goes; one without a name is none.
    private func axes(down: String, across: String) -> String {
        let named = [(rowName, down), (columnName, across)].filter { !$0.0.isEmpty }
        return named.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }

    private func isBest(_ row: Int, _ column: Int) -> Bool { best.map { $0 == (row, column) } ?? false }

    // MARK: Picture

    private static let cellHeight = 34
    private static let head = 44

    /// The map as SVG for a page with ``LabStyle``.
    package var svg: String {
        let left = min(260, 24 + 7 * (rows.map(\.count).max() ?? 0))
        let cells = rows.indices.flatMap { row in columns.indices.map { unit.text(number(row, $0)) } }
        let widest = (columns + cells).map(\.count).max() ?? 0
        let cellWidth = min(160, max(64, 16 + 7 * widest))
        let width = max(left + columns.count * cellWidth + 10, 60 + 7 * (rowName.count + columnName.count))
        let height = Self.head + rows.count * Self.cellHeight + 10
        let words = Markup.escaped(axes(down: "\u{2193}", across: "\u{2192}"))
        var parts = [
            "<svg class=\"heat\" style=\"width:\(width)px\" viewBox=\"0 0 \(width) \(height)\" role=\"img\" "
                + "aria-label=\"\(Markup.escaped(label))\">",
            "<text class=\"axis\" x=\"8\" y=\"16\">\(words)</text>",
        ]
        for (column, name) in columns.enumerated() {
            let place = "x=\"\(left + column * cellWidth + cellWidth / 2)\" y=\"\(Self.head - 7)\""
            parts.append("<text class=\"name mid\" \(place)>\(Markup.escaped(name))</text>")
        }
        let order = ranks
        for (row, name) in rows.enumerated() {
            let top = Self.head + row * Self.cellHeight
            let place = "x=\"\(left - 8)\" y=\"\(top + 22)\""
            parts.append("<text class=\"name end\" \(place)>\(Markup.escaped(name))</text>")
            for column in columns.indices {
                parts.append(cell(row, column, order, x: left + column * cellWidth, y: top, width: cellWidth))
            }
        }
        return parts.joined(separator: "\n") + "\n</svg>"
    }

    private func cell(_ row: Int, _ column: Int, _ ranks: [Double], x: Int, y: Int, width: Int) -> String {
        let place = "x=\"\(x + 1)\" y=\"\(y + 1)\" width=\"\(width - 2)\" height=\"\(Self.cellHeight - 2)\" rx=\"3\""
        guard let value = number(row, column), let rank = ranks.firstIndex(of: value) else {
            return "<rect class=\"hole\" \(place)/>"
        }
        let share = ranks.count > 1 ? Double(rank) / Double(ranks.count - 1) : 0.5
        let shade = NumberText.fixed(0.08 + 0.76 * share, 2)
        let words = Markup.escaped(unit.text(value))
        let style = share > 0.6 ? "value on" : "value"
        let text = "<text class=\"\(style)\" x=\"\(x + width / 2)\" y=\"\(y + 22)\">\(words)</text>"
        let frame = isBest(row, column) ? "<rect class=\"best\" \(place)/>" : ""
        return "<rect class=\"cell\" fill-opacity=\"\(shade)\" \(place)/>\(frame)\(text)"
    }

    /// What is told to someone who does not see it.
    private var label: String {
        let subject = "\(title) by \(rowName) and \(columnName)"
        guard let best else { return subject }
        let text = unit.text(number(best.row, best.column))
        return "\(subject); best \(text) at \(rows[best.row]) and \(columns[best.column])"
    }
}
