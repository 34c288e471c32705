import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

/// Opens engines over disks in memory, and reads and writes rows as strings.
enum EngineFixture {
    static let path = "/db"

    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.memory = .mebibytes(8)
        configuration.redoLog.capacity = .mebibytes(4)
        configuration.redoLog.fileCount = 4
        configuration.redoLog.bufferCapacity = .mebibytes(1)
        configuration.redoLog.shape = .selfWriting
        configuration.flushing.doublewriteBatchPages = 16
        return configuration
    }

    /// Opens the database on `storage`; without background threads unless told otherwise.
    static func open(
        _ storage: SimulatedStorage,
        threads: Bool = false,
        images: Bool = false,
        _ change: (inout Configuration) -> Void = { _ in }
    ) throws -> Engine {
        var configuration = configuration
        change(&configuration)
        var options = EngineOptions()
        options.usesBackgroundThreads = threads
        options.logsPageImages = images
        // For `FlushTrace`.
        if storage.options.isRecording { options.flushListObserver = { storage.mark(.note($0.description)) } }
        return try Engine.open(path: path, configuration: configuration, storage: storage, options: options)
    }
}

extension Engine {
    /// Gives `key` of keyspace `name` a value; durable on return.
    func put(_ name: String, _ key: String, _ value: [UInt8]) throws {
        let tree = tree(try keyspace(name))
        let result = try unsafe Array(key.utf8).withUnsafeBytes { key in
            try unsafe value.withUnsafeBytes { value in try unsafe tree.put(key, value) }
        }
        if let end = result.end { try kernel.log.waitUntilFlushed(end) }
    }

    /// Removes `key` of keyspace `name`; durable on return.
    func delete(_ name: String, _ key: String) throws {
        let tree = tree(try keyspace(name))
        let result = try unsafe Array(key.utf8).withUnsafeBytes { try unsafe tree.delete($0) }
        if let end = result.end { try kernel.log.waitUntilFlushed(end) }
    }

    /// The value of `key` of keyspace `name`.
    func get(_ name: String, _ key: String) throws -> [UInt8]? {
        let tree = tree(try keyspace(name))
        return try unsafe Array(key.utf8).withUnsafeBytes { try unsafe tree.getCopy($0) }
    }

    /// All rows of all keyspaces.
    func content() throws -> [String: [String: [UInt8]]] {
        var content: [String: [String: [UInt8]]] = [:]
        for keyspace in try keyspaces() {
            var rows: [String: [UInt8]] = [:]
            var cursor = Cursor(tree(try self.keyspace(keyspace.name)))
            var isMore = true
            while isMore {
                isMore = try unsafe cursor.next { (key, value) throws(RedoubtError) in
                    rows[unsafe String(decoding: key, as: UTF8.self)] = try value.copy()
                }
            }
            content[keyspace.name] = rows
        }
        return content
    }
}
