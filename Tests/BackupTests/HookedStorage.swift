import RedoubtCore
import RedoubtSystem

/// A storage that tells of each opening before it is made: what somebody else may do just then is done by `hook`.
final class HookedStorage: Storage {
    private let inner: any Storage
    private let hook: @Sendable (_ path: String) -> Void

    init(_ inner: any Storage, _ hook: @escaping @Sendable (_ path: String) -> Void) {
        self.inner = inner
        self.hook = hook
    }

    func open(
        _ path: String,
        role: FileRole,
        creating: Bool,
        readOnly: Bool
    ) throws(RedoubtError) -> any StorageFile {
        hook(path)
        return try inner.open(path, role: role, creating: creating, readOnly: readOnly)
    }

    func exists(_ path: String) throws(RedoubtError) -> Bool { try inner.exists(path) }
    func list(_ directory: String) throws(RedoubtError) -> [String] { try inner.list(directory) }
    func createDirectory(_ path: String) throws(RedoubtError) { try inner.createDirectory(path) }
    func syncDirectory(_ path: String) throws(RedoubtError) { try inner.syncDirectory(path) }
    func remove(_ path: String) throws(RedoubtError) { try inner.remove(path) }
    func rename(_ source: String, to target: String) throws(RedoubtError) {
        try inner.rename(source, to: target)
    }
    func lock(_ path: String) throws(RedoubtError) -> any AnyObject & Sendable { try inner.lock(path) }
    func makeQueue(depth: Int) throws(RedoubtError) -> any StorageQueue { try inner.makeQueue(depth: depth) }
    var status: String { inner.status }
}
