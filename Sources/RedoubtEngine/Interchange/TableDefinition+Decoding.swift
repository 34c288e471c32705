package import RedoubtCore

extension TableDefinition {
    /// Whether `bytes` begin as a `.cfg` file of the version that is known.
    static func isKnownVersion(_ bytes: [UInt8]) -> Bool {
        bytes.count >= 4 && bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } == version
    }

    /// Reads a `.cfg` file.
    ///
    /// - Throws: `.unsupportedFormat` for another version, page size or flags, and for a table that is not as
    ///   ``rowShape()`` needs it; `.corruptPage` if the bytes are no such file.
    package init(_ bytes: [UInt8], path: String) throws(RedoubtError) {
        var reader = DefinitionReader(bytes: bytes, path: path)
        let version: UInt32 = try reader.number("version")
        guard version == Self.version else {
            throw RedoubtError(
                .unsupportedFormat,
                "the .cfg file has version \(version), but only 1 is known, that of MariaDB and MySQL 5.7; "
                    + "leave it out, and the rows will tell their form, as far as they can",
                path: path
            )
        }
        _ = try reader.text("host")
        _ = try reader.text("table")
        _ = try reader.number("auto-increment value") as UInt64
        let pageSize: UInt32 = try reader.number("page size")
        guard pageSize == UInt32(pageByteCount) else {
            throw RedoubtError(.unsupportedFormat, "pages have \(pageSize) bytes, but must have 16384", path: path)
        }
        _ = try reader.number("table flags") as UInt32
        let all = try reader.columns()
        guard all.suffix(Self.systemColumns.count).map(\.name) == Self.systemColumns.map(\.name) else {
            throw reader.damaged("its last columns are not those of the system")
        }
        columns = all.dropLast(Self.systemColumns.count)
        let index = try reader.firstIndex()
        indexName = index.name
        root = index.root
        uniqueFieldCount = index.uniqueFieldCount
        fields = index.fields
        guard index.kind == Self.clusteredAndUnique else {
            throw RedoubtError(
                .unsupportedFormat,
                "the table has no primary key (its clustered index is \(index.name)); only a table with one binary "
                    + "key can be imported",
                path: path
            )
        }
    }
}

/// A walk over the bytes of a `.cfg` file that never leaves them.
private struct DefinitionReader {
    let bytes: [UInt8]
    let path: String
    private var position = 0

    // More columns or fields than this no table has.
    private static let countMaximum: UInt32 = 4096

    init(bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    func damaged(_ what: String) -> RedoubtError {
        RedoubtError(.corruptPage, "the .cfg file is damaged at byte \(position): \(what)", path: path)
    }

    mutating func number<Value: FixedWidthInteger>(_ name: String) throws(RedoubtError) -> Value {
        let count = Value.bitWidth / 8
        guard bytes.count - position >= count else { throw damaged("it ends before the \(name)") }
        var value: Value = 0
        for byte in bytes[position..<position + count] { value = value << 8 | Value(byte) }
        position += count
        return value
    }

    mutating func text(_ name: String) throws(RedoubtError) -> String {
        let count = Int(try number("length of the \(name)") as UInt32)
        guard count >= 1, count <= bytes.count - position, bytes[position + count - 1] == 0 else {
            throw damaged("the \(name) is no text of \(count) bytes")
        }
        defer { position += count }
        return String(decoding: bytes[position..<position + count - 1], as: UTF8.self)
    }

    private mutating func count(_ name: String) throws(RedoubtError) -> Int {
        let count: UInt32 = try number("number of \(name)")
        guard count >= 1, count <= Self.countMaximum else { throw damaged("there are \(count) \(name)") }
        return Int(count)
    }

    mutating func columns() throws(RedoubtError) -> [TableDefinition.Column] {
        var columns: [TableDefinition.Column] = []
        for _ in 0..<(try count("columns")) {
            var numbers: [UInt32] = []
            for _ in 0..<7 { numbers.append(try number("type of column \(columns.count + 1)")) }
            columns.append(
                TableDefinition.Column(
                    name: try text("name of column \(columns.count + 1)"),
                    typeBits: numbers[0],
                    mainType: numbers[1],
                    byteCount: numbers[2],
                    characterLengths: numbers[3],
                    isOrdering: numbers[5] != 0
                )
            )
        }
        return columns
    }

    struct Index {
        let name: String
        let root: PageNumber
        let kind: UInt32
        let uniqueFieldCount: Int
        let fields: [TableDefinition.Field]
    }

    /// The first index, which is the clustered one; what others there are has no rows of its own.
    mutating func firstIndex() throws(RedoubtError) -> Index {
        _ = try count("indexes")
        _ = try number("id of the index") as UInt64
        _ = try number("space of the index") as UInt32
        let root: UInt32 = try number("root of the index")
        let kind: UInt32 = try number("kind of the index")
        for name in ["offset", "number of user fields"] { _ = try number(name) as UInt32 }
        let uniqueFieldCount: UInt32 = try number("number of unique fields")
        _ = try number("number of nullable fields") as UInt32
        let fieldCount = try count("fields")
        let name = try text("name of the index")
        var fields: [TableDefinition.Field] = []
        for _ in 0..<fieldCount {
            let prefix: UInt32 = try number("prefix of field \(fields.count + 1)")
            let fixed: UInt32 = try number("length of field \(fields.count + 1)")
            fields.append(
                TableDefinition.Field(
                    name: try text("name of field \(fields.count + 1)"),
                    prefixByteCount: prefix,
                    fixedByteCount: fixed
                )
            )
        }
        return Index(
            name: name,
            root: PageNumber(rawValue: root),
            kind: kind,
            uniqueFieldCount: Int(uniqueFieldCount),
            fields: fields
        )
    }
}
