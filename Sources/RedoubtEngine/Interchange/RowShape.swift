import RedoubtCore

/// How the records of a table of one key and one value are laid out, as far as tables differ in it.
struct RowShape: Sendable, Hashable, CustomStringConvertible {
    /// How a column says its length.
    enum Length: Sendable, Hashable {
        /// In one byte: the column has at most 255.
        case short
        /// In one byte, or in two from 128 on, which may also say that the value stands outside its page.
        case long
        /// Not at all: it is the same in every row.
        case fixed(Int)
    }

    var key = Length.long
    var value = Length.long
    /// Whether the value may be NULL, which takes a byte in every record.
    var isNullable = false

    /// What a table may be of which only the file is known, the likeliest first.
    static let guesses: [RowShape] = [false, true].flatMap { isNullable in
        [
            RowShape(isNullable: isNullable), RowShape(key: .short, isNullable: isNullable),
            RowShape(value: .short, isNullable: isNullable),
            RowShape(key: .short, value: .short, isNullable: isNullable),
        ]
    }

    // Shorter ones are numbers, dates, or the row ids of a table without a key, as often as not; BINARY has no more.
    private static let guessedByteCounts = 9...255

    /// The shapes with a key of a fixed length that `page`, the root of a table of which only the file is known, can
    /// have: the key has the bytes that all the rest of a record leaves of the heap.
    static func fixedKeyGuesses(_ page: IndexPage) -> [RowShape] {
        [false, true].flatMap { isNullable in
            [Length.long, .short].compactMap { value in
                var shape = RowShape(key: .fixed(0), value: value, isNullable: isNullable)
                guard let count = shape.byteCountLeft(on: page), guessedByteCounts.contains(count) else {
                    return nil
                }
                shape.key = .fixed(count)
                return shape
            }
        }
    }

    /// The bytes of the heap that each record would have besides those of this shape; nil if they do not go round.
    private func byteCountLeft(on page: IndexPage) -> Int? {
        var origin = page.firstOrigin
        var left = page.heapTop - IndexPage.heapStart - page.garbage
        for _ in 0..<page.recordCount {
            guard let record = try? ForeignRecord(page, at: origin, shape: self, isNode: page.level > 0) else {
                return nil
            }
            left -= record.byteCount
            origin = record.next
        }
        return page.recordCount > 0 && left % page.recordCount == 0 ? left / page.recordCount : nil
    }

    /// The shape in words.
    var description: String {
        func text(_ length: Length) -> String {
            switch length {
            case .short: "up to 255 bytes"
            case .long: "more than 255 bytes"
            case .fixed(let count): "always \(count) bytes"
            }
        }
        return "a key of \(text(key)) and a value of \(text(value))\(isNullable ? " that may be NULL" : "")"
    }
}

extension TableDefinition {
    // Families of types, as the server numbers them.
    private enum MainType {
        static let latin: UInt32 = 1
        static let fixedBinary: UInt32 = 3
        static let binary: UInt32 = 4
        static let blob: UInt32 = 5
        static let text: UInt32 = 12
    }

    private static let typeNames: [UInt32: String] = [
        1: "VARCHAR", 2: "CHAR", 3: "BINARY", 4: "VARBINARY", 5: "BLOB or TEXT", 6: "a number", 8: "a system column",
        9: "FLOAT", 10: "DOUBLE", 11: "DECIMAL", 12: "VARCHAR", 13: "CHAR", 14: "a geometry",
    ]

    /// Returns how the rows are laid out.
    ///
    /// - Throws: `.unsupportedFormat`, which says what the table has, unless that is one binary key and one binary or
    ///   text value.
    func rowShape(path: String) throws(RedoubtError) -> RowShape {
        func refused(_ what: String) -> RedoubtError {
            RedoubtError(
                .unsupportedFormat,
                "\(what); only a table of one binary primary key and one binary or text column can be imported",
                path: path
            )
        }
        guard columns.count == 2 else {
            throw refused("the table has \(columns.count) columns (\(columns.map(\.name).joined(separator: ", ")))")
        }
        guard uniqueFieldCount == 1 else { throw refused("the primary key has \(uniqueFieldCount) columns") }
        // Before the fields are counted: a column of which the key has a part is a field once more, behind it.
        if let first = fields.first, first.prefixByteCount != 0 {
            throw refused("the key is the first \(first.prefixByteCount) bytes of the column \(first.name)")
        }
        guard fields.count == 4 else {
            throw RedoubtError(
                .unsupportedFormat,
                "columns of the table were added or dropped at once: its records have \(fields.count) fields, not 4; "
                    + "run ALTER TABLE ... FORCE and export it again",
                path: path
            )
        }
        guard let keyColumn = columns.first(where: { $0.name == fields[0].name }),
            let valueColumn = columns.first(where: { $0.name == fields[3].name }), keyColumn.name != valueColumn.name
        else { throw refused("the primary key is not one of the two columns") }
        guard let key = length(keyColumn), isBinary(keyColumn), keyColumn.mainType != MainType.blob else {
            throw refused("the key \(keyColumn.name) is \(typeName(keyColumn))")
        }
        guard let value = length(valueColumn) else {
            throw refused("the column \(valueColumn.name) is \(typeName(valueColumn))")
        }
        let isNullable = valueColumn.typeBits & Column.notNull == 0
        return RowShape(key: key, value: value, isNullable: isNullable)
    }

    private func length(_ column: Column) -> RowShape.Length? {
        switch column.mainType {
        case MainType.blob: .long
        case MainType.binary, MainType.latin, MainType.text: column.byteCount > 255 ? .long : .short
        case MainType.fixedBinary where column.byteCount <= 3072: .fixed(Int(column.byteCount))
        default: nil
        }
    }

    private func isBinary(_ column: Column) -> Bool {
        column.mainType == MainType.binary || column.mainType == MainType.fixedBinary
    }

    private func typeName(_ column: Column) -> String {
        let name = Self.typeNames[column.mainType] ?? "of type \(column.mainType)"
        return column.mainType == MainType.latin || column.mainType == MainType.text
            ? "\(name) of character set \(column.typeBits >> 16)" : name
    }
}
