import RedoubtCore

// What bytes are, by their own headers.
extension FlushTrace {
    /// A page, and the end of its newest change.
    typealias Image = (page: PageID, lsn: UInt64)

    private static let segmentMagic = Array("RDBTDWRT".utf8)
    private static let sectorsFollow: UInt64 = 3

    /// The pages in `bytes`: those that belong at this offset of their file, and others.
    static func pages(_ bytes: [UInt8], at offset: UInt64) -> (own: [Image], others: [Image]) {
        var own: [Image] = []
        var others: [Image] = []
        guard offset % UInt64(pageByteCount) == 0 else { return (own, others) }
        for start in stride(from: 0, through: bytes.count - pageByteCount, by: pageByteCount) {
            let image = bytes[start..<start + pageByteCount]
            let (page, lsn) = names(image)
            guard lsn > 0, number(image, pageByteCount - 4, 4) == lsn & 0xFFFF_FFFF,
                number(image, 0, 4) == number(image, pageByteCount - 8, 4)
            else { continue }
            if page.number.fileOffset == offset + UInt64(start) {
                own.append((page, lsn))
            } else {
                others.append((page, lsn))
            }
        }
        return (own, others)
    }

    /// The page that `bytes`, written at `offset` of a data file, are the first part of; nil if they are no part.
    static func part(_ bytes: [UInt8], at offset: UInt64) -> Image? {
        guard bytes.count < pageByteCount, bytes.count >= 512, offset % UInt64(pageByteCount) == 0 else { return nil }
        let found = names(bytes[...])
        return found.lsn > 0 && found.page.number.fileOffset == offset ? found : nil
    }

    /// The copies in a doublewrite segment that `bytes` begin, if they are of sectors; of a segment that was cut short
    /// in its header nothing is known, to a recovery neither.
    static func sectorCopies(_ bytes: [UInt8]) -> [Image] {
        guard bytes.starts(with: segmentMagic), bytes.count >= pageByteCount else { return [] }
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

    private static func names(_ bytes: ArraySlice<UInt8>) -> Image {
        let page = PageID(
            space: SpaceID(rawValue: UInt32(number(bytes, 34, 4))),
            number: PageNumber(rawValue: UInt32(number(bytes, 4, 4)))
        )
        return (page, number(bytes, 16, 8))
    }

    private static func number(_ bytes: ArraySlice<UInt8>, _ offset: Int, _ count: Int) -> UInt64 {
        bytes[bytes.startIndex + offset..<bytes.startIndex + offset + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
