package import RedoubtCore
package import RedoubtSystem

/// Makes a database of a backup.
package struct BackupRestorer {
    private let storage: any Storage
    private let folder: BackupFolder
    private let path: String

    private static let redoName = "redo_1.log"

    /// Prepares to restore the backup in the folder `source` of `storage` into the folder `path`.
    package init(_ storage: any Storage, from source: String, to path: String) {
        self.storage = storage
        folder = BackupFolder(storage: storage, path: source)
        self.path = path
    }

    /// Reads the whole backup and compares it with its manifest, without making anything.
    ///
    /// Waits.
    ///
    /// - Throws: `.notFound`, `.damagedBackup`, `.unsupportedFormat`, `.readFailed`.
    package func inspect() throws(RedoubtError) -> BackupManifest {
        let manifest = try folder.manifest()
        for file in manifest.files {
            let name = BackupFolder.name(ofCopy: file.name)
            try folder.read(name, .data, byteCount: file.byteCount, checksum: file.checksum)
        }
        try folder.read(
            BackupFolder.redoName,
            .redo,
            byteCount: manifest.redoByteCount,
            checksum: manifest.redoChecksum
        )
        return manifest
    }

    /// Makes the database, which the next opening recovers.
    ///
    /// Waits.
    ///
    /// - Throws: `.exists` if the target folder is not empty, also when somebody makes files there meanwhile;
    ///   `.alreadyOpen` if somebody makes or uses a database there; `.diskFull`, and as ``inspect()``. The files that
    ///   this call has made are removed, and nothing else; empty folders stay.
    package func run() throws(RedoubtError) -> BackupManifest {
        if try storage.exists(path) { try requireEmpty() }
        let manifest = try inspect()
        try storage.createDirectory(path)
        let lockPath = DatabaseFiles.path(path, DatabaseFiles.lockName)
        let hadLock = try storage.exists(lockPath)
        let lock = try storage.lock(lockPath)
        defer { withExtendedLifetime(lock) {} }
        var made = hadLock ? [] : [lockPath]
        do throws(RedoubtError) {
            // Reading the backup has taken its time; from here on nobody opens or makes a database there.
            try requireEmpty()
            try make(manifest, &made)
        } catch {
            for place in made.reversed() { try? storage.remove(place) }
            throw error
        }
        return manifest
    }

    /// Throws `.exists` if anything but a lock file and the empty folder of a restore that failed is in the target
    /// folder, which is there.
    private func requireEmpty() throws(RedoubtError) {
        let names = try storage.list(path).filter { $0 != DatabaseFiles.lockName }
        if names.isEmpty { return }
        let redo = DatabaseFiles.path(path, DatabaseFiles.redoDirectory)
        // A file of that name cannot be listed.
        if names == [DatabaseFiles.redoDirectory], (try? storage.list(redo))?.isEmpty == true { return }
        throw RedoubtError(.exists, "the folder is not empty; name one that is, or that is not there", path: path)
    }

    /// Makes the files, and adds the paths of those that it has made to `made`.
    private func make(_ manifest: BackupManifest, _ made: inout [String]) throws(RedoubtError) {
        let redo = DatabaseFiles.path(path, DatabaseFiles.redoDirectory)
        // The catalog first: from then on an opening sees that a restore did not come to its end.
        let files =
            manifest.files.filter { $0.name == DatabaseFiles.catalogName }
            + manifest.files.filter { $0.name != DatabaseFiles.catalogName }
        for file in files {
            let source = BackupFolder.name(ofCopy: file.name)
            let place = DatabaseFiles.path(path, Self.target(file.name))
            try copy(source, .data, file.byteCount, file.checksum, to: place, &made)
        }
        try storage.createDirectory(redo)
        let log = DatabaseFiles.path(redo, Self.redoName)
        try copy(BackupFolder.redoName, .redo, manifest.redoByteCount, manifest.redoChecksum, to: log, &made)
        try storage.syncDirectory(redo)
        let target = BackupFolder(storage: storage, path: path)
        try target.sync()
        let catalog = DatabaseFiles.path(path, DatabaseFiles.catalogName)
        guard try !storage.exists(catalog) else { throw RedoubtError.targetExists(catalog) }
        try storage.rename(DatabaseFiles.path(path, DatabaseFiles.restoredCatalogName), to: catalog)
        made.append(catalog)
        try target.sync()
    }

    private static func target(_ name: String) -> String {
        name == DatabaseFiles.catalogName ? DatabaseFiles.restoredCatalogName : name
    }

    private func copy(
        _ source: String,
        _ role: FileRole,
        _ byteCount: UInt64,
        _ checksum: UInt32,
        to place: String,
        _ made: inout [String]
    ) throws(RedoubtError) {
        let target = try BackupFolder.create(storage, place, role)
        made.append(place)
        defer { target.close() }
        try folder.read(source, role, byteCount: byteCount, checksum: checksum, copyingTo: target)
        try target.sync()
    }

    /// Recovers the backup and checks it; the backup stays what it is.
    ///
    /// Waits.
    ///
    /// What recovery writes is kept in memory, and beyond `byteCountMaximum` bytes in a file without a name in the
    /// folder of the backup.
    ///
    /// - Returns: what is wrong; nil if there was no room for finding out.
    /// - Throws: what keeps it from being opened.
    func verify(
        _ manifest: BackupManifest,
        _ configuration: Configuration,
        byteCountMaximum: Int
    ) throws(RedoubtError) -> [CheckFinding]? {
        let view = StorageView(
            of: storage,
            sources(manifest),
            byteCountMaximum: byteCountMaximum,
            spillPath: folder.path(BackupFolder.spillName)
        )
        var options = EngineOptions()
        options.usesBackgroundThreads = false
        options.usesLogThreads = false
        do throws(RedoubtError) {
            let engine = try Engine.open(path: path, configuration: configuration, storage: view, options: options)
            defer { engine.forget() }
            let findings = try engine.check()
            return view.failure == nil ? findings : nil
        } catch {
            // The engine may say that it is fenced, which says nothing about the backup.
            if view.failure != nil { return nil }
            throw error
        }
    }

    private func sources(_ manifest: BackupManifest) -> [StorageView.Source] {
        let redo = DatabaseFiles.path(path, DatabaseFiles.redoDirectory)
        let log = StorageView.Source(
            path: DatabaseFiles.path(redo, Self.redoName),
            origin: folder.path(BackupFolder.redoName)
        )
        return [log]
            + manifest.files.map { file in
                let origin = folder.path(BackupFolder.name(ofCopy: file.name))
                return StorageView.Source(path: DatabaseFiles.path(path, file.name), origin: origin)
            }
    }
}
