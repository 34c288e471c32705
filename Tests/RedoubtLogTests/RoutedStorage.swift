import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization

@testable import RedoubtLog

/// A simulated disk that takes down how redo is written, and lets a test act in the middle of it.
final class RoutedStorage: Storage {
    /// A write of redo, beyond the first 12 KiB of a file.
    struct Write: Equatable {
        var isCached: Bool
        var offset: UInt64
        var byteCount: Int
    }

    let disk = LogFixture.newStorage()
    let writes = Mutex<[Write]>([])
    /// What happens before a write past the page cache, to which its offset is told.
    let beforeWrite = Mutex<(@Sendable (UInt64) -> Void)?>(nil)
    /// What happens before a write to the page cache.
    let withinCachedWrite = Mutex<(@Sendable () -> Void)?>(nil)
    /// What happens before a file grows by zeros.
    let beforeExtension = Mutex<(@Sendable () -> Void)?>(nil)
    fileprivate let takesCachedWrites: Bool

    /// A disk whose files can be written through the page cache, or cannot.
    init(takesCachedWrites: Bool = true) {
        self.takesCachedWrites = takesCachedWrites
    }

    /// Makes a log of the smallest size, and opens it; no thread of it runs.
    func openLog() throws -> RedoLog {
        try RedoLog.create(
            storage: self,
            directory: LogFixture.directory,
            configuration: LogFixture.smallest,
            database: LogFixture.database
        )
        var scanner = try LogScanner.open(storage: self, directory: LogFixture.directory)
        return try RedoLog(
            storage: self,
            directory: LogFixture.directory,
            configuration: LogFixture.smallest,
            health: EngineHealth(),
            scan: try scanner.finish()
        )
    }

    var status: String { disk.status }

    /// Returns the writes since the last call.
    func takeWrites() -> [Write] {
        writes.withLock { writes in
            defer { writes = [] }
            return writes
        }
    }

    func open(_ path: String, role: FileRole, creating: Bool, readOnly: Bool) throws(RedoubtError) -> any StorageFile {
        RoutedFile(self, try disk.open(path, role: role, creating: creating, readOnly: readOnly))
    }

    func exists(_ path: String) throws(RedoubtError) -> Bool { try disk.exists(path) }
    func list(_ directory: String) throws(RedoubtError) -> [String] { try disk.list(directory) }
    func createDirectory(_ path: String) throws(RedoubtError) { try disk.createDirectory(path) }
    func syncDirectory(_ path: String) throws(RedoubtError) { try disk.syncDirectory(path) }
    func remove(_ path: String) throws(RedoubtError) { try disk.remove(path) }
    func rename(_ source: String, to target: String) throws(RedoubtError) { try disk.rename(source, to: target) }
    func lock(_ path: String) throws(RedoubtError) -> any AnyObject & Sendable { try disk.lock(path) }
    func makeQueue(depth: Int) throws(RedoubtError) -> any StorageQueue { try disk.makeQueue(depth: depth) }
}

private final class RoutedFile: StorageFile {
    private let storage: RoutedStorage
    private let file: any StorageFile

    init(_ storage: RoutedStorage, _ file: any StorageFile) {
        self.storage = storage
        self.file = file
    }

    var path: String { file.path }
    var role: FileRole { file.role }
    var alignment: Int { file.alignment }
    var takesCachedWrites: Bool { storage.takesCachedWrites }

    func size() throws(RedoubtError) -> UInt64 { try file.size() }

    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(RedoubtError) -> Int {
        try unsafe file.read(into: target, at: offset)
    }

    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        note(false, offset, source.count)
        let body = storage.beforeWrite.withLock { $0 }
        body?(offset)
        try unsafe file.write(source, at: offset)
    }

    func writeCached(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        note(true, offset, source.count)
        let body = storage.withinCachedWrite.withLock { $0 }
        body?()
        try unsafe file.writeCached(source, at: offset)
    }

    private func note(_ isCached: Bool, _ offset: UInt64, _ byteCount: Int) {
        guard offset >= 12288 else { return }
        let write = RoutedStorage.Write(isCached: isCached, offset: offset, byteCount: byteCount)
        storage.writes.withLock { $0.append(write) }
    }

    func sync() throws(RedoubtError) { try file.sync() }
    func extend(to size: UInt64) throws(RedoubtError) { try file.extend(to: size) }
    func extendByWriting(to size: UInt64) throws(RedoubtError) {
        let body = storage.beforeExtension.withLock { $0 }
        body?()
        try file.extendByWriting(to: size)
    }

    func truncate(to size: UInt64) throws(RedoubtError) { try file.truncate(to: size) }
    func close() { file.close() }
}
