package import RedoubtCore
import RedoubtLog
package import RedoubtSystem

/// A step from one version of the format of tablespaces to the next: what it changes of page 0 of every file.
struct FormatStep: Sendable {
    /// The version that it starts from; the next one is what it leads to.
    let from: UInt32
    /// Changes page 0; the version in the record is stored afterwards.
    let change: @Sendable (PageBytes) -> Void

    /// Every step there is, in order: version 1 is the first.
    static let all: [FormatStep] = []
}

/// Brings the files of a database to the version that this code writes.
///
/// The new pages 0 of all files are written to a journal first, and only when that is durable in their places; a
/// journal that is whole is done again. So a crash leaves the old version, or a journal that the next upgrade ends, and
/// opening refuses what is in between, because a file says another version.
///
///     journal: "RDUPGRAD" 8, number of pages 4, CRC-32C of the pages 4, zeros up to 16384; then the pages
package struct FormatUpgrade {
    /// What an upgrade came to.
    package struct Outcome: Sendable, Equatable {
        /// The oldest version that was found.
        package var from: UInt32
        /// The version of every file now.
        package var to: UInt32
        /// The files that were changed.
        package var changedFileCount: Int
    }

    static let journalName = "upgrade.journal"
    private static let magic: UInt64 = 0x5244_5550_4752_4144
    private static let fileCountMaximum = 100_000

    private let storage: any Storage
    private let path: String
    private let steps: [FormatStep]
    /// The version that the steps lead to.
    private let current: UInt32

    /// Prepares to upgrade the database in the folder `path` of `storage`.
    package init(_ storage: any Storage, _ path: String) {
        self.init(storage, path, steps: FormatStep.all, current: SpaceMetadata.currentVersion)
    }

    init(_ storage: any Storage, _ path: String, steps: [FormatStep], current: UInt32) {
        self.storage = storage
        self.path = path
        self.steps = steps
        self.current = current
    }

    /// Upgrades the database, which nobody has open.
    ///
    /// Waits.
    ///
    /// - Throws: `.notFound`; `.alreadyOpen`; `.unsupportedFormat` if a file is newer, or so old that no step leads
    ///   from it; `.corruptPage`, `.corruptLog`; `.notADatabase`; `.diskFull`. The database is what it was, or the next
    ///   upgrade ends this one.
    package func run() throws(RedoubtError) -> Outcome {
        guard try storage.exists(DatabaseFiles.path(path, DatabaseFiles.catalogName)) else {
            throw RedoubtError(.notFound, "there is no database here; correct the path", path: path)
        }
        let lock = try storage.lock(DatabaseFiles.path(path, DatabaseFiles.lockName))
        defer { withExtendedLifetime(lock) {} }
        let files = try openFiles()
        defer { for file in files { file.file.close() } }
        if let count = try repeatJournal(files) {
            return Outcome(from: current, to: current, changedFileCount: count)
        }
        let pages = try AlignedBuffer(byteCount: (files.count + 1) * pageByteCount + 16)
        var oldest = current
        var changed: [File] = []
        for file in files {
            let page = unsafe PageBytes(pages.bytes.baseAddress.unsafelyUnwrapped + (changed.count + 1) * pageByteCount)
            let version = try read(file, page)
            oldest = min(oldest, version)
            if version == current { continue }
            if changed.isEmpty { try requireCleanShutdown() }
            try convert(page, from: version, file)
            changed.append(file)
        }
        guard !changed.isEmpty else { return Outcome(from: current, to: current, changedFileCount: 0) }
        try writeJournal(pages, count: changed.count)
        try write(pages, to: changed)
        return Outcome(from: oldest, to: current, changedFileCount: changed.count)
    }

    // MARK: Files

    private struct File {
        let id: SpaceID
        let file: any StorageFile
    }

    private func openFiles() throws(RedoubtError) -> [File] {
        var files: [File] = []
        do throws(RedoubtError) {
            for name in try storage.list(path) {
                guard let id = DatabaseFiles.space(ofFile: name), files.count < Self.fileCountMaximum else { continue }
                let place = DatabaseFiles.path(path, name)
                files.append(
                    File(id: id, file: try storage.open(place, role: .data, creating: false, readOnly: false))
                )
            }
        } catch {
            for file in files { file.file.close() }
            throw error
        }
        return files
    }

    /// Reads page 0 of a file to `page`, and returns its version.
    private func read(_ file: File, _ page: PageBytes) throws(RedoubtError) -> UInt32 {
        let target = unsafe UnsafeMutableRawBufferPointer(start: page.base, count: pageByteCount)
        let count = unsafe try file.file.read(into: target, at: 0)
        let id = PageID(space: file.id, number: SpaceFormat.headerPage)
        guard count == pageByteCount, let version = SpaceMetadata.version(page) else {
            throw RedoubtError(.notADatabase, "the file carries no Redoubt record", page: id, path: file.file.path)
        }
        guard version <= current else {
            throw RedoubtError(
                .unsupportedFormat,
                "format version is \(version), but only \(current) is known; use a newer Redoubt",
                path: file.file.path
            )
        }
        if let fault = PageSeal.fault(page, expected: id) { throw fault.error(page: id) }
        return version
    }

    private func convert(_ page: PageBytes, from version: UInt32, _ file: File) throws(RedoubtError) {
        var version = version
        while version < current {
            guard let step = steps.first(where: { $0.from == version }) else {
                throw RedoubtError(
                    .unsupportedFormat,
                    "format version is \(version), from which no way leads to \(current); use an older Redoubt first",
                    path: file.file.path
                )
            }
            step.change(page)
            version += 1
            SpaceMetadata.store(version: version, in: page)
        }
        PageSeal.seal(page)
    }

    /// Redo of another version says what other code understands.
    private func requireCleanShutdown() throws(RedoubtError) {
        let redo = DatabaseFiles.path(path, DatabaseFiles.redoDirectory)
        var scanner = try LogScanner.open(storage: storage, directory: redo, readOnly: true)
        let result = try scanner.finish()
        scanner.close()
        guard result.wasCleanShutdown else {
            throw RedoubtError(
                .unsupportedFormat,
                "the database was not closed; open and close it with the version that wrote it first",
                path: path
            )
        }
    }

    // MARK: The journal

    private var journalPath: String { DatabaseFiles.path(path, Self.journalName) }

    private func writeJournal(_ pages: borrowing AlignedBuffer, count: Int) throws(RedoubtError) {
        let header = unsafe PageBytes(pages.bytes.baseAddress.unsafelyUnwrapped)
        header.fill(at: 0, count: pageByteCount)
        header.store(Self.magic, at: 0)
        header.store(UInt32(count), at: 8)
        header.store(Self.checksum(pages, count), at: 12)
        if try storage.exists(journalPath) { try storage.remove(journalPath) }
        let journal = try storage.open(journalPath, role: .data, creating: true, readOnly: false)
        defer { journal.close() }
        let all = unsafe UnsafeRawBufferPointer(rebasing: pages.bytes[..<((count + 1) * pageByteCount)])
        try unsafe journal.write(all, at: 0)
        try journal.sync()
        try storage.syncDirectory(path)
    }

    private static func checksum(_ pages: borrowing AlignedBuffer, _ count: Int) -> UInt32 {
        let end = (count + 1) * pageByteCount
        return unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: pages.bytes[pageByteCount..<end]))
    }

    /// Writes the pages behind the first one of `pages` to the beginnings of `files`, and removes the journal.
    private func write(_ pages: borrowing AlignedBuffer, to files: [File]) throws(RedoubtError) {
        for (number, file) in files.enumerated() {
            let start = (number + 1) * pageByteCount
            let page = unsafe UnsafeRawBufferPointer(rebasing: pages.bytes[start..<start + pageByteCount])
            try unsafe file.file.write(page, at: 0)
            try file.file.sync()
        }
        try storage.remove(journalPath)
        try storage.syncDirectory(path)
    }

    /// Does again what a whole journal says, and removes one that is not; returns the files changed, or nil without a
    /// whole journal.
    private func repeatJournal(_ files: [File]) throws(RedoubtError) -> Int? {
        guard try storage.exists(journalPath) else { return nil }
        let journal = try storage.open(journalPath, role: .data, creating: false, readOnly: true)
        defer { journal.close() }
        let size = try journal.size()
        guard size >= UInt64(2 * pageByteCount), size <= UInt64((Self.fileCountMaximum + 1) * pageByteCount) else {
            return nil
        }
        let pages = try AlignedBuffer(byteCount: Int(size) / pageByteCount * pageByteCount + pageByteCount)
        _ = unsafe try journal.read(into: pages.bytes, at: 0)
        let header = unsafe PageBytes(pages.bytes.baseAddress.unsafelyUnwrapped)
        let count = Int(header.u32(at: 8))
        guard header.u64(at: 0) == Self.magic, count > 0, count < Int(size) / pageByteCount,
            header.u32(at: 12) == Self.checksum(pages, count)
        else { return nil }
        var targets: [File] = []
        for number in 1...count {
            let page = unsafe PageBytes(pages.bytes.baseAddress.unsafelyUnwrapped + number * pageByteCount)
            guard let file = files.first(where: { $0.id == page.space }) else {
                throw RedoubtError(
                    .missingFile,
                    "an upgrade was interrupted, and the file of space \(page.space) is missing; restore it",
                    path: path
                )
            }
            targets.append(file)
        }
        try write(pages, to: targets)
        return count
    }
}
