import FlushLab

/// Tables for the terminal.
enum Tables {
    /// A table of figures: a row each, a column for each name.
    static func figures(_ names: [String], _ verdicts: [Verdict]) -> String {
        var table = TextTable()
        table.add([""] + names)
        for figure in Figure.allCases {
            let values = verdicts.map { $0.value(of: figure) }
            // What is nothing for all says nothing.
            if values.allSatisfy({ ($0 ?? 0) == 0 }) { continue }
            table.add([figure.title] + values.map { figure.unit.text($0) })
        }
        return table.text
    }

    /// `text` with blanks up to `width`.
    static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
