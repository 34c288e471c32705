package import RedoubtCore
package import RedoubtSystem
import Synchronization

/// A storage whose calls stop until they are let go on, like a device that hangs; over another storage.
package final class BlockableStorage: Storage {
    /// A kind of call that can be stopped.
    package enum Call: Hashable, Sendable {
        /// Reads of files of this role.
        case read(FileRole)
        /// Writes and syncs of files of this role.
        case write(FileRole)
    }

    private let inner: any Storage
    private let blocked = Mutex<Set<Call>>([])
    private let released = Event()

    /// Wraps `inner`; nothing is stopped.
    package init(_ inner: any Storage) {
        self.inner = inner
    }

    /// Stops `call` from now on.
    package func block(_ call: Call) {
        blocked.withLock { _ = $0.insert(call) }
    }

    /// Lets everything go on.
    package func release() {
        blocked.withLock { $0.removeAll() }
        released.signal()
    }

    fileprivate func pass(_ call: Call) {
        while true {
            let ticket = released.ticket
            if !blocked.withLock({ $0.contains(call) }) { return }
            released.wait(ticket)
        }
    }

    package func open(
        _ path: String,
        role: FileRole,
        creating: Bool,
        readOnly: Bool
    ) throws(RedoubtError) -> any StorageFile {
        BlockableFile(try inner.open(path, role: role, creating: creating, readOnly: readOnly), self)
    }

    package func exists(_ path: String) throws(RedoubtError) -> Bool { try inner.exists(path) }
    package func list(_ directory: String) throws(RedoubtError) -> [String] { try inner.list(directory) }
    package func createDirectory(_ path: String) throws(RedoubtError) { try inner.createDirectory(path) }
    package func syncDirectory(_ path: String) throws(RedoubtError) { try inner.syncDirectory(path) }
    package func remove(_ path: String) throws(RedoubtError) { try inner.remove(path) }
    package func rename(_ source: String, to target: String) throws(RedoubtError) {
        try inner.rename(source, to: target)
    }
    package func lock(_ path: String) throws(RedoubtError) -> any AnyObject & Sendable { try inner.lock(path) }
    package func makeQueue(depth: Int) throws(RedoubtError) -> any StorageQueue {
        BlockableQueue(try inner.makeQueue(depth: depth), self)
    }
    package var status: String { inner.status }
}

private final class BlockableFile: StorageFile {
    let inner: any StorageFile
    private let storage: BlockableStorage

    init(_ inner: any StorageFile, _ storage: BlockableStorage) {
        self.inner = inner
        self.storage = storage
    }

    var path: String { inner.path }
    var role: FileRole { inner.role }
    var alignment: Int { inner.alignment }
    var atomicWriteUnit: Int { inner.atomicWriteUnit }
    func size() throws(RedoubtError) -> UInt64 { try inner.size() }

    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(RedoubtError) -> Int {
        storage.pass(.read(role))
        return unsafe try inner.read(into: target, at: offset)
    }

    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        storage.pass(.write(role))
        unsafe try inner.write(source, at: offset)
    }

    func writeAtomically(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        storage.pass(.write(role))
        unsafe try inner.writeAtomically(source, at: offset)
    }

    var takesCachedWrites: Bool { inner.takesCachedWrites }

    func writeCached(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        storage.pass(.write(role))
        unsafe try inner.writeCached(source, at: offset)
    }

    func sync() throws(RedoubtError) {
        storage.pass(.write(role))
        try inner.sync()
    }

    func extend(to size: UInt64) throws(RedoubtError) { try inner.extend(to: size) }
    func extendByWriting(to size: UInt64) throws(RedoubtError) { try inner.extendByWriting(to: size) }
    func truncate(to size: UInt64) throws(RedoubtError) { try inner.truncate(to: size) }
    func close() { inner.close() }
}

private final class BlockableQueue: StorageQueue {
    private let inner: any StorageQueue
    private let storage: BlockableStorage

    init(_ inner: any StorageQueue, _ storage: BlockableStorage) {
        self.inner = inner
        self.storage = storage
    }

    var inFlightCount: Int { inner.inFlightCount }

    func submit(_ requests: [StorageRequest]) {
        for request in requests { storage.pass(request.isWrite ? .write(request.file.role) : .read(request.file.role)) }
        inner.submit(
            requests.map { request in
                var request = request
                if let file = request.file as? BlockableFile { request.file = file.inner }
                return request
            }
        )
    }

    func complete(minimum: Int) -> [StorageCompletion] { inner.complete(minimum: minimum) }
}
