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
        format = try RowFormat(arguments) ?? RowFormat(fileName: arguments.operand("FILE"))
        isRaw = arguments.has("raw")
        separator = try (format ?? .tsv).separator(arguments, escapes: !arguments.has("raw"))
        hasHeader = arguments.has("header")
        keyField = arguments.option("key") ?? "key"
        valueField = arguments.option("value") ?? "value"
        if format == .json || format == .db {
            (keyColumn, valueColumn) = (0, nil)
            let wrong = ["header", "raw"].first { arguments.has($0) }
            if let wrong { throw .usage("--\(wrong) goes with --format tsv or csv; this is \(format?.rawValue ?? "")") }
            if format == .db, arguments.has("key") || arguments.has("value") {
                throw .usage("--key and --value go with --format tsv, csv or json; db has a key and a value by turns")
            }
        } else {
            keyColumn = (try arguments.number("key", in: 1...100_000) ?? 1) - 1
            valueColumn = try arguments.number("value", in: 1...100_000).map { $0 - 1 }
        }
    }

    /// Returns everything that is in `bytes`, in its order.
    ///
    /// - Throws: what the fetching of the first bytes throws.
    package func items(of bytes: InputBytes) throws(CommandFailure) -> LoadItems {
        var isDump = false
        if format == nil, separator == nil { isDump = try bytes.begins(with: "VERSION=3\n") }
        switch format ?? (isDump ? .db : .tsv) {
        case .db: return LoadItems(.dump(DumpTextReader(bytes)), self)
        case .json: return LoadItems(.json(JSONRowReader(bytes, key: keyField, value: valueField)), self)
        case .tsv, .csv:
            var reader = rows(of: bytes)
            if hasHeader { _ = try reader.next() }
            return LoadItems(.rows(reader), self)
        }
    }

    /// Returns the rows of `bytes`, of a file with columns.
    package func rows(of bytes: InputBytes) -> RowReader {
        RowReader(bytes, format: format == .csv ? .csv : .tsv, separator: separator, escapes: !isRaw)
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
            throw .usage(
                "row \(number) has \(row.count) columns, and column \(wanted) was asked for; "
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

/// What a file holds that is loaded, whatever its form: rows, and between them the names of databases.
package struct LoadItems {
    enum Source {
        case rows(RowReader)
        case json(JSONRowReader)
        case dump(DumpTextReader)
    }

    private var source: Source
    private let format: LoadFormat

    init(_ source: Source, _ format: LoadFormat) {
        self.source = source
        self.format = format
    }

    /// The number of the row that was read last, from 1.
    package var rowNumber: Int {
        switch source {
        case .rows(let reader): reader.rowNumber
        case .json(let reader): reader.rowNumber
        case .dump(let reader): reader.rowNumber
        }
    }

    /// Returns what comes next, or nil at the end.
    ///
    /// - Throws: `.usage` if the file is not of its form; what the reading of the file throws.
    package mutating func next() throws(CommandFailure) -> DumpTextReader.Item? {
        switch source {
        case .rows(var reader):
            let row = try reader.next()
            source = .rows(reader)
            guard let row else { return nil }
            let (key, value) = try format.keyAndValue(of: row, number: reader.rowNumber)
            return .row(key: key, value: value)
        case .json(var reader):
            defer { source = .json(reader) }
            return try reader.next().map { .row(key: $0.key, value: $0.value) }
        case .dump(var reader):
            defer { source = .dump(reader) }
            return try reader.next()
        }
    }
}
