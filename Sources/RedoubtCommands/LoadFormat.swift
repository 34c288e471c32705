/// What the options of `load` say about a file: its form, and which of its columns are key and value.
package struct LoadFormat: Sendable {
    /// The options that say so.
    package static let options: [Command.Option] = [
        Command.Option(name: "format", value: "FORMAT", text: "tsv or csv; by the name of the file if not given"),
        Command.Option(name: "key", value: "N", text: "the column that is the key, from 1; 1 if not given"),
        Command.Option(
            name: "value",
            value: "N",
            text: "the column that is the value; all others, by tabs, if not given"
        ),
        Command.Option(name: "separator", value: "CHAR", text: "what stands between columns"),
        Command.Option(name: "header", value: nil, text: "the first row names the columns"),
    ]

    /// Whether the first row names the columns.
    package let hasHeader: Bool
    private let format: RowReader.Format
    private let separator: UInt8?
    private let keyColumn: Int
    private let valueColumn: Int?

    /// Reads the options; the operand "FILE" decides the form if they do not.
    ///
    /// - Throws: `.usage` if one of them cannot be.
    package init(_ arguments: Arguments) throws(CommandFailure) {
        let name = arguments.option("format") ?? (arguments.operand("FILE").hasSuffix(".csv") ? "csv" : "tsv")
        guard let format = RowReader.Format(rawValue: name) else {
            throw .usage("--format is \"\(name)\"; it must be tsv or csv")
        }
        self.format = format
        if let text = arguments.option("separator") {
            // What ends a row or quotes a column cannot also stand between columns.
            guard let byte = text.utf8.first, text.utf8.count == 1, !Array("\n\r\"".utf8).contains(byte) else {
                throw .usage("--separator must be one ASCII character, and neither a quote nor the end of a line")
            }
            separator = byte
        } else {
            separator = nil
        }
        keyColumn = (try arguments.number("key", in: 1...100_000) ?? 1) - 1
        valueColumn = try arguments.number("value", in: 1...100_000).map { $0 - 1 }
        hasHeader = arguments.has("header")
    }

    /// Returns the rows of `bytes`.
    package func rows(of bytes: InputBytes) -> RowReader {
        RowReader(bytes, format: format, separator: separator)
    }

    /// Returns key and value of `row`, which is number `number` of its file.
    ///
    /// - Throws: `.usage` if it has too few columns.
    package func keyAndValue(
        of row: [[UInt8]],
        number: Int
    ) throws(CommandFailure) -> (key: [UInt8], value: [UInt8]) {
        guard keyColumn < row.count, (valueColumn ?? 0) < row.count else {
            let wanted = max(keyColumn, valueColumn ?? 0) + 1
            throw .usage("row \(number) has \(row.count) columns; column \(wanted) was asked for")
        }
        if let valueColumn { return (row[keyColumn], row[valueColumn]) }
        var value: [UInt8] = []
        var isFirst = true
        for (index, column) in row.enumerated() where index != keyColumn {
            if !isFirst { value.append(UInt8(ascii: "\t")) }
            value += column
            isFirst = false
        }
        return (row[keyColumn], value)
    }
}
