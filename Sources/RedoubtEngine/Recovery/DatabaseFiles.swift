import RedoubtCore
import RedoubtSystem

/// The tablespace files that are in a database's directory, whoever put them there.
///
/// A file's name ends in "-<space id>.ibd", except for the catalog's; it never changes. The name tells recovery the
/// space before page 0 can be trusted; page 0 must agree with it before the file is used.
enum DatabaseFiles {
    /// The name of the catalog's file.
    static let catalogName = "catalog.ibd"
    /// The name under which a catalog is made.
    static let unfinishedCatalogName = "catalog.new"
    /// The name of a catalog that is restored, until everything else is there.
    static let restoredCatalogName = "catalog.restored"
    /// The directory of the redo log.
    static let redoDirectory = "redo"
    /// The name of the lock file.
    static let lockName = "redoubt.lock"

    /// Returns the space that a file called `name` must hold, or nil if the name is not one of ours.
    static func space(ofFile name: String) -> SpaceID? {
        if name == catalogName { return .catalog }
        let bytes = Array(name.utf8)
        let suffix = Array(".ibd".utf8)
        guard bytes.count > suffix.count, bytes.suffix(suffix.count).elementsEqual(suffix),
            let dash = bytes.lastIndex(of: UInt8(ascii: "-"))
        else { return nil }
        guard isEscaped(bytes[..<dash]) else { return nil }
        let digits = bytes[(dash + 1)..<(bytes.count - suffix.count)]
        guard !digits.isEmpty, digits.count <= 10, digits.first != UInt8(ascii: "0"),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        var number: UInt64 = 0
        for digit in digits { number = number * 10 + UInt64(digit - UInt8(ascii: "0")) }
        guard number > UInt64(SpaceID.catalog.rawValue), number <= UInt64(UInt32.max) else { return nil }
        return SpaceID(rawValue: UInt32(number))
    }

    /// Returns the name of the file of the keyspace created as `keyspace` with number `id`.
    ///
    /// ASCII letters, digits, "-" and "_" stay, every other byte becomes "%XX"; at most 200 bytes of that are kept.
    static func name(ofKeyspace keyspace: String, id: SpaceID) -> String {
        var escaped: [UInt8] = []
        for byte in keyspace.utf8 {
            var part: [UInt8]
            if isPlain(byte) {
                part = [byte]
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                part = Array(("%" + (digits.utf8.count == 1 ? "0" : "") + digits).utf8)
            }
            if escaped.count + part.count > escapedByteCountMaximum { break }
            escaped += part
        }
        return String(decoding: escaped, as: UTF8.self) + "-\(id).ibd"
    }

    private static let escapedByteCountMaximum = 200

    /// Whether a byte stands for itself in the name of a file.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// Whether `bytes` could be the part of a file's name that ``name(ofKeyspace:id:)`` makes of a keyspace's.
    ///
    /// Neither "/" nor a zero byte, which ends the names that the kernel takes, is among them.
    private static func isEscaped(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count <= escapedByteCountMaximum else { return false }
        var rest = bytes
        while let byte = rest.popFirst() {
            if isPlain(byte) { continue }
            guard byte == UInt8(ascii: "%"), let high = rest.popFirst(), let low = rest.popFirst(),
                isHexadecimal(high), isHexadecimal(low)
            else { return false }
        }
        return true
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
    }

    /// Returns the path of `name` in `directory`.
    static func path(_ directory: String, _ name: String) -> String { directory + "/" + name }
}
