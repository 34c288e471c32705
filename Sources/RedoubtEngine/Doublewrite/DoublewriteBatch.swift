import RedoubtCore

/// The header page of a segment of a doublewrite file: which pages the batch behind it holds, and how to tell a whole
/// image from a torn one.
///
///     offset  bytes
///          0      8  magic "RDBTDWRT"
///          8      4  format version, 2
///         12      4  number of pages named
///         16     16  identity of the database
///         32      8  sequence number of the segment
///         40      4  content: 1 images follow, 2 names only
///         44     20  zero
///         64   24 n  page id 8 (space, number), LSN 8, CRC-32C over all 16384 bytes of the image 4, zero 4
///      16380      4  CRC-32C of bytes 0 to 16379
///
/// A segment starts at any multiple of 16384 in the file. Image n stands (n + 1) x 16384 behind its start. Numbers are
/// big-endian.
struct DoublewriteBatch: Equatable, Sendable {
    /// A page of the batch.
    struct Entry: Equatable, Sendable {
        /// Which page.
        var page: PageID
        /// The LSN in the image.
        var lsn: LogSequenceNumber
        /// CRC-32C over all bytes of the image.
        var checksum: UInt32
    }

    /// What stands behind the header page.
    enum Content: UInt32, Sendable {
        /// The images of the pages.
        case images = 1
        /// Nothing: the pages can be told to be torn, not put right.
        case names = 2
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
    /// The version that is written and read.
    static let formatVersion: UInt32 = 2
    private static let magic: UInt64 = 0x5244_4254_4457_5254
    private static let entryOffset = 64
    private static let entryByteCount = 24
    private static let checksumOffset = 16380

    /// Writes the header page.
    func encode(into header: PageBytes) {
        precondition(entries.count <= Self.entryCountMaximum, "a doublewrite batch of \(entries.count) pages")
        header.fill(at: 0, count: pageByteCount)
        header.store(Self.magic, at: 0)
        header.store(Self.formatVersion, at: 8)
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
        }
        header.store(unsafe Checksum.crc32c(header.bytes(at: 0, count: Self.checksumOffset)), at: Self.checksumOffset)
    }

    /// Reads a header page; nil if it is torn, of another format, an image, or nothing that this engine wrote: then the
    /// batch never reached the data files, or is long durable in them.
    static func decode(_ header: PageBytes) -> DoublewriteBatch? {
        guard header.u64(at: 0) == magic, header.u32(at: 8) == formatVersion else { return nil }
        guard unsafe header.u32(at: checksumOffset) == Checksum.crc32c(header.bytes(at: 0, count: checksumOffset))
        else {
            return nil
        }
        let count = Int(header.u32(at: 12))
        guard count <= entryCountMaximum, let content = Content(rawValue: header.u32(at: 40)) else { return nil }
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
                    checksum: header.u32(at: offset + 16)
                )
            )
        }
        return batch
    }
}
