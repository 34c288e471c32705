import RedoubtCore
import RedoubtSystem

/// A storage in which a test decides what an opening gives, and what happens just before it.
final class HookedStorage: Storage {
    /// What opens the file, when the hook wants it.
    typealias Opening = () throws(RedoubtError) -> any StorageFile
    typealias Hook = @Sendable (String, _ readOnly: Bool, Opening) throws(RedoubtError) -> any StorageFile

    private let inner: any Storage
    private let hook: Hook

    init(_ inner: any Storage, opening hook: @escaping Hook) {
        self.inner = inner
        self.hook = hook
    }

    /// Has `body` run before each opening: what somebody else may do just then.
    convenience init(_ inner: any Storage, _ body: @escaping @Sendable (_ path: String) -> Void) {
        self.init(inner) { (path, _, open) throws(RedoubtError) in
            body(path)
            return try open()
        }
    }

    func open(
        _ path: String,
        role: FileRole,
        creating: Bool,
        readOnly: Bool
    ) throws(RedoubtError) -> any StorageFile {
        try hook(path, readOnly) { () throws(RedoubtError) in
            try inner.open(path, role: role, creating: creating, readOnly: readOnly)
        }
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
    var isShared: Bool { inner.isShared }
}
