import RedoubtCore
import RedoubtSystem

/// The pages 0 that an upgrade is about to write, in a file of their own that is durable before the first of them is.
///
///     upgrade.journal: "RDUPGRAD" 8, number of pages 4, CRC-32C of the pages 4, zeros up to 16384; then the pages
///
/// A crash may leave a journal that is done, after which the database is used: what it says is old then. So each page
/// is compared with the file before it is written again. An upgrade keeps the LSN of a page, and whoever uses the
/// database changes it.
struct UpgradeJournal {
    static let name = "upgrade.journal"
    /// A journal has no more pages.
    static let pageCountMaximum = 100_000
    private static let magic: UInt64 = 0x5244_5550_4752_4144

    /// The files of spaces that a database has.
    typealias Files = [SpaceID: any StorageFile]

    /// How far the upgrade of a journal came.
    enum Progress: Equatable {
        /// No page was written: the journal says nothing that a new upgrade would not find.
        case notBegun
        /// Every file that is still there is of the new version; it may have been used since.
        case done
        /// The pages of these spaces are to be written.
        case begun([SpaceID])
    }

    private let storage: any Storage
    private let folder: String
    private let pages: AlignedPages
    let count: Int

    /// Memory that the journal and who reads it share.
    private final class AlignedPages {
        let buffer: AlignedBuffer
        init(_ byteCount: Int) throws(RedoubtError) { buffer = try AlignedBuffer(byteCount: byteCount) }
    }

    /// Reads the journal of the database in `folder`; nil if there is none that is whole.
    ///
    /// Waits.
    init?(_ storage: any Storage, _ folder: String) throws(RedoubtError) {
        self.storage = storage
        self.folder = folder
        let path = DatabaseFiles.path(folder, Self.name)
        guard try storage.exists(path) else { return nil }
        let file = try storage.open(path, role: .data, creating: false, readOnly: true)
        defer { file.close() }
        let size = try file.size()
        guard size >= UInt64(2 * pageByteCount), size <= UInt64((Self.pageCountMaximum + 1) * pageByteCount) else {
            return nil
        }
        pages = try AlignedPages(Int(size) / pageByteCount * pageByteCount + pageByteCount)
        _ = unsafe try file.read(into: pages.buffer.bytes, at: 0)
        let header = unsafe PageBytes(pages.buffer.bytes.baseAddress.unsafelyUnwrapped)
        count = Int(header.u32(at: 8))
        guard header.u64(at: 0) == Self.magic, count > 0, count < Int(size) / pageByteCount,
            header.u32(at: 12) == Self.checksum(pages.buffer, count)
        else { return nil }
    }

    /// Writes the `count` pages behind the first one of `pages`, which it uses, as the journal of `folder`; durable.
    ///
    /// Waits.
    static func write(
        _ pages: borrowing AlignedBuffer,
        count: Int,
        _ storage: any Storage,
        _ folder: String
    ) throws(RedoubtError) {
        let header = unsafe PageBytes(pages.bytes.baseAddress.unsafelyUnwrapped)
        header.fill(at: 0, count: pageByteCount)
        header.store(magic, at: 0)
        header.store(UInt32(count), at: 8)
        header.store(checksum(pages, count), at: 12)
        let path = DatabaseFiles.path(folder, name)
        if try storage.exists(path) { try storage.remove(path) }
        let file = try storage.open(path, role: .data, creating: true, readOnly: false)
        defer { file.close() }
        let all = unsafe UnsafeRawBufferPointer(rebasing: pages.bytes[..<((count + 1) * pageByteCount)])
        try unsafe file.write(all, at: 0)
        try file.sync()
        try storage.syncDirectory(folder)
    }

    /// Removes the journal of `folder`; durable.
    ///
    /// Waits.
    static func remove(_ storage: any Storage, _ folder: String) throws(RedoubtError) {
        try storage.remove(DatabaseFiles.path(folder, name))
        try storage.syncDirectory(folder)
    }

    private static func checksum(_ pages: borrowing AlignedBuffer, _ count: Int) -> UInt32 {
        let end = (count + 1) * pageByteCount
        return unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: pages.bytes[pageByteCount..<end]))
    }

    // MARK: Repeating

    /// Page `number`, from 1 on.
    private func page(_ number: Int) -> PageBytes {
        unsafe PageBytes(pages.buffer.bytes.baseAddress.unsafelyUnwrapped + number * pageByteCount)
    }

    /// What a file has in place of a page of the journal.
    private enum Standing {
        case done
        /// Sound, of an older version.
        case old
        case torn
    }

    /// Compares the journal with the files.
    ///
    /// Waits.
    ///
    /// - Throws: `.mixedFiles` if it was begun, and a file was changed since by something else; `.missingFile` if it
    ///   was begun, and a file is not there.
    func progress(_ files: Files) throws(RedoubtError) -> Progress {
        var pending: [SpaceID] = []
        var missing: [SpaceID] = []
        var changed: [SpaceID] = []
        var hasBegun = false
        for number in 1...count {
            let page = page(number)
            guard let file = files[page.space] else {
                missing.append(page.space)
                continue
            }
            let (standing, lsn) = try Self.standing(page, file)
            if standing != .old { hasBegun = true }
            if standing == .done { continue }
            if lsn == page.lsn { pending.append(page.space) } else { changed.append(page.space) }
        }
        guard hasBegun else { return .notBegun }
        if let space = changed.first {
            throw RedoubtError(
                .mixedFiles,
                "an upgrade was interrupted, and the file of space \(space) was changed since; restore the database",
                path: files[space]?.path ?? folder
            )
        }
        if pending.isEmpty { return .done }
        if let space = missing.first {
            throw RedoubtError(
                .missingFile,
                "an upgrade was interrupted, and the file of space \(space) is missing; restore it",
                path: folder
            )
        }
        return .begun(pending)
    }

    private static func standing(
        _ page: PageBytes,
        _ file: any StorageFile
    ) throws(RedoubtError) -> (Standing, LogSequenceNumber) {
        let buffer = try AlignedBuffer(byteCount: 2 * pageByteCount)
        let found = unsafe PageBytes(buffer.bytes.baseAddress.unsafelyUnwrapped)
        _ = unsafe try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<pageByteCount]), at: 0)
        let id = PageID(space: page.space, number: SpaceFormat.headerPage)
        // The write of a page was cut off; the LSN is the same before and after.
        guard PageSeal.fault(found, expected: id) == nil, let version = SpaceMetadata.version(found) else {
            return (.torn, found.lsn)
        }
        return (version >= SpaceMetadata.version(page) ?? 0 ? .done : .old, found.lsn)
    }

    /// Writes the pages of `spaces` to their files.
    ///
    /// Waits.
    func write(_ spaces: [SpaceID], to files: Files) throws(RedoubtError) {
        let wanted = Set(spaces)
        for number in 1...count where wanted.contains(page(number).space) {
            guard let file = files[page(number).space] else { continue }
            try unsafe file.write(page(number).all, at: 0)
            try file.sync()
        }
    }
}
