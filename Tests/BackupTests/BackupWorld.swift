import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem
import Testing

/// A database on a disk in memory, and what its backups become.
struct BackupWorld {
    static let path = "/db"
    static let folder = "/backup"
    static let restored = "/restored"

    let storage: SimulatedStorage

    init(_ storage: SimulatedStorage = SimulatedStorage()) {
        self.storage = storage
    }

    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.memory = .mebibytes(8)
        configuration.redoLog.capacity = .mebibytes(2)
        configuration.redoLog.fileCount = 4
        configuration.redoLog.bufferCapacity = .mebibytes(1)
        configuration.redoLog.shape = .selfWriting
        configuration.flushing.doublewriteBatchPages = 16
        return configuration
    }

    /// Opens a database; without threads unless told otherwise.
    static func open(
        _ storage: any Storage,
        _ path: String = BackupWorld.path,
        threads: Bool = false
    ) throws(RedoubtError) -> Database {
        var options = EngineOptions()
        options.usesBackgroundThreads = threads
        options.usesLogThreads = threads
        return try Database.open(at: path, configuration: configuration, storage: storage, options: options)
    }

    /// A database with rows, values in chains and two keyspaces.
    static func filled(_ storage: SimulatedStorage) throws(RedoubtError) -> Database {
        let database = try open(storage)
        let first = try database.createKeyspace("first")
        let second = try database.createKeyspace("second")
        for number in 0..<200 { try first.put("row \(number)", "value \(number)") }
        for number in 0..<5 { try second.put("large \(number)", [UInt8](repeating: UInt8(number), count: 50_000)) }
        return database
    }

    /// All rows of all keyspaces.
    static func content(_ database: Database) throws(RedoubtError) -> [String: [[UInt8]: [UInt8]]] {
        var content: [String: [[UInt8]: [UInt8]]] = [:]
        for name in try database.keyspaceNames() {
            var rows: [[UInt8]: [UInt8]] = [:]
            try database.keyspace(named: name).scan(.all) { (key, value) throws(RedoubtError) in
                rows[key] = value
                return true
            }
            content[name] = rows
        }
        return content
    }

    /// Restores a backup of `storage` on a copy of the disk, opens and checks it, and returns its rows.
    static func restoredContent(
        _ storage: SimulatedStorage,
        _ folder: String = BackupWorld.folder
    ) throws -> [String: [[UInt8]: [UInt8]]] {
        let disk = SimulatedStorage(storage.image, options: .judging)
        let place = "/content of \(folder.dropFirst())"
        try Database.restore(from: folder, to: place, storage: disk)
        let database = try open(disk, place)
        #expect(try database.check().map(\.description) == [])
        let content = try content(database)
        try database.close()
        return content
    }

    /// The error of restoring from `image`, or nil; nothing may be left of a restore that failed.
    static func refusal(_ image: DiskImage, _ folder: String = BackupWorld.folder) -> RedoubtError? {
        let disk = SimulatedStorage(image, options: .judging)
        do throws(RedoubtError) {
            try Database.restore(from: folder, to: restored, storage: disk)
            return nil
        } catch {
            let left = disk.image.paths.filter { $0.hasPrefix(restored + "/") }
            if !left.isEmpty { Issue.record("a restore that failed left \(left)") }
            return error
        }
    }
}
