import RedoubtCore

/// What a row of the catalog says about a keyspace.
///
/// The row's key is the name.
///
///     offset  bytes  field
///     0       1      version of the row, 1
///     1       1      0
///     2       2      options; 0 (bit 0 is kept for value envelopes)
///     4       4      space id
///     8       8      LSN at creation
///     16      8      number of renames, so that of two rows of one space the newer is known
///     24      2      length of the file's name
///     26      n      name of the file in the directory of the database
///
/// Big-endian.
struct CatalogEntry: Sendable, Hashable {
    let id: SpaceID
    let fileName: String
    var created = LogSequenceNumber.zero
    var revision: UInt64 = 0

    private static let version: UInt8 = 1
    private static let fixedByteCount = 26

    /// The most bytes that a name may have.
    static let nameByteCountMaximum = 200

    /// Checks a name that a user gave.
    ///
    /// - Throws: `.invalidName`.
    static func checkName(_ name: String) throws(RedoubtError) {
        let count = name.utf8.count
        guard count >= 1, count <= nameByteCountMaximum else {
            throw RedoubtError(
                .invalidName,
                "a keyspace name has \(count) bytes; it must have 1 to \(nameByteCountMaximum) bytes"
            )
        }
        // Names are shown: on terminals, in logs, in pages of metrics.
        let control = name.unicodeScalars.first { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) }
        if let control {
            throw RedoubtError(
                .invalidName,
                "a keyspace name has the control character 0x\(String(control.value, radix: 16)); leave it out"
            )
        }
    }

    /// The bytes of the row.
    func encode() -> [UInt8] {
        var bytes: [UInt8] = [Self.version, 0, 0, 0]
        func append<Value: FixedWidthInteger>(_ value: Value) {
            for shift in stride(from: Value.bitWidth - 8, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
            }
        }
        append(id.rawValue)
        append(created.rawValue)
        append(revision)
        append(UInt16(fileName.utf8.count))
        return bytes + Array(fileName.utf8)
    }

    /// Reads a row; nil if it is not one.
    static func decode(_ bytes: [UInt8]) -> CatalogEntry? {
        guard bytes.count >= fixedByteCount, bytes[0] == version else { return nil }
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        let nameByteCount = Int(number(24..<26))
        guard bytes.count == fixedByteCount + nameByteCount,
            let fileName = String(validating: bytes[fixedByteCount...], as: UTF8.self),
            !fileName.utf8.contains(UInt8(ascii: "/")), !fileName.utf8.contains(0)
        else { return nil }
        let id = SpaceID(rawValue: UInt32(truncatingIfNeeded: number(4..<8)))
        guard id >= .firstUser, DatabaseFiles.space(ofFile: fileName) == id else { return nil }
        return CatalogEntry(
            id: id,
            fileName: fileName,
            created: LogSequenceNumber(rawValue: number(8..<16)),
            revision: number(16..<24)
        )
    }
}
