package import RedoubtCore
package import RedoubtSystem

/// Makes a database of a backup.
package struct BackupRestorer {
    private let storage: any Storage
    private let folder: BackupFolder
    private let path: String

    /// The name of the catalog until everything else is there.
    static let unfinishedCatalogName = "catalog.restored"
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
    /// - Throws: `.exists` if the target folder is not empty, `.diskFull`, and as ``inspect()``; what was made is
    ///   removed.
    package func run() throws(RedoubtError) -> BackupManifest {
        if try storage.exists(path), try !storage.list(path).isEmpty {
            throw RedoubtError(.exists, "the folder is not empty; name one that is, or that is not there", path: path)
        }
        let manifest = try inspect()
        do throws(RedoubtError) {
            try make(manifest)
        } catch {
            clear(manifest)
            throw error
        }
        return manifest
    }

    private func make(_ manifest: BackupManifest) throws(RedoubtError) {
        let redo = DatabaseFiles.path(path, DatabaseFiles.redoDirectory)
        try storage.createDirectory(redo)
        for file in manifest.files {
            let source = BackupFolder.name(ofCopy: file.name)
            try copy(source, .data, file.byteCount, file.checksum, to: DatabaseFiles.path(path, Self.target(file.name)))
        }
        let log = DatabaseFiles.path(redo, Self.redoName)
        try copy(BackupFolder.redoName, .redo, manifest.redoByteCount, manifest.redoChecksum, to: log)
        try storage.syncDirectory(redo)
        let target = BackupFolder(storage: storage, path: path)
        try target.sync()
        try storage.rename(
            DatabaseFiles.path(path, Self.unfinishedCatalogName),
            to: DatabaseFiles.path(path, DatabaseFiles.catalogName)
        )
        try target.sync()
    }

    private static func target(_ name: String) -> String {
        name == DatabaseFiles.catalogName ? unfinishedCatalogName : name
    }

    private func copy(
        _ source: String,
        _ role: FileRole,
        _ byteCount: UInt64,
        _ checksum: UInt32,
        to place: String
    ) throws(RedoubtError) {
        let target = try storage.open(place, role: role, creating: true, readOnly: false)
        defer { target.close() }
        try folder.read(source, role, byteCount: byteCount, checksum: checksum, copyingTo: target)
        try target.sync()
    }

    private func clear(_ manifest: BackupManifest) {
        let redo = DatabaseFiles.path(path, DatabaseFiles.redoDirectory)
        try? storage.remove(DatabaseFiles.path(path, DatabaseFiles.catalogName))
        for file in manifest.files { try? storage.remove(DatabaseFiles.path(path, Self.target(file.name))) }
        try? storage.remove(DatabaseFiles.path(redo, Self.redoName))
    }

    /// Recovers the backup in memory and checks it; the backup stays what it is.
    ///
    /// Waits.
    ///
    /// - Returns: what is wrong.
    /// - Throws: what keeps it from being opened, `.systemLimit` if recovery takes more memory than `byteCountMaximum`.
    func verify(
        _ manifest: BackupManifest,
        _ configuration: Configuration,
        byteCountMaximum: Int
    ) throws(RedoubtError) -> [CheckFinding] {
        let view = StorageView(of: storage, sources(manifest), byteCountMaximum: byteCountMaximum)
        var options = EngineOptions()
        options.usesBackgroundThreads = false
        options.usesLogThreads = false
        let engine = try Engine.open(path: path, configuration: configuration, storage: view, options: options)
        defer { engine.forget() }
        return try engine.check()
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
