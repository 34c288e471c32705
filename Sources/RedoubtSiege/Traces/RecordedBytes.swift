import RedoubtCore

/// What bytes of a trace are, by their own headers: read from the formats as they are documented, so that those who
/// judge traces do not believe what wrote them.
enum RecordedBytes {
    /// A page, and the end of its newest change.
    typealias Image = (page: PageID, lsn: UInt64)

    private static let segmentMagic = Array("RDBTDWRT".utf8)
    private static let sectorsFollow: UInt64 = 3

    /// The number of `count` bytes at `offset`, the highest first.
    static func number(_ bytes: ArraySlice<UInt8>, _ offset: Int, _ count: Int) -> UInt64 {
        bytes[bytes.startIndex + offset..<bytes.startIndex + offset + count].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Whether `bytes` begin a doublewrite segment.
    static func beginSegment(_ bytes: [UInt8]) -> Bool { bytes.starts(with: segmentMagic) }

    /// What the page header at the start of `bytes` says.
    static func header(_ bytes: ArraySlice<UInt8>) -> Image {
        let page = PageID(
            space: SpaceID(rawValue: UInt32(number(bytes, 34, 4))),
            number: PageNumber(rawValue: UInt32(number(bytes, 4, 4)))
        )
        return (page, number(bytes, 16, 8))
    }

    /// The page that `bytes` are, as header and trailer agree; nil if they are no page.
    static func page(_ bytes: ArraySlice<UInt8>) -> Image? {
        let found = header(bytes)
        guard number(bytes, pageByteCount - 4, 4) == found.lsn & 0xFFFF_FFFF,
            number(bytes, 0, 4) == number(bytes, pageByteCount - 8, 4)
        else { return nil }
        return found
    }

    /// The copies in a doublewrite segment that `bytes` begin, if they are of sectors; of a segment that was cut short
    /// in its header nothing is known, to a recovery neither.
    static func sectorCopies(_ bytes: [UInt8]) -> [Image] {
        guard beginSegment(bytes), bytes.count >= pageByteCount else { return [] }
        let header = bytes[..<pageByteCount]
        let sum = unsafe header.prefix(pageByteCount - 4).withUnsafeBytes { unsafe Checksum.crc32c($0) }
        guard number(header, pageByteCount - 4, 4) == UInt64(sum), number(header, 40, 4) == sectorsFollow else {
            return []
        }
        return stride(from: 64, to: 64 + 24 * Int(number(header, 12, 4)), by: 24).map { place in
            let space = SpaceID(rawValue: UInt32(number(header, place, 4)))
            let page = PageNumber(rawValue: UInt32(number(header, place + 4, 4)))
            return (PageID(space: space, number: page), number(header, place + 8, 8))
        }
    }
}
