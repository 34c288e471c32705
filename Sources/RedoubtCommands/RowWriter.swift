import RedoubtCore

/// Writes rows as text that ``LoadFormat`` reads as the same rows, whatever bytes they hold.
package struct RowWriter: Sendable {
    /// The options of a dump.
    package static let options: [Command.Option] = [
        Command.Option(
            name: "format",
            value: "FORMAT",
            text: "tsv, csv, json, or db, the text of db_dump and mdb_dump; by the name of FILE, or db, if not given",
            choices: RowFormat.allCases.map(\.rawValue)
        ),
        Command.Option(name: "print", value: nil, text: "db: text as it is, like `db_dump -p`; else hexadecimal"),
        Command.Option(
            name: "map-size",
            value: "SIZE",
            text: "db: write a line mapsize, which mdb_load needs for more than 1 MiB, and db_load refuses"
        ),
        Command.Option(name: "header", value: nil, text: "tsv, csv: begin with a row that names the columns"),
        Command.Option(name: "separator", value: "CHAR", text: "tsv, csv: what stands between columns"),
        Command.Option(
            name: "raw",
            value: nil,
            text: "tsv: write no escapes, and end at a row that would need some"
        ),
    ]

    /// The form.
    package let format: RowFormat
    private let separator: UInt8
    private let isRaw: Bool
    private let isPrint: Bool
    private let mapSize: Int?
    private let hasHeader: Bool

    /// Reads the options; the operand "FILE" decides the form if they do not.
    ///
    /// - Throws: `.usage` if one of them cannot be, or does not go with the form.
    package init(_ arguments: Arguments) throws(CommandFailure) {
        format = try RowFormat(arguments) ?? RowFormat(fileName: arguments.operand("FILE")) ?? .db
        isRaw = arguments.has("raw")
        isPrint = arguments.has("print")
        hasHeader = arguments.has("header")
        mapSize = try arguments.size("map-size").map(\.rawValue)
        let other = try format.separator(arguments, escapes: !arguments.has("raw"))
        separator = other ?? UInt8(ascii: format == .csv ? "," : "\t")
        guard format == .db || !(isPrint || mapSize != nil) else {
            throw .usage("--print and --map-size go with --format db; this is \(format.rawValue)")
        }
        guard format == .tsv || !isRaw else {
            throw .usage("--raw goes with --format tsv; \(format.rawValue) holds any bytes")
        }
        guard format == .tsv || format == .csv || !hasHeader else {
            throw .usage("--header goes with --format tsv or csv; \(format.rawValue) names its fields anyway")
        }
    }

    /// Appends what stands before the rows of a database, called `name` if it is not alone in the file.
    package func begin(_ name: String?, to text: inout [UInt8]) {
        switch format {
        case .db:
            var lines = ["VERSION=3", "format=\(isPrint ? "print" : "bytevalue")"]
            if let name { lines.append("database=\(name)") }
            lines.append("type=btree")
            if let mapSize { lines.append("mapsize=\(mapSize)") }
            lines.append("HEADER=END")
            for line in lines { text += Array((line + "\n").utf8) }
        case .tsv, .csv:
            guard hasHeader else { return }
            text += Array("key".utf8) + [separator] + Array("value\n".utf8)
        case .json: break
        }
    }

    /// Appends what stands behind the rows of a database.
    package func end(to text: inout [UInt8]) {
        if format == .db { text += Array("DATA=END\n".utf8) }
    }

    /// Appends a row.
    ///
    /// - Throws: `.failure` if the row cannot be written without escapes; nothing was appended then.
    package func write(_ key: [UInt8], _ value: [UInt8], to text: inout [UInt8]) throws(CommandFailure) {
        switch format {
        case .db:
            writeData(key, to: &text)
            writeData(value, to: &text)
        case .json:
            var object = JSONObject()
            object.add("key", bytes: key, hex: false)
            object.add("value", bytes: value, hex: false)
            text += Array(object.text.utf8)
            text.append(10)
        case .csv:
            writeQuoted(key, to: &text)
            text.append(separator)
            writeQuoted(value, to: &text)
            text.append(10)
        case .tsv:
            if isRaw {
                try requirePlain(key, value)
                text += key
                text.append(separator)
                text += value
            } else {
                TextEscape.write(key, separator: separator, to: &text)
                text.append(separator)
                TextEscape.write(value, separator: separator, to: &text)
            }
            text.append(10)
        }
    }

    /// Throws if the row would be read as another one.
    private func requirePlain(_ key: [UInt8], _ value: [UInt8]) throws(CommandFailure) {
        let isPlain =
            !key.contains(separator) && !key.contains(10) && !value.contains(10) && value.last != 13
            && (separator == 9 || !value.contains(separator))
        guard !isPlain else { return }
        throw CommandFailure(
            code: .failure,
            message: "the row with the key \(Hexadecimal.text(key)) (hexadecimal) holds bytes that end a column or a "
                + "row; leave --raw out, or take another --format"
        )
    }

    private func writeQuoted(_ bytes: [UInt8], to text: inout [UInt8]) {
        let needsQuotes =
            bytes.isEmpty || bytes.starts(with: TextEscape.byteOrderMark)
            || bytes.contains { $0 == separator || $0 == 10 || $0 == 13 || $0 == UInt8(ascii: "\"") }
        guard needsQuotes else {
            text += bytes
            return
        }
        text.append(UInt8(ascii: "\""))
        for byte in bytes {
            if byte == UInt8(ascii: "\"") { text.append(byte) }
            text.append(byte)
        }
        text.append(UInt8(ascii: "\""))
    }

    private func writeData(_ bytes: [UInt8], to text: inout [UInt8]) {
        text.append(UInt8(ascii: " "))
        for byte in bytes {
            switch byte {
            // A backslash goes as digits too: mdb_load up to LMDB 0.9.24 reads two of them as what was there before.
            case 0x20...0x7E where isPrint && byte != UInt8(ascii: "\\"): text.append(byte)
            default:
                if isPrint { text.append(UInt8(ascii: "\\")) }
                text.append(Hexadecimal.digit(byte >> 4))
                text.append(Hexadecimal.digit(byte & 15))
            }
        }
        text.append(10)
    }
}
