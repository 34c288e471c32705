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
/// The new pages 0 of all files are written to a journal first, and only when that is durable in their places; what of
/// a whole journal is not in its place yet is written by the next upgrade. So a crash leaves the old version, or a
/// journal that the next upgrade ends, and opening refuses what is in between. ``UpgradeJournal`` tells how a journal
/// that is left over does no harm.
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

    private static let fileCountMaximum = UpgradeJournal.pageCountMaximum

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
    ///   from it; `.mixedFiles` if a file was changed since an upgrade that was interrupted; `.corruptPage`,
    ///   `.corruptLog`; `.notADatabase`; `.diskFull`. The database is what it was, or the next upgrade ends this one.
    package func run() throws(RedoubtError) -> Outcome {
        guard try storage.exists(DatabaseFiles.path(path, DatabaseFiles.catalogName)) else {
            throw RedoubtError(.notFound, "there is no database here; correct the path", path: path)
        }
        let lock = try storage.lock(DatabaseFiles.path(path, DatabaseFiles.lockName))
        defer { withExtendedLifetime(lock) {} }
        let files = try openFiles()
        defer { for file in files { file.file.close() } }
        let repeatedCount = try repeatJournal(files)
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
        guard !changed.isEmpty else { return Outcome(from: current, to: current, changedFileCount: repeatedCount) }
        try UpgradeJournal.write(pages, count: changed.count, storage, path)
        try write(pages, to: changed)
        return Outcome(from: oldest, to: current, changedFileCount: repeatedCount + changed.count)
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

    /// Writes the pages behind the first one of `pages` to the beginnings of `files`, and removes the journal.
    private func write(_ pages: borrowing AlignedBuffer, to files: [File]) throws(RedoubtError) {
        for (number, file) in files.enumerated() {
            let start = (number + 1) * pageByteCount
            let page = unsafe UnsafeRawBufferPointer(rebasing: pages.bytes[start..<start + pageByteCount])
            try unsafe file.file.write(page, at: 0)
            try file.file.sync()
        }
        try UpgradeJournal.remove(storage, path)
    }

    /// Ends what a whole journal has begun, and removes one that is done or says nothing new; returns the files
    /// changed.
    private func repeatJournal(_ files: [File]) throws(RedoubtError) -> Int {
        guard let journal = try UpgradeJournal.open(storage, path) else { return 0 }
        let targets = Self.targets(files)
        var count = 0
        if case .begun(let spaces) = try journal.progress(targets) {
            try journal.write(spaces, to: targets)
            count = spaces.count
        }
        try UpgradeJournal.remove(storage, path)
        return count
    }

    private static func targets(_ files: [File]) -> UpgradeJournal.Files {
        Dictionary(files.map { ($0.id, $0.file) }) { first, _ in first }
    }

    /// Removes a journal whose pages all are written, before the database is used and they are old.
    ///
    /// Waits. The lock of the database is held.
    ///
    /// - Throws: `.unsupportedFormat` if pages are to be written; `.mixedFiles`, `.missingFile` if the next upgrade
    ///   cannot write them either.
    func settleJournal() throws(RedoubtError) {
        guard let journal = try UpgradeJournal.open(storage, path) else { return }
        let files = try openFiles()
        defer { for file in files { file.file.close() } }
        switch try journal.progress(Self.targets(files)) {
        // The files are what they were, and an opening knows their version or not.
        case .notBegun: return
        case .done: try UpgradeJournal.remove(storage, path)
        case .begun:
            throw RedoubtError(
                .unsupportedFormat,
                "an upgrade did not come to its end; run `redoubt upgrade` first",
                path: path
            )
        }
    }
}
