/// Rows of cells as text for a terminal: the first column to the left, the others to the right.
package struct TextTable: Sendable {
    private var rows: [[String]] = []

    /// Creates a table without rows.
    package init() {}

    /// Adds a row.
    package mutating func add(_ cells: [String]) { rows.append(cells) }

    /// The rows, a line each.
    package var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += column == 0 ? cell + padding : "  " + padding + cell
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
