import FlushLab

/// Tables for the terminal.
enum Tables {
    /// A table of figures: a row each, a column for each name.
    static func figures(_ names: [String], _ verdicts: [Verdict]) -> [String] {
        var rows = [[""] + names]
        for figure in Figure.allCases {
            let values = verdicts.map { $0.value(of: figure) }
            // What is nothing for all says nothing.
            if values.allSatisfy({ ($0 ?? 0) == 0 }) { continue }
            rows.append([figure.title] + values.map { figure.unit.text($0) })
        }
        return lines(rows)
    }

    /// Columns of equal width, the first to the left, the others to the right.
    static func lines(_ rows: [[String]]) -> [String] {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, text in
                let space = String(repeating: " ", count: widths[column] - text.count)
                return column == 0 ? text + space : "  " + space + text
            }.joined()
        }
    }

    /// `text` with blanks up to `width`.
    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
