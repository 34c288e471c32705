package import RedoubtCore

/// What a `.cfg` file says about the table of a tablespace: its columns, and the fields of its clustered index.
///
/// Version 1, as MariaDB 10 and MySQL 5.7 write it. Integers are big-endian; a text is its length with the zero at its
/// end (4), its bytes and the zero:
///
///     version 4 | host | table | auto-increment 8 | page size 4 | table flags 4
///     columns 4, each: type bits 4 | main type 4 | length 4 | character lengths 4 | number 4 | ordering 4 | prefix 4 |
///                      name
///     indexes 4, each: id 8 | space 4 | root 4 | kind 4 | offset 4 | user fields 4 | unique fields 4 | nullable 4 |
///                      fields 4 | name, then for each field: prefix 4 | fixed length 4 | name
package struct TableDefinition: Sendable, Hashable {
    /// A column.
    struct Column: Sendable, Hashable {
        var name: String
        /// The server's type in the low byte, then flags; the number of the character set from bit 16 on.
        var typeBits: UInt32
        /// The family of the type.
        var mainType: UInt32
        var byteCount: UInt32
        /// The bytes that a character has at least, times five, and at most; 6 for bytes.
        var characterLengths: UInt32 = 0
        /// Whether an index orders rows by it.
        var isOrdering = false

        /// The bit of a column that is never NULL.
        static let notNull: UInt32 = 0x100
    }

    /// A field of the clustered index.
    struct Field: Sendable, Hashable {
        var name: String
        /// The bytes of the column that the field has; 0 for all.
        var prefixByteCount: UInt32 = 0
        /// The length of the field; 0 if it is not the same in every row.
        var fixedByteCount: UInt32 = 0
    }

    /// The columns in the order of the table, without the three of the system.
    var columns: [Column]
    /// The fields in the order of the record.
    var fields: [Field]
    /// The fields that make a row unique.
    var uniqueFieldCount = 1
    /// The root of the clustered index.
    var root: PageNumber
    /// The name of the clustered index.
    var indexName = "PRIMARY"

    /// The version of the layout.
    static let version: UInt32 = 1
    /// The flags of a table of row format DYNAMIC.
    static let dynamic: UInt32 = 0x21
    /// The index kind of the primary key: clustered (1) and unique (2).
    static let clusteredAndUnique: UInt32 = 3
    /// A longer file describes no table that anybody has.
    package static let byteCountMaximum = 1 << 20

    /// The columns that every table of a server ends with.
    static let systemColumns = [
        Column(name: "DB_ROW_ID", typeBits: 0x100, mainType: 8, byteCount: 6),
        Column(name: "DB_TRX_ID", typeBits: 0x101, mainType: 8, byteCount: 6),
        Column(name: "DB_ROLL_PTR", typeBits: 0x102, mainType: 8, byteCount: 7),
    ]

    /// The table of a keyspace: `k VARBINARY(3072) NOT NULL PRIMARY KEY, v LONGBLOB NOT NULL`.
    package static let keyspace = TableDefinition(
        columns: [
            Column(
                name: "k",
                typeBits: 0x003F_150F,
                mainType: 4,
                byteCount: 3072,
                characterLengths: 6,
                isOrdering: true
            ),
            Column(name: "v", typeBits: 0x003F_05FC, mainType: 5, byteCount: 12, characterLengths: 6),
        ],
        fields: [
            Field(name: "k"), Field(name: "DB_TRX_ID", fixedByteCount: 6),
            Field(name: "DB_ROLL_PTR", fixedByteCount: 7),
            Field(name: "v"),
        ],
        root: .root
    )

    /// Returns the file for the table `name` in a tablespace that says it is space `space`.
    package func encode(table name: String, space: SpaceID) -> [UInt8] {
        var bytes = BigEndianBytes()
        bytes.append(Self.version)
        bytes.append(text: "redoubt")
        bytes.append(text: "t/" + name)
        bytes.append(UInt64(0))
        bytes.append(UInt32(pageByteCount))
        bytes.append(Self.dynamic)
        let all = columns + Self.systemColumns
        bytes.append(UInt32(all.count))
        for (number, column) in all.enumerated() {
            bytes.append(column.typeBits)
            bytes.append(column.mainType)
            bytes.append(column.byteCount)
            bytes.append(column.characterLengths)
            bytes.append(UInt32(number))
            bytes.append(UInt32(column.isOrdering ? 1 : 0))
            bytes.append(UInt32(0))
            bytes.append(text: column.name)
        }
        bytes.append(UInt32(1))
        bytes.append(Space.indexID(of: space))
        bytes.append(space.rawValue)
        bytes.append(root.rawValue)
        bytes.append(Self.clusteredAndUnique)
        bytes.append(UInt32(0))
        // User fields, unique fields, nullable fields, all fields.
        for count in [uniqueFieldCount, uniqueFieldCount, 0, fields.count] { bytes.append(UInt32(count)) }
        bytes.append(text: indexName)
        for field in fields {
            bytes.append(field.prefixByteCount)
            bytes.append(field.fixedByteCount)
            bytes.append(text: field.name)
        }
        return bytes.bytes
    }
}

/// Numbers and texts as a `.cfg` file has them.
private struct BigEndianBytes {
    private(set) var bytes: [UInt8] = []

    mutating func append<Value: FixedWidthInteger>(_ value: Value) {
        for shift in stride(from: Value.bitWidth - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
        }
    }

    mutating func append(text: String) {
        append(UInt32(text.utf8.count + 1))
        bytes += Array(text.utf8) + [0]
    }
}
