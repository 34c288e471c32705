import RedoubtCore

/// What makes the bytes of a page in a file provable: two checksums, two LSN halves, and who it is.
///
/// The checksum of this format, CRC-32C(4..<26) XOR CRC-32C(38..<16376), leaves bytes 26..<38 and the trailer out;
/// those are checked by value (zero, the expected space, copies of the header), so every single-bit flip is noticed.
enum PageSeal {
    /// Stores checksum and trailer for what the page holds now, its LSN included.
    static func seal(_ page: PageBytes) {
        page.store(UInt32(truncatingIfNeeded: page.lsn.rawValue), at: PageBytes.Offset.trailer + 4)
        let sum = checksum(of: page)
        page.store(sum, at: PageBytes.Offset.checksum)
        page.store(sum, at: PageBytes.Offset.trailer)
    }

    /// The checksum that the page should carry.
    static func checksum(of page: PageBytes) -> UInt32 {
        let header = unsafe Checksum.crc32c(page.bytes(at: 4, count: 22))
        let body = unsafe Checksum.crc32c(page.bytes(at: 38, count: PageBytes.Offset.trailer - 38))
        return header ^ body
    }

    /// Returns what is wrong with a page that was read where `expected` should be, or nil.
    ///
    /// With `lsnLimit`, a page from the future (a larger LSN) is a fault too.
    static func fault(_ page: PageBytes, expected: PageID, lsnLimit: LogSequenceNumber? = nil) -> PageFault? {
        let sum = checksum(of: page)
        let copy = page.u32(at: PageBytes.Offset.trailer)
        guard page.checksum == sum, copy == sum else {
            if page.isUnwritten { return .unwritten }
            return .checksum(stored: page.checksum, trailer: copy, computed: sum)
        }
        if page.isUnwritten { return .unwritten }
        guard page.number == expected.number else { return .number(found: page.number, expected: expected.number) }
        guard page.space == expected.space else { return .space(found: page.space, expected: expected.space) }
        guard page.u64(at: PageBytes.Offset.reserved) == 0 else {
            return .reserved(page.u64(at: PageBytes.Offset.reserved))
        }
        let low = page.u32(at: PageBytes.Offset.trailer + 4)
        guard low == UInt32(truncatingIfNeeded: page.lsn.rawValue) else {
            return .lsnHalves(header: page.lsn, trailer: low)
        }
        if let lsnLimit, page.lsn > lsnLimit { return .future(found: page.lsn, limit: lsnLimit) }
        return nil
    }

    /// The tablespace flags of MariaDB's other form, `full_crc32`: one checksum over all of the page but itself, which
    /// stands at its end, behind the low half of the LSN.
    static let flagsOfWhole: UInt32 = 0x15

    /// Returns what is wrong with a page of the form `full_crc32` that was read where `expected` should be, or nil.
    static func faultOfWhole(_ page: PageBytes, expected: PageID) -> PageFault? {
        if page.isUnwritten { return .unwritten }
        let stored = page.u32(at: PageBytes.Offset.trailer + 4)
        let sum = unsafe Checksum.crc32c(page.bytes(at: 0, count: PageBytes.Offset.trailer + 4))
        guard stored == sum else { return .checksum(stored: stored, trailer: stored, computed: sum) }
        guard page.number == expected.number else { return .number(found: page.number, expected: expected.number) }
        guard page.space == expected.space else { return .space(found: page.space, expected: expected.space) }
        let low = page.u32(at: PageBytes.Offset.trailer)
        guard low == UInt32(truncatingIfNeeded: page.lsn.rawValue) else {
            return .lsnHalves(header: page.lsn, trailer: low)
        }
        return nil
    }
}

/// Why the bytes read for a page are not that page.
enum PageFault: Equatable, Sendable, CustomStringConvertible {
    /// All bytes are zero: the file has room for the page, and it was never written.
    case unwritten
    /// A checksum does not match the content.
    case checksum(stored: UInt32, trailer: UInt32, computed: UInt32)
    /// The page says it is another page.
    case number(found: PageNumber, expected: PageNumber)
    /// The page says it belongs to another tablespace.
    case space(found: SpaceID, expected: SpaceID)
    /// Bytes 26..<34, which the checksum does not cover, are not zero.
    case reserved(UInt64)
    /// Header and trailer carry different LSNs: a torn write.
    case lsnHalves(header: LogSequenceNumber, trailer: UInt32)
    /// The page was changed by redo that does not exist.
    case future(found: LogSequenceNumber, limit: LogSequenceNumber)

    /// What is wrong, with the numbers found and expected.
    var description: String {
        func hex(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }
        switch self {
        case .unwritten: return "page was never written: all bytes are zero"
        case .checksum(let stored, let trailer, let computed):
            return
                "page checksum is \(hex(stored)), in the trailer \(hex(trailer)), but the content's is \(hex(computed))"
        case .number(let found, let expected): return "page says it is number \(found), but \(expected) was read"
        case .space(let found, let expected): return "page says it is of space \(found), but space \(expected) was read"
        case .reserved(let value): return "bytes 26 to 33 of the page are \(hex(value)), but must be zero"
        case .lsnHalves(let header, let trailer):
            return "page LSN is \(header), but the trailer has \(hex(trailer)) for its low half"
        case .future(let found, let limit): return "page LSN \(found) is beyond the end of the redo log, \(limit)"
        }
    }

    /// The error for a reader of page `id`.
    func error(page id: PageID) -> RedoubtError { RedoubtError(.corruptPage, description, page: id) }
}
