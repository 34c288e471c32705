import RedoubtCore
import RedoubtSystem

/// Memory for one page of a foreign file.
final class PageBuffer {
    private let memory: AlignedBuffer

    init() throws(RedoubtError) { memory = try AlignedBuffer(byteCount: 2 * pageByteCount) }

    /// The page.
    var page: PageBytes { unsafe PageBytes(memory.bytes.baseAddress.unsafelyUnwrapped) }
    /// The bytes of the page.
    var bytes: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[..<pageByteCount])
    }
}

/// The pages of a tablespace that any program may have written, each proven before it is used.
final class ForeignPages {
    /// The path of the file.
    let path: String
    /// The pages that there are: no number from here on names one.
    let pageCount: UInt32
    /// Whether the file has MySQL's dictionary, an SDI tree, besides its table.
    let hasDictionary: Bool
    private let file: any StorageFile
    private let isSealedWhole: Bool
    private let space: SpaceID

    private static let sealedWholeBit: UInt32 = 0x10

    /// Reads and proves page 0 of `file`.
    ///
    /// - Throws: `.notADatabase` if it is no tablespace, `.unsupportedFormat` if it is one of another form,
    ///   `.corruptPage` if it is damaged or cut, `.readFailed`.
    init(_ file: any StorageFile) throws(RedoubtError) {
        self.file = file
        path = file.path
        let size = try file.size()
        let buffer = try PageBuffer()
        let page = buffer.page
        guard unsafe try file.read(into: buffer.bytes, at: 0) == pageByteCount, page.type == .spaceHeader,
            page.number == SpaceFormat.headerPage
        else { throw RedoubtError(.notADatabase, "the file is no tablespace of pages of 16 KiB", path: path) }
        let flags = page.u32(at: SpaceFormat.Header.flags)
        if let reason = Self.refusal(of: flags) { throw RedoubtError(.unsupportedFormat, reason, path: path) }
        isSealedWhole = flags == PageSeal.flagsOfWhole
        hasDictionary = flags == SpaceFormat.flagsWithDictionary
        space = SpaceID(rawValue: page.u32(at: SpaceFormat.Header.spaceID))
        pageCount = page.u32(at: SpaceFormat.Header.pageCount)
        do throws(RedoubtError) {
            try prove(page, SpaceFormat.headerPage)
        } catch {
            throw try hasOldChecksums() ? Self.oldChecksums(path) : error
        }
        guard size / UInt64(pageByteCount) >= UInt64(pageCount), pageCount > PageNumber.root.rawValue else {
            throw RedoubtError(
                .corruptPage,
                "the file has \(size) bytes, but says that it has \(pageCount) pages; it was cut, or copied in use",
                path: path
            )
        }
    }

    /// Says why a tablespace with `flags` cannot be read, or nil.
    private static func refusal(of flags: UInt32) -> String? {
        if [PageSeal.flagsOfWhole, SpaceFormat.flags, SpaceFormat.flagsWithDictionary].contains(flags) { return nil }
        let text = "tablespace flags are 0x\(String(flags, radix: 16))"
        let known = "only 0x15, 0x21 and 0x4021 can be read: pages of 16 KiB, not compressed, not encrypted"
        if flags & sealedWholeBit != 0 {
            if flags & 0xF != 5 { return "\(text): pages of another size; \(known)" }
            return "\(text): compressed pages; \(known)"
        }
        if flags & 0x1E != 0 { return "\(text): row format COMPRESSED; \(known)" }
        if flags & 0x3C0 != 0 { return "\(text): pages of another size; \(known)" }
        if flags & 0x2000 != 0 { return "\(text): encrypted; \(known)" }
        if flags & 0x20 == 0 { return "\(text): row format COMPACT or REDUNDANT; \(known), row format DYNAMIC" }
        return "\(text); \(known)"
    }

    /// Reads page `number` into `buffer` and proves it.
    ///
    /// - Throws: `.corruptPage` if there is no such page or it is damaged, `.readFailed`.
    func read(_ number: PageNumber, into buffer: PageBuffer) throws(RedoubtError) {
        guard number.rawValue < pageCount else {
            throw damaged(number, "something leads to it, but the file has \(pageCount) pages")
        }
        guard unsafe try file.read(into: buffer.bytes, at: number.fileOffset) == pageByteCount else {
            throw damaged(number, "the file ends within it")
        }
        try prove(buffer.page, number)
    }

    private func prove(_ page: PageBytes, _ number: PageNumber) throws(RedoubtError) {
        if page.isUnwritten { throw damaged(number, "all its bytes are zero") }
        let isSealed: Bool
        let lowLSN: UInt32
        let trailer = PageBytes.Offset.trailer
        if isSealedWhole {
            isSealed = unsafe page.u32(at: trailer + 4) == Checksum.crc32c(page.bytes(at: 0, count: trailer + 4))
            lowLSN = page.u32(at: trailer)
        } else {
            let sum = PageSeal.checksum(of: page)
            isSealed = page.checksum == sum && page.u32(at: trailer) == sum
            lowLSN = page.u32(at: trailer + 4)
        }
        // What a page of `innodb_checksum_algorithm=none` has in place of its checksums.
        if !isSealedWhole, page.checksum == Self.noChecksum, page.u32(at: trailer) == Self.noChecksum {
            throw Self.oldChecksums(path)
        }
        // The number of the key, in both of MariaDB's forms; where pages are not encrypted there are zeros.
        let key = page.u32(at: PageBytes.Offset.reserved)
        if number != SpaceFormat.headerPage, key != 0, isSealedWhole || !isSealed {
            throw RedoubtError(
                .unsupportedFormat,
                "page \(number) is encrypted with version \(key) of a key; run ALTER TABLE ... ENCRYPTED=NO and export "
                    + "it again",
                path: path
            )
        }
        guard isSealed else { throw damaged(number, "it does not match its checksum") }
        guard lowLSN == UInt32(truncatingIfNeeded: page.lsn.rawValue) else {
            throw damaged(number, "its two log sequence numbers differ")
        }
        guard page.number == number else { throw damaged(number, "it says that it is page \(page.number)") }
        guard page.space == space else {
            throw damaged(number, "it says that it belongs to space \(page.space), but the file is of space \(space)")
        }
    }

    private static let noChecksum: UInt32 = 0xDEAD_BEEF

    private static func oldChecksums(_ path: String) -> RedoubtError {
        RedoubtError(
            .unsupportedFormat,
            "the checksums of the pages are those of innodb_checksum_algorithm = none or innodb, which prove nothing, "
                + "or the file is damaged all over; set it to crc32, run ALTER TABLE ... FORCE and export it again",
            path: path
        )
    }

    /// Whether none of the first pages matches its checksum, and each has two that differ, as those of the algorithm
    /// `innodb` do: damage would rarely look so.
    private func hasOldChecksums() throws(RedoubtError) -> Bool {
        if isSealedWhole { return false }
        let buffer = try PageBuffer()
        for number in SpaceFormat.headerPage.rawValue...PageNumber.root.rawValue {
            let offset = PageNumber(rawValue: number).fileOffset
            guard unsafe try file.read(into: buffer.bytes, at: offset) == pageByteCount else { return false }
            let page = buffer.page
            let (first, last) = (page.checksum, page.u32(at: PageBytes.Offset.trailer))
            if page.isUnwritten || first == last || first == PageSeal.checksum(of: page) { return false }
        }
        return true
    }

    /// The error for page `number` being other than it must be.
    func damaged(_ number: PageNumber, _ reason: String) -> RedoubtError {
        RedoubtError(
            .corruptPage,
            "page \(number) is not as it must be: \(reason); export the table again",
            page: PageID(space: space, number: number),
            path: path
        )
    }
}

/// Which pages of a file were reached; takes memory for those only, whatever size the file says it has.
struct ReachedPages {
    private var chunks: [UInt32: [UInt64]] = [:]
    private static let pagesPerChunk: UInt32 = 4096

    /// Notes page `number`; returns false if it was reached before.
    mutating func insert(_ number: PageNumber) -> Bool {
        let (chunk, place) = number.rawValue.quotientAndRemainder(dividingBy: Self.pagesPerChunk)
        let bit: UInt64 = 1 << UInt64(place % 64)
        var words = chunks[chunk] ?? []
        if words.isEmpty { words = [UInt64](repeating: 0, count: Int(Self.pagesPerChunk) / 64) }
        chunks[chunk] = nil
        defer { chunks[chunk] = words }
        if words[Int(place / 64)] & bit != 0 { return false }
        words[Int(place / 64)] |= bit
        return true
    }
}
