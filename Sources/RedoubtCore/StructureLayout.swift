/// The fields of something on disk: where each stands and what it means.
///
/// The same table decodes the bytes and writes the manual of the format, so neither can say what the other does not.
/// Numbers are big-endian.
package struct StructureLayout: Sendable {
    /// How the bytes of a field are to be read.
    package enum Kind: Sendable {
        /// A number of 1 to 8 bytes.
        case number
        /// What is better read in hexadecimal: a checksum, flags, an identity.
        case hexadecimal
        /// The number of a page; 0xFFFFFFFF is none.
        case page
        /// A place in a file: page 4, offset 2.
        case address
        /// A list of places: length 4, first 6, last 6.
        case list
        /// Any bytes.
        case bytes
        /// A number, some of whose values have names.
        case named([UInt64: String])
    }

    /// One field.
    package struct Field: Sendable {
        /// The name.
        package let name: String
        /// The offset from the beginning of the structure, in bytes.
        package let offset: Int
        /// The bytes it takes.
        package let byteCount: Int
        /// How they are to be read.
        package let kind: Kind
        /// What it means.
        package let text: String
    }

    /// What it is called.
    package let name: String
    /// Where it is and what it is for.
    package let text: String
    /// The fields in their order.
    package private(set) var fields: [Field] = []

    /// Creates a structure; each field is name, offset, bytes, kind and meaning.
    package init(_ name: String, _ text: String, _ fields: [(String, Int, Int, Kind, String)]) {
        self.name = name
        self.text = text
        self.fields = fields.map { Field(name: $0.0, offset: $0.1, byteCount: $0.2, kind: $0.3, text: $0.4) }
    }

    /// Reads the structure that begins at `start` of `bytes`; bytes that are not there count as zeros.
    package func decode(_ bytes: [UInt8], at start: Int = 0) -> InspectedTable {
        var table = InspectedTable(name, columns: ["offset", "field", "value", "meaning"])
        for field in fields {
            table.add(
                .number(UInt64(start + field.offset)),
                .text(field.name),
                Self.cell(bytes, at: start + field.offset, field),
                .text(field.text)
            )
        }
        return table
    }

    /// The number that `byteCount` bytes at `offset` make, at most 8 of them.
    package static func number(_ bytes: [UInt8], at offset: Int, _ byteCount: Int) -> UInt64 {
        (offset..<offset + min(byteCount, 8)).reduce(0) { sum, index in
            sum << 8 | UInt64(bytes.indices.contains(index) ? bytes[index] : 0)
        }
    }

    /// The place that 6 bytes at `offset` name, as "page:offset" or "none".
    package static func address(_ bytes: [UInt8], at offset: Int) -> String {
        let page = number(bytes, at: offset, 4)
        return page == 0xFFFF_FFFF ? "none" : "\(page):\(number(bytes, at: offset + 4, 2))"
    }

    /// The list whose base is at `offset`, as a text.
    package static func list(_ bytes: [UInt8], at offset: Int) -> String {
        let count = number(bytes, at: offset, 4)
        if count == 0 { return "empty" }
        return "\(count), from \(address(bytes, at: offset + 4)) to \(address(bytes, at: offset + 10))"
    }

    private static func cell(_ bytes: [UInt8], at offset: Int, _ field: Field) -> InspectedTable.Cell {
        let value = number(bytes, at: offset, field.byteCount)
        switch field.kind {
        case .number: return .number(value)
        case .hexadecimal where field.byteCount <= 8: return .text("0x" + String(value, radix: 16))
        case .hexadecimal:
            let bytes = (offset..<offset + field.byteCount).map { number(bytes, at: $0, 1) }
            return .text(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        case .page: return value == 0xFFFF_FFFF ? .text("none") : .number(value)
        case .address: return .text(address(bytes, at: offset))
        case .list: return .text(list(bytes, at: offset))
        case .bytes:
            let end = min(bytes.count, offset + field.byteCount)
            return .bytes(offset < end ? Array(bytes[offset..<end]) : [])
        case .named(let names): return .text("\(value)" + (names[value].map { " (\($0))" } ?? " (unknown)"))
        }
    }
}
