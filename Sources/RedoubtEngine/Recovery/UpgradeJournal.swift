import RedoubtCore
import RedoubtSystem

/// The pages 0 that an upgrade is about to write, in a file of their own that is durable before the first of them is.
///
///     upgrade.journal: "RDUPGRAD" 8, number of pages 4, CRC-32C of the pages 4, zeros up to 16384; then the pages
///
/// A crash may leave a journal that is done, after which the database is used: what it says is old then. So each page
/// is compared with the file before it is written again. An upgrade keeps the LSN of a page, and whoever uses the
/// database changes it.
final class UpgradeJournal {
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

    private let file: any StorageFile
    private let folder: String
    /// The pages behind the first one of the file.
    private let count: Int

    /// The pages that are read at once.
    private static let piecePageCount = 64

    private init(_ file: any StorageFile, _ folder: String, count: Int) {
        self.file = file
        self.folder = folder
        self.count = count
    }

    deinit { file.close() }

    /// Opens the journal of the database in `folder`; nil if there is none that is whole.
    ///
    /// Waits. Reads a piece at a time, and nothing behind the first page unless that says how long the file is: a file
    /// of any size costs no memory, and one that is no journal no time.
    static func open(_ storage: any Storage, _ folder: String) throws(RedoubtError) -> UpgradeJournal? {
        let path = DatabaseFiles.path(folder, name)
        guard try storage.exists(path) else { return nil }
        let file = try storage.open(path, role: .data, creating: false, readOnly: true)
        do throws(RedoubtError) {
            if let count = try pageCount(file) { return UpgradeJournal(file, folder, count: count) }
        } catch {
            file.close()
            throw error
        }
        file.close()
        return nil
    }

    /// Returns the number of pages in `file`; nil unless it is a whole journal.
    private static func pageCount(_ file: any StorageFile) throws(RedoubtError) -> Int? {
        let size = try file.size()
        guard size >= UInt64(2 * pageByteCount), size <= UInt64((pageCountMaximum + 1) * pageByteCount) else {
            return nil
        }
        let buffer = try AlignedBuffer(byteCount: piecePageCount * pageByteCount)
        guard try read(file, 0..<1, buffer) else { return nil }
        let header = unsafe PageBytes(buffer.bytes.baseAddress.unsafelyUnwrapped)
        let (count, expected) = (Int(header.u32(at: 8)), header.u32(at: 12))
        guard header.u64(at: 0) == magic, count > 0, UInt64((count + 1) * pageByteCount) == size else { return nil }
        var checksum: UInt32 = 0
        var number = 1
        while number <= count {
            let end = min(count + 1, number + piecePageCount)
            guard try read(file, number..<end, buffer) else { return nil }
            let piece = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[..<((end - number) * pageByteCount)])
            checksum = unsafe Checksum.crc32c(piece, seed: checksum)
            number = end
        }
        return checksum == expected ? count : nil
    }

    /// Reads pages of the journal to the beginning of `buffer`; returns whether all are there.
    private static func read(
        _ file: any StorageFile,
        _ numbers: Range<Int>,
        _ buffer: borrowing AlignedBuffer
    ) throws(RedoubtError) -> Bool {
        let byteCount = numbers.count * pageByteCount
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<byteCount])
        return unsafe try file.read(into: target, at: UInt64(numbers.lowerBound * pageByteCount)) == byteCount
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

    /// Hands the pages to `body`, one after the other.
    ///
    /// Waits.
    private func forEachPage(_ body: (PageBytes) throws(RedoubtError) -> Void) throws(RedoubtError) {
        let buffer = try AlignedBuffer(byteCount: 2 * pageByteCount)
        for number in 1...count {
            guard try Self.read(file, number..<(number + 1), buffer) else {
                throw RedoubtError(.readFailed, "the journal of an upgrade was cut while it was read", path: file.path)
            }
            try body(unsafe PageBytes(buffer.bytes.baseAddress.unsafelyUnwrapped))
        }
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
        try forEachPage { page throws(RedoubtError) in
            guard let file = files[page.space] else { return missing.append(page.space) }
            let (standing, lsn) = try Self.standing(page, file)
            if standing != .old { hasBegun = true }
            if standing == .done { return }
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
        try forEachPage { page throws(RedoubtError) in
            guard wanted.contains(page.space), let file = files[page.space] else { return }
            try unsafe file.write(page.all, at: 0)
            try file.sync()
        }
    }
}
