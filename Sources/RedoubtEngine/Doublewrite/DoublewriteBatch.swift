import RedoubtCore

/// The header page of a segment of a doublewrite file: which pages the batch behind it holds, and how to tell a whole
/// image from a torn one.
///
///     offset  bytes
///          0      8  magic "RDBTDWRT"
///          8      4  format version: 3 if sectors follow, else 2
///         12      4  number of pages named
///         16     16  identity of the database
///         32      8  sequence number of the segment
///         40      4  content: 1 images follow, 2 names only, 3 sectors follow
///         44     20  zero
///         64   24 n  page id 8 (space, number), LSN 8, CRC-32C over all 16384 bytes of the image 4, sectors 4
///      16380      4  CRC-32C of bytes 0 to 16379
///
/// A segment starts at any multiple of 16384 in the file. Image n stands (n + 1) x 16384 behind its start. Where
/// sectors follow, bit i of the sectors of a page (else zero) says that bytes 512 i to 512 i + 511 of its image are
/// there: those of the first page in ascending order from 16384 behind the start, then those of the second, without
/// gaps. Numbers are big-endian.
struct DoublewriteBatch: Equatable, Sendable {
    /// A page of the batch.
    struct Entry: Equatable, Sendable {
        /// Which page.
        var page: PageID
        /// The LSN in the image.
        var lsn: LogSequenceNumber
        /// CRC-32C over all bytes of the image.
        var checksum: UInt32
        /// The sectors that a copy has, if it has not all.
        var sectors = PageSectors.all
    }

    /// What stands behind the header page.
    enum Content: UInt32, Sendable {
        /// The images of the pages.
        case images = 1
        /// Nothing: the pages can be told to be torn, not put right.
        case names = 2
        /// The sectors of the pages that a tear can spoil.
        case sectors = 3
    }

    /// The identity of the database.
    var database: DatabaseID
    /// The number of the segment; rises by one from each to the next that the same writer writes.
    var sequence: UInt64
    /// What stands behind the header page.
    var content = Content.images
    /// The pages, in the order of their images.
    var entries: [Entry] = []

    /// The most pages that a header can name.
    static let entryCountMaximum = 512
    // What has no sectors can be read by an engine that knows none.
    private static let formatVersion: UInt32 = 2
    private static let formatVersionOfSectors: UInt32 = 3
    private static let magic: UInt64 = 0x5244_4254_4457_5254
    private static let entryOffset = 64
    private static let entryByteCount = 24
    private static let checksumOffset = 16380

    /// Writes the header page.
    func encode(into header: PageBytes) {
        precondition(entries.count <= Self.entryCountMaximum, "a doublewrite batch of \(entries.count) pages")
        header.fill(at: 0, count: pageByteCount)
        header.store(Self.magic, at: 0)
        header.store(content == .sectors ? Self.formatVersionOfSectors : Self.formatVersion, at: 8)
        header.store(UInt32(entries.count), at: 12)
        header.store(database.high, at: 16)
        header.store(database.low, at: 24)
        header.store(sequence, at: 32)
        header.store(content.rawValue, at: 40)
        for (index, entry) in entries.enumerated() {
            let offset = Self.entryOffset + index * Self.entryByteCount
            header.store(entry.page.packed, at: offset)
            header.store(entry.lsn.rawValue, at: offset + 8)
            header.store(entry.checksum, at: offset + 16)
            header.store(content == .sectors ? entry.sectors.bits : 0, at: offset + 20)
        }
        header.store(unsafe Checksum.crc32c(header.bytes(at: 0, count: Self.checksumOffset)), at: Self.checksumOffset)
    }

    /// Whether a page that begins with these 512 bytes can be a header.
    static func canBegin(_ sector: PageBytes) -> Bool { sector.u64(at: 0) == magic }

    /// Reads a header page; nil if it is torn, of another format, an image, or nothing that this engine wrote: then the
    /// batch never reached the data files, or is long durable in them.
    static func decode(_ header: PageBytes) -> DoublewriteBatch? {
        let content = Content(rawValue: header.u32(at: 40))
        let version = content == .sectors ? formatVersionOfSectors : formatVersion
        guard header.u64(at: 0) == magic, header.u32(at: 8) == version, let content else { return nil }
        guard unsafe header.u32(at: checksumOffset) == Checksum.crc32c(header.bytes(at: 0, count: checksumOffset))
        else {
            return nil
        }
        let count = Int(header.u32(at: 12))
        guard count <= entryCountMaximum else { return nil }
        var batch = DoublewriteBatch(
            database: DatabaseID(high: header.u64(at: 16), low: header.u64(at: 24)),
            sequence: header.u64(at: 32),
            content: content
        )
        for index in 0..<count {
            let offset = entryOffset + index * entryByteCount
            batch.entries.append(
                Entry(
                    page: PageID(packed: header.u64(at: offset)),
                    lsn: LogSequenceNumber(rawValue: header.u64(at: offset + 8)),
                    checksum: header.u32(at: offset + 16),
                    sectors: content == .sectors ? PageSectors(bits: header.u32(at: offset + 20)) : .all
                )
            )
        }
        return batch
    }

    /// The bytes behind the header page.
    var contentByteCount: Int {
        switch content {
        case .images: entries.count * pageByteCount
        case .names: 0
        case .sectors: entries.reduce(0) { $0 + $1.sectors.count } * PageSectors.byteCount
        }
    }

    /// The pages of the file that the segment takes.
    var pageCount: Int { 1 + (contentByteCount + pageByteCount - 1) / pageByteCount }
}
