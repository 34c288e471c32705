import Redoubt
import RedoubtCommands
import RedoubtCore

/// Tables of an inspection as text and as JSON.
enum Tables {
    /// The characters that bytes may take in a line; the rest is in JSON, and with --full.
    private static let byteColumns = 40

    /// Prints `table` with its columns below one another.
    static func print(_ table: InspectedTable, full: Bool) {
        Output.print("\n\(table.name)")
        let rows = table.rows.map { $0.map { text($0, full: full) } }
        let widths = table.columns.indices.map { column in
            ([table.columns[column]] + rows.map { $0[column] }).map(\.count).max() ?? 0
        }
        let isNumber = table.columns.indices.map { column in
            table.rows.contains { if case .number = $0[column] { true } else { false } } && !isFields(table)
        }
        for row in (isFields(table) ? [] : [table.columns]) + rows {
            var line = " "
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += " " + (isNumber[column] ? padding + cell : cell + padding) + " "
            }
            while line.last == " " { line.removeLast() }
            Output.print(line)
        }
    }

    /// Whether the rows of `table` are fields: a name and a value each.
    private static func isFields(_ table: InspectedTable) -> Bool {
        table.columns == ["offset", "field", "value", "meaning"]
    }

    /// A cell as text.
    static func text(_ cell: InspectedTable.Cell, full: Bool) -> String {
        switch cell {
        case .number(let number): return "\(number)"
        case .text(let text): return text
        case .none: return ""
        case .bytes(let bytes):
            let text = Output.text(full ? bytes : Array(bytes.prefix(byteColumns)), hex: false)
            guard !full, bytes.count > byteColumns || text.count > byteColumns else { return text }
            return text.prefix(byteColumns) + "..."
        }
    }

    /// A table as JSON: one object of its fields, or a list of its rows.
    static func add(_ table: InspectedTable, to object: inout JSONObject) {
        if isFields(table) {
            var fields = JSONObject()
            for row in table.rows {
                if case .text(let name) = row[1] { add(row[2], named: camel(name), to: &fields) }
            }
            object.add(camel(table.name), fields)
        } else {
            let rows = table.rows.map { row in
                var fields = JSONObject()
                for (column, cell) in row.enumerated() { add(cell, named: camel(table.columns[column]), to: &fields) }
                return fields
            }
            object.add(camel(table.name), rows)
        }
    }

    /// Adds a cell under `name`.
    static func add(_ cell: InspectedTable.Cell, named name: String, to object: inout JSONObject) {
        switch cell {
        case .number(let number): object.add(name, number)
        case .text(let text): object.add(name, text)
        case .bytes(let bytes): object.add(name, bytes: bytes, hex: false)
        case .none: break
        }
    }

    /// "first page" as "firstPage".
    static func camel(_ name: String) -> String {
        let words = name.split { $0 == " " || $0 == "," || $0 == "-" }
        return words.enumerated().map { index, word in
            index == 0 ? String(word) : word.prefix(1).uppercased() + word.dropFirst()
        }.joined()
    }
}
