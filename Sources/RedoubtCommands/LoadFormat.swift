/// What the options of `load` say about a file: its form, and where in it keys and values are.
package struct LoadFormat: Sendable {
    /// The options that say so.
    package static let options: [Command.Option] = [
        Command.Option(
            name: "format",
            value: "FORMAT",
            text: "tsv, csv, json, or db, the text of db_dump and mdb_dump; by the file if not given",
            choices: RowFormat.allCases.map(\.rawValue)
        ),
        Command.Option(
            name: "key",
            value: "N",
            text: "the column that is the key, from 1, or the field of JSON; 1 or \"key\" if not given"
        ),
        Command.Option(
            name: "value",
            value: "N",
            text: "the column that is the value, or the field; all other columns, by tabs, or \"value\" if not given"
        ),
        Command.Option(name: "separator", value: "CHAR", text: "tsv, csv: what stands between columns"),
        Command.Option(name: "header", value: nil, text: "tsv, csv: the first row names the columns"),
        Command.Option(name: "raw", value: nil, text: "tsv: a backslash stands for itself and begins no escape"),
    ]

    /// Whether the first row names the columns.
    package let hasHeader: Bool
    /// The form that options or name tell; nil if the beginning of the file must.
    package let format: RowFormat?
    private let arguments: Arguments
    private let separator: UInt8?
    private let isRaw: Bool
    private let keyColumn: Int
    private let valueColumn: Int?
    private let keyField: String
    private let valueField: String

    /// Reads the options; the operand "FILE" decides the form if they do not.
    ///
    /// - Throws: `.usage` if one of them cannot be.
    package init(_ arguments: Arguments) throws(CommandFailure) {
        try self.init(arguments, as: RowFormat(arguments) ?? RowFormat(fileName: arguments.operand("FILE")))
    }

    private init(_ arguments: Arguments, as format: RowFormat?) throws(CommandFailure) {
        self.arguments = arguments
        self.format = format
        isRaw = arguments.has("raw")
        separator = try (format ?? .tsv).separator(arguments, escapes: !arguments.has("raw"))
        hasHeader = arguments.has("header")
        keyField = arguments.option("key") ?? "key"
        valueField = arguments.option("value") ?? "value"
        switch format {
        case .json, .db:
            (keyColumn, valueColumn) = (0, nil)
            let wrong = ["header", "raw"].first { arguments.has($0) }
            if let wrong { throw .usage("--\(wrong) goes with --format tsv or csv; this is \(format?.rawValue ?? "")") }
            if format == .db, arguments.has("key") || arguments.has("value") {
                throw .usage("--key and --value go with --format tsv, csv or json; db has a key and a value by turns")
            }
        case .tsv, .csv:
            keyColumn = (try arguments.number("key", in: 1...100_000) ?? 1) - 1
            valueColumn = try arguments.number("value", in: 1...100_000).map { $0 - 1 }
        // What --key and --value are is known when the form is.
        case nil: (keyColumn, valueColumn) = (0, nil)
        }
    }

    /// Returns everything that is in `bytes`, in its order.
    ///
    /// - Throws: `.usage` if the options do not go with the form that the first bytes tell; what the fetching of those
    ///   throws.
    package func items(of bytes: InputBytes) throws(CommandFailure) -> LoadItems {
        guard let format else {
            return try LoadFormat(arguments, as: guess(bytes)).items(of: bytes).guessed
        }
        switch format {
        case .db: return LoadItems(.dump(DumpTextReader(bytes)), self)
        case .json: return LoadItems(.json(JSONRowReader(bytes, key: keyField, value: valueField)), self)
        case .tsv, .csv:
            var reader = rows(of: bytes)
            if hasHeader { _ = try reader.next() }
            return LoadItems(.rows(reader), self)
        }
    }

    /// The form that the first bytes of a file tell.
    private func guess(_ bytes: InputBytes) throws(CommandFailure) -> RowFormat {
        if separator != nil || hasHeader || isRaw { return .tsv }
        let mark = try bytes.begins(with: "\u{FEFF}") ? 3 : 0
        // What is empty before the first object or line says nothing.
        let start = try mark + bytes.blankByteCount(behind: mark)
        if try bytes.begins(with: "{", behind: start) { return .json }
        if mark > 0 { return .tsv }
        if try bytes.begins(with: "VERSION=3\n", behind: start) { return .db }
        return try bytes.begins(with: "VERSION=3\r\n", behind: start) ? .db : .tsv
    }

    /// Returns the rows of `bytes`, of a file with columns.
    package func rows(of bytes: InputBytes) -> RowReader {
        RowReader(
            bytes,
            format: format == .csv ? .csv : .tsv,
            separator: separator,
            escapes: !isRaw,
            keyColumn: keyColumn
        )
    }

    /// Returns key and value of `row`, which begins in line `line` of its file.
    ///
    /// - Throws: `.usage` if it has too few columns.
    package func keyAndValue(
        of row: [[UInt8]],
        line: Int
    ) throws(CommandFailure) -> (key: [UInt8], value: [UInt8]) {
        // One column and no word of where the value is: likelier a file of another form than keys without values.
        guard row.count > 1 || valueColumn != nil else {
            throw .usage(
                "line \(line) has one column, and a row has a key and a value; name the form with --format, or what "
                    + "stands between columns with --separator"
            )
        }
        guard keyColumn < row.count, (valueColumn ?? 0) < row.count else {
            let wanted = max(keyColumn, valueColumn ?? 0) + 1
            throw .usage(
                "line \(line) has \(row.count) columns, and column \(wanted) was asked for; "
                    + "see --key, --value, --separator and --format"
            )
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
