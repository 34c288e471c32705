package import RedoubtCore
import Synchronization

/// A file system made of files of another one, which never change: what is written stays in memory, or in a file that
/// has no name.
///
/// Recovers a database without touching it. Directories are those of the names that the files were given; nothing else
/// of the storage below can be seen. Syncs do nothing, and the lock is what the maker of the view holds.
package final class StorageView: Storage {
    /// Where a file of the view stands below.
    package struct Source: Sendable {
        /// The path in the view.
        package let path: String
        /// The path in the storage below.
        package let origin: String

        /// Shows `origin` as `path`.
        package init(path: String, origin: String) {
            self.path = path
            self.origin = origin
        }
    }

    /// A file of the view, open or not.
    private enum Entry {
        case origin(String)
        case open(ViewContent)
    }

    private struct Names {
        var files: [String: Entry] = [:]
        var directories: Set<String> = []
    }

    private let base: any Storage
    private let room: ViewRoom
    // Held while a file is opened below, by whoever opens it first.
    private let names: Mutex<Names>
    // Handed to the one who locks the view.
    private let held: Mutex<(any AnyObject & Sendable)?>

    /// Shows the `sources` of `base`.
    ///
    /// - Parameters:
    ///   - byteCountMaximum: the bytes written that are kept in memory.
    ///   - spillPath: a path of `base` where a file is made for what is written beyond that, and loses its name at
    ///     once; without it that is `.systemLimit`.
    ///   - lock: what keeps others from the files; it goes to the first who locks the view.
    package init(
        of base: any Storage,
        _ sources: [Source],
        byteCountMaximum: Int,
        spillPath: String? = nil,
        lock: (any AnyObject & Sendable)? = nil
    ) {
        self.base = base
        room = ViewRoom(base, memoryByteCount: byteCountMaximum, spillPath: spillPath)
        held = Mutex(lock)
        var first = Names()
        for source in sources { first.files[source.path] = .origin(source.origin) }
        names = Mutex(first)
    }

    /// Why something that was written could not be kept; nil if all was.
    ///
    /// What goes wrong afterwards is because of this.
    package var failure: RedoubtError? { room.failure }

    private static func missing(_ path: String) -> RedoubtError {
        RedoubtError(.missingFile, "there is no such file", path: path, errno: 2)
    }

    /// Opens a file of the view, or makes one in memory.
    package func open(
        _ path: String,
        role: FileRole,
        creating: Bool,
        readOnly: Bool
    ) throws(RedoubtError) -> any StorageFile {
        let found = names.withLock { $0.files[path] }
        if creating {
            if found != nil { throw RedoubtError(.exists, "there is such a file already", path: path, errno: 17) }
            let content = ViewContent(nil, size: 0, room)
            names.withLock { $0.files[path] = .open(content) }
            return ViewFile(path, role, content)
        }
        switch found {
        case nil: throw Self.missing(path)
        case .open(let content): return ViewFile(path, role, content)
        case .origin(let origin):
            let file = try base.open(origin, role: role, creating: false, readOnly: true)
            let content = ViewContent(file, size: try file.size(), room)
            let kept = names.withLock { names -> ViewContent in
                // Of two who opened it, the first.
                if case .open(let other) = names.files[path] { return other }
                names.files[path] = .open(content)
                return content
            }
            return ViewFile(path, role, kept)
        }
    }

    /// Whether there is a file of this name, or one in such a directory.
    package func exists(_ path: String) throws(RedoubtError) -> Bool {
        names.withLock { names in
            names.files[path] != nil || names.directories.contains(path)
                || names.files.keys.contains { $0.hasPrefix(path + "/") }
        }
    }

    /// Returns the names in a directory, sorted.
    package func list(_ directory: String) throws(RedoubtError) -> [String] {
        let prefix = directory + "/"
        return names.withLock { names in
            let below = (Array(names.files.keys) + Array(names.directories)).filter { $0.hasPrefix(prefix) }
            return Set(below.map { String($0.dropFirst(prefix.count).prefix { $0 != "/" }) }).sorted()
        }
    }

    /// Makes a directory in memory.
    package func createDirectory(_ path: String) throws(RedoubtError) {
        names.withLock { _ = $0.directories.insert(path) }
    }

    /// Does nothing.
    package func syncDirectory(_ path: String) throws(RedoubtError) {}

    /// Takes a file out of the view.
    package func remove(_ path: String) throws(RedoubtError) {
        if names.withLock({ $0.files.removeValue(forKey: path) }) == nil { throw Self.missing(path) }
    }

    /// Gives a file of the view another name.
    package func rename(_ source: String, to target: String) throws(RedoubtError) {
        let isThere = names.withLock { names in
            guard let entry = names.files.removeValue(forKey: source) else { return false }
            names.files[target] = entry
            return true
        }
        if !isThere { throw Self.missing(source) }
    }

    /// Returns what the view was made with: nobody else sees the view.
    package func lock(_ path: String) throws(RedoubtError) -> any AnyObject & Sendable {
        held.withLock { lock in
            defer { lock = nil }
            return lock ?? ViewLock()
        }
    }

    /// Returns a queue that makes transfers as they are submitted.
    package func makeQueue(depth: Int) throws(RedoubtError) -> any StorageQueue { ViewQueue() }

    /// What kind of I/O is in use.
    package var status: String { "a view of \(base.status), written in memory" }
}

private final class ViewLock: Sendable {}

/// An open file of a view.
private final class ViewFile: StorageFile {
    let path: String
    let role: FileRole
    private let content: ViewContent

    init(_ path: String, _ role: FileRole, _ content: ViewContent) {
        self.path = path
        self.role = role
        self.content = content
    }

    var alignment: Int { content.origin?.alignment ?? (role == .control ? 1 : 4096) }
    func size() throws(RedoubtError) -> UInt64 { content.size }
    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(RedoubtError) -> Int {
        unsafe try content.read(into: target, at: offset)
    }
    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        unsafe try content.write(source, at: offset)
    }
    func sync() throws(RedoubtError) {}
    func extend(to size: UInt64) throws(RedoubtError) { content.extend(to: size) }
    func extendByWriting(to size: UInt64) throws(RedoubtError) { content.extend(to: size) }
    func truncate(to size: UInt64) throws(RedoubtError) { try content.truncate(to: size) }
    func close() {}
}

/// Transfers that are made as they are submitted.
private final class ViewQueue: StorageQueue, Sendable {
    private let ended = Mutex<[StorageCompletion]>([])

    var inFlightCount: Int { ended.withLock { $0.count } }

    func submit(_ requests: [StorageRequest]) {
        for request in requests {
            let completion = ThreadIOQueue.Core.perform(request)
            ended.withLock { $0.append(completion) }
        }
    }

    func complete(minimum: Int) -> [StorageCompletion] {
        ended.withLock { ended in
            defer { ended = [] }
            return ended
        }
    }
}
