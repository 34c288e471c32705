import RedoubtCore

/// What bytes of a trace are, by their own headers: read from the formats as they are documented, so that those who
/// judge traces do not believe what wrote them.
enum RecordedBytes {
    /// A page, and the end of its newest change.
    typealias Image = (page: PageID, lsn: UInt64)

    private static let segmentMagic = Array("RDBTDWRT".utf8)
    private static let imagesFollow: UInt64 = 1
    private static let namesOnly: UInt64 = 2
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

    /// A doublewrite segment, as its header announces it.
    struct Segment {
        /// Whether images follow, or names are all, or sectors follow.
        let content: UInt64
        /// The pages named, with the LSNs of their copies.
        let pages: [Image]
        /// The bytes of the header and of what is behind it.
        let byteCount: Int

        /// Whether images of the pages follow.
        var holdsImages: Bool { content == RecordedBytes.imagesFollow }
        /// Whether sectors of the pages follow.
        var holdsSectors: Bool { content == RecordedBytes.sectorsFollow }
    }

    /// The segment that `bytes` begin; nil if they begin none, or one that was cut short in its header: of that nothing
    /// is known, to a recovery neither.
    static func segment(_ bytes: ArraySlice<UInt8>) -> Segment? {
        guard bytes.starts(with: segmentMagic), bytes.count >= pageByteCount else { return nil }
        let header = bytes.prefix(pageByteCount)
        let sum = unsafe header.prefix(pageByteCount - 4).withUnsafeBytes { unsafe Checksum.crc32c($0) }
        guard number(header, pageByteCount - 4, 4) == UInt64(sum) else { return nil }
        let content = number(header, 40, 4)
        var sectorCount = 0
        let pages = stride(from: 64, to: 64 + 24 * Int(number(header, 12, 4)), by: 24).map { place in
            let space = SpaceID(rawValue: UInt32(number(header, place, 4)))
            let page = PageNumber(rawValue: UInt32(number(header, place + 4, 4)))
            sectorCount += number(header, place + 20, 4).nonzeroBitCount
            return (PageID(space: space, number: page), number(header, place + 8, 8))
        }
        let rest: Int
        switch content {
        case imagesFollow: rest = pages.count * pageByteCount
        case namesOnly: rest = 0
        case sectorsFollow: rest = sectorCount * 512
        default: return nil
        }
        return Segment(content: content, pages: pages, byteCount: pageByteCount + rest)
    }

    /// The copies in a doublewrite segment that `bytes` begin, if they are of sectors.
    static func sectorCopies(_ bytes: [UInt8]) -> [Image] {
        guard let segment = segment(bytes[...]), segment.holdsSectors else { return [] }
        return segment.pages
    }
}
