import RedoubtCore

/// What bytes of a trace are, by their own headers: read from the formats as they are documented, so that those who
/// judge traces do not believe what wrote them.
enum RecordedBytes {
    /// A page, and the end of its newest change.
    typealias Image = (page: PageID, lsn: UInt64)

    private static let segmentMagic = Array("RDBTDWRT".utf8)
    /// The most pages that a segment can name.
    private static let copyCountMaximum = 512

    /// The number of `count` bytes at `offset`, the highest first.
    static func number(_ bytes: ArraySlice<UInt8>, _ offset: Int, _ count: Int) -> UInt64 {
        bytes[bytes.startIndex + offset..<bytes.startIndex + offset + count].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// CRC-32C over `bytes`.
    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe Checksum.crc32c($0) }
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

    /// Whether `bytes` are the whole page `image`, also by the checksum of the page: a reader refuses others.
    static func isSealed(_ bytes: ArraySlice<UInt8>, as image: Image) -> Bool {
        guard let found = page(bytes), found == image, number(bytes, 26, 8) == 0 else { return false }
        let first = bytes.startIndex
        let sum = checksum(bytes[first + 4..<first + 26]) ^ checksum(bytes[first + 38..<first + pageByteCount - 8])
        return number(bytes, 0, 4) == UInt64(sum)
    }

    /// A page that a doublewrite segment names.
    struct Copy {
        /// The page, with the LSN of its copy.
        let image: Image
        /// CRC-32C over all bytes of the image.
        let checksum: UInt32
        /// The sectors that are there: bit i says so of bytes 512 i to 512 i + 511 of the image.
        let sectors: UInt32
        /// Where they are, counted from the start of the segment.
        let place: Range<Int>

        /// Whether a recovery that finds `saved` in that place, and any mixture of the sectors of `versions` in the
        /// data file, makes of it the page that `written` is, or is the first part of.
        ///
        /// Of sectors it does if they are those of the page, and the versions agree with it in all others; as far as
        /// the page is known, which must be what the header says.
        func makes(
            _ written: ArraySlice<UInt8>,
            from saved: ArraySlice<UInt8>,
            over versions: [ArraySlice<UInt8>] = []
        ) -> Bool {
            let images = [saved, written].filter { $0.count == pageByteCount }
            guard images.allSatisfy({ RecordedBytes.checksum($0) == checksum }),
                images.allSatisfy({ RecordedBytes.isSealed($0, as: image) })
            else { return false }
            var rest = saved
            for sector in 0..<32 {
                let known = written.dropFirst(512 * sector).prefix(512)
                if sectors >> sector & 1 == 1 {
                    guard rest.prefix(512).starts(with: known) else { return false }
                    rest = rest.dropFirst(512)
                } else if !versions.allSatisfy({ $0.dropFirst(512 * sector).starts(with: known) }) {
                    return false
                }
            }
            return true
        }
    }

    /// A doublewrite segment, as its header announces it.
    struct Segment {
        /// What is behind the header.
        enum Content: UInt64 {
            /// Images of the pages follow.
            case images = 1
            /// Names are all.
            case names = 2
            /// Sectors of the pages follow.
            case sectors = 3

            /// The format version of such a segment.
            var version: UInt64 { self == .sectors ? 3 : 2 }
        }

        /// What is behind the header.
        let content: Content
        /// The identity of the database.
        let database: DatabaseID
        /// The pages named.
        let copies: [Copy]

        /// Whether images of the pages follow.
        var holdsImages: Bool { content == .images }
        /// Whether sectors of the pages follow.
        var holdsSectors: Bool { content == .sectors }
    }

    /// The segment that `bytes` begin; nil if they begin none, or one that was cut short in its header, or whose header
    /// is not what it should be: of that nothing is known, to a recovery neither.
    static func segment(_ bytes: ArraySlice<UInt8>) -> Segment? {
        guard bytes.starts(with: segmentMagic), bytes.count >= pageByteCount else { return nil }
        let header = bytes.prefix(pageByteCount)
        guard number(header, pageByteCount - 4, 4) == UInt64(checksum(header.dropLast(4))),
            let content = Segment.Content(rawValue: number(header, 40, 4)),
            number(header, 8, 4) == content.version
        else { return nil }
        let count = Int(number(header, 12, 4))
        guard count <= copyCountMaximum else { return nil }
        var end = pageByteCount
        let copies = (0..<count).map { index in
            let place = 64 + 24 * index
            let space = SpaceID(rawValue: UInt32(number(header, place, 4)))
            let page = PageNumber(rawValue: UInt32(number(header, place + 4, 4)))
            let sectors: UInt32 =
                switch content {
                case .images: .max
                case .names: 0
                case .sectors: UInt32(number(header, place + 20, 4))
                }
            let start = end
            end += sectors.nonzeroBitCount * 512
            return Copy(
                image: (PageID(space: space, number: page), number(header, place + 8, 8)),
                checksum: UInt32(number(header, place + 16, 4)),
                sectors: sectors,
                place: start..<end
            )
        }
        let database = DatabaseID(high: number(header, 16, 8), low: number(header, 24, 8))
        return Segment(content: content, database: database, copies: copies)
    }

    /// The copies in a doublewrite segment that `bytes` begin, if they are of sectors.
    static func sectorCopies(_ bytes: [UInt8]) -> [Image] {
        guard let segment = segment(bytes[...]), segment.holdsSectors else { return [] }
        return segment.copies.map(\.image)
    }
}
