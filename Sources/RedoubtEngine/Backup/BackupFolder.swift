import RedoubtCore
import RedoubtSystem

/// The folder of a backup: its names, and how its files are made, read and removed.
struct BackupFolder {
    /// The names that were made through a folder, which a failure removes.
    private final class MadeNames {
        var names: [String] = []
    }

    let storage: any Storage
    let path: String
    private let made = MadeNames()

    init(storage: any Storage, path: String) {
        self.storage = storage
        self.path = path
    }

    static let manifestName = "backup.manifest"
    static let unfinishedManifestName = "backup.manifest.new"
    static let redoName = "redo.copy"
    /// What verification writes beyond its memory; the name goes as soon as the file is there.
    static let spillName = "verification.copy"
    private static let suffix = ".copy"

    /// The bytes that are copied at once.
    static let pieceByteCount = 1 << 20

    /// The name in the backup of the file `name` of the database.
    static func name(ofCopy name: String) -> String { name + suffix }

    /// Returns the path of `name`.
    func path(_ name: String) -> String { DatabaseFiles.path(path, name) }

    /// Makes the folder, which must be missing or empty.
    ///
    /// Waits.
    ///
    /// - Throws: `.exists` if something is there.
    func make() throws(RedoubtError) {
        if try storage.exists(path), try !storage.list(path).isEmpty {
            throw RedoubtError(.exists, "the folder is not empty; name one that is, or that is not there", path: path)
        }
        try storage.createDirectory(path)
    }

    /// Makes an empty file.
    ///
    /// - Throws: `.exists` if somebody else has made it.
    func create(_ name: String, _ role: FileRole) throws(RedoubtError) -> any StorageFile {
        let file = try Self.create(storage, path(name), role)
        made.names.append(name)
        return file
    }

    /// Makes an empty file at `path`.
    ///
    /// - Throws: `.exists` if there is one: whoever made it, the folder is not ours alone.
    static func create(
        _ storage: any Storage,
        _ path: String,
        _ role: FileRole
    ) throws(RedoubtError) -> any StorageFile {
        do throws(RedoubtError) {
            return try storage.open(path, role: role, creating: true, readOnly: false)
        } catch {
            // EEXIST.
            guard error.errno == 17 else { throw error }
            throw RedoubtError(.exists, "somebody else has made this file; name an empty folder", path: path, errno: 17)
        }
    }

    /// Opens a file for reading.
    func open(_ name: String, _ role: FileRole) throws(RedoubtError) -> any StorageFile {
        try storage.open(path(name), role: role, creating: false, readOnly: true)
    }

    /// Removes a file if it was made through this folder.
    func remove(_ name: String) {
        guard let place = made.names.firstIndex(of: name) else { return }
        made.names.remove(at: place)
        try? storage.remove(path(name))
    }

    /// Removes what a backup that failed has made through this folder, and nothing else.
    func clear() {
        for name in made.names.reversed() { try? storage.remove(path(name)) }
    }

    /// Makes the folder's entries durable, and its own entry in the folder above, and so on.
    func sync() throws(RedoubtError) {
        try storage.syncDirectory(path)
        try storage.syncAncestors(of: path)
    }

    // MARK: The manifest

    /// Makes the backup one: all its files are durable.
    ///
    /// Waits.
    func publish(_ manifest: BackupManifest) throws(RedoubtError) {
        let bytes = manifest.encode()
        let buffer = try AlignedBuffer(byteCount: bytes.count)
        unsafe buffer.bytes.copyBytes(from: bytes)
        let file = try create(Self.unfinishedManifestName, .control)
        defer { file.close() }
        unsafe try file.write(UnsafeRawBufferPointer(buffer.bytes), at: 0)
        try file.sync()
        try sync()
        try storage.rename(path(Self.unfinishedManifestName), to: path(Self.manifestName))
        made.names.append(Self.manifestName)
        try sync()
    }

    /// Reads the manifest.
    ///
    /// Waits.
    ///
    /// - Throws: `.damagedBackup` if there is none, or it is not one; `.notFound` if there is no folder.
    func manifest() throws(RedoubtError) -> BackupManifest {
        guard try storage.exists(path) else {
            throw RedoubtError(.notFound, "there is no such folder; name that of a backup", path: path)
        }
        let place = path(Self.manifestName)
        guard try storage.exists(place) else {
            throw RedoubtError(
                .damagedBackup,
                "there is no \(Self.manifestName): this is no backup, or one that did not come to its end",
                path: path
            )
        }
        let file = try open(Self.manifestName, .control)
        defer { file.close() }
        let size = try file.size()
        guard size > 0, size <= BackupManifest.byteCountMaximum else {
            throw RedoubtError(.damagedBackup, "the manifest has \(size) bytes; use another backup", path: place)
        }
        let buffer = try AlignedBuffer(byteCount: Int(size))
        let count = unsafe try file.read(into: buffer.bytes, at: 0)
        return try BackupManifest.decode(unsafe [UInt8](buffer.bytes[..<count]), path: place)
    }

    // MARK: Content

    /// Reads a file of the backup as a whole and compares it with what the manifest says, copying it to `target`.
    ///
    /// Waits.
    ///
    /// - Throws: `.damagedBackup`, `.readFailed`, `.diskFull`.
    func read(
        _ name: String,
        _ role: FileRole,
        byteCount: UInt64,
        checksum: UInt32,
        copyingTo target: (any StorageFile)? = nil
    ) throws(RedoubtError) {
        guard try storage.exists(path(name)) else {
            throw RedoubtError(.damagedBackup, "a file of the backup is missing; use another backup", path: path(name))
        }
        let file = try open(name, role)
        defer { file.close() }
        let size = try file.size()
        guard size == byteCount else {
            throw RedoubtError(
                .damagedBackup,
                "the file has \(size) bytes, the manifest says \(byteCount); use another backup",
                path: path(name)
            )
        }
        let found = try Self.checksum(of: file, copyingTo: target)
        guard found == checksum else {
            throw RedoubtError(
                .damagedBackup,
                "the file does not match the checksum of the manifest; use another backup",
                path: path(name)
            )
        }
    }

    /// Returns the checksum of a file, which is copied to `target`.
    ///
    /// Waits.
    static func checksum(
        of file: any StorageFile,
        copyingTo target: (any StorageFile)? = nil
    ) throws(RedoubtError) -> UInt32 {
        let buffer = try AlignedBuffer(byteCount: pieceByteCount)
        var checksum: UInt32 = 0
        var offset: UInt64 = 0
        while true {
            let count = unsafe try file.read(into: buffer.bytes, at: offset)
            if count == 0 { return checksum }
            let piece = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count])
            checksum = unsafe Checksum.crc32c(piece, seed: checksum)
            if let target { unsafe try target.write(piece, at: offset) }
            offset += UInt64(count)
        }
    }
}
