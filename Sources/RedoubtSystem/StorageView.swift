package import RedoubtCore
import Synchronization

/// A file system made of files of another one, which never change: what is written stays in memory.
///
/// Recovers a database without touching it. Directories are those of the names that the files were given; nothing else
/// of the storage below can be seen. Syncs do nothing, and the lock locks nothing.
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
    private let budget: ViewBudget
    // Held while a file is opened below, by whoever opens it first.
    private let names: Mutex<Names>

    /// Shows the `sources` of `base`; at most `byteCountMaximum` bytes may be written.
    package init(of base: any Storage, _ sources: [Source], byteCountMaximum: Int) {
        self.base = base
        budget = ViewBudget(byteCountMaximum)
        var first = Names()
        for source in sources { first.files[source.path] = .origin(source.origin) }
        names = Mutex(first)
    }

    /// The bytes that were written and are kept.
    package var writtenByteCount: Int { budget.used }

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
            let content = ViewContent(nil, size: 0, budget)
            names.withLock { $0.files[path] = .open(content) }
            return ViewFile(path, role, content)
        }
        switch found {
        case nil: throw Self.missing(path)
        case .open(let content): return ViewFile(path, role, content)
        case .origin(let origin):
            let file = try base.open(origin, role: role, creating: false, readOnly: true)
            let content = ViewContent(file, size: try file.size(), budget)
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

    /// Locks nothing: nobody else sees the view.
    package func lock(_ path: String) throws(RedoubtError) -> any AnyObject & Sendable { ViewLock() }

    /// Returns a queue that makes transfers as they are submitted.
    package func makeQueue(depth: Int) throws(RedoubtError) -> any StorageQueue { ViewQueue() }

    /// What kind of I/O is in use.
    package var status: String { "a view of \(base.status), written in memory" }
}

private final class ViewLock: Sendable {}

/// The bytes that all files of a view may keep together.
private final class ViewBudget: Sendable {
    private let maximum: Int
    private let count = Atomic<Int>(0)

    init(_ maximum: Int) {
        self.maximum = maximum
    }

    var used: Int { count.load(ordering: .relaxed) }

    func take(_ byteCount: Int) throws(RedoubtError) {
        guard count.wrappingAdd(byteCount, ordering: .relaxed).newValue <= maximum else {
            throw RedoubtError(
                .systemLimit,
                "recovery without writing needs more than \(maximum >> 20) MiB of memory; recover a copy instead"
            )
        }
    }
}

/// What a file of a view holds: bytes of the file below, blocks that were written, and zeros.
private final class ViewContent: Sendable {
    private struct State {
        var size: UInt64
        /// The bytes that come from below.
        var originByteCount: UInt64
        var blocks: [UInt64: [UInt8]] = [:]
    }

    static let blockByteCount = 4096
    let origin: (any StorageFile)?
    private let budget: ViewBudget
    // Held through reads from below: one reader at a time is enough here.
    private let lock = EngineLock()
    private let state: Mutex<State>

    init(_ origin: (any StorageFile)?, size: UInt64, _ budget: ViewBudget) {
        self.origin = origin
        self.budget = budget
        state = Mutex(State(size: size, originByteCount: size))
    }

    deinit { origin?.close() }

    var size: UInt64 { state.withLock { $0.size } }

    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(RedoubtError) -> Int {
        lock.lock()
        defer { lock.unlock() }
        let (size, originEnd) = state.withLock { ($0.size, $0.originByteCount) }
        guard offset < size else { return 0 }
        let count = Int(min(UInt64(target.count), size - offset))
        var filled = 0
        if let origin, offset < originEnd {
            let read = unsafe try origin.read(into: target, at: offset)
            filled = min(read, Int(min(UInt64(count), originEnd - offset)))
        }
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[filled...])
            .initializeMemory(as: UInt8.self, repeating: 0)
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: target[..<count])
        state.withLock { state in
            Self.forEachBlock(offset, count) { block, inBlock, inTarget, length in
                guard let bytes = state.blocks[block] else { return }
                unsafe UnsafeMutableRawBufferPointer(rebasing: part[inTarget..<inTarget + length])
                    .copyBytes(from: bytes[inBlock..<inBlock + length])
            }
        }
        return count
    }

    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        lock.lock()
        defer { lock.unlock() }
        var failure: RedoubtError?
        Self.forEachBlock(offset, source.count) { block, inBlock, inSource, length in
            guard failure == nil else { return }
            do throws(RedoubtError) {
                var bytes = try self.block(block, isReplaced: length == Self.blockByteCount)
                let part = unsafe UnsafeRawBufferPointer(rebasing: source[inSource..<inSource + length])
                unsafe bytes.replaceSubrange(inBlock..<inBlock + length, with: part)
                self.state.withLock { $0.blocks[block] = bytes }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        state.withLock { $0.size = max($0.size, offset + UInt64(source.count)) }
    }

    /// The present bytes of a block that is about to be written, as a whole if `isReplaced`.
    private func block(_ number: UInt64, isReplaced: Bool) throws(RedoubtError) -> [UInt8] {
        let (present, originEnd) = state.withLock { ($0.blocks[number], $0.originByteCount) }
        if let present { return present }
        try budget.take(Self.blockByteCount)
        var bytes = [UInt8](repeating: 0, count: Self.blockByteCount)
        let start = number * UInt64(Self.blockByteCount)
        guard let origin, !isReplaced, start < originEnd else { return bytes }
        let buffer = try AlignedBuffer(byteCount: Self.blockByteCount)
        let read = unsafe try origin.read(into: buffer.bytes, at: start)
        let count = min(read, Int(min(UInt64(Self.blockByteCount), originEnd - start)))
        unsafe bytes.replaceSubrange(0..<count, with: UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
        return bytes
    }

    func extend(to size: UInt64) {
        state.withLock { $0.size = max($0.size, size) }
    }

    func truncate(to size: UInt64) {
        state.withLock { state in
            state.size = min(state.size, size)
            state.originByteCount = min(state.originByteCount, size)
            let unit = UInt64(Self.blockByteCount)
            for block in state.blocks.keys where block * unit >= size { state.blocks[block] = nil }
            let end = Int(size % unit)
            guard end > 0, var bytes = state.blocks[size / unit] else { return }
            bytes.replaceSubrange(end..., with: [UInt8](repeating: 0, count: Self.blockByteCount - end))
            state.blocks[size / unit] = bytes
        }
    }

    /// Calls `body` with each block that `count` bytes at `offset` lie in: its number, and where and how many.
    private static func forEachBlock(_ offset: UInt64, _ count: Int, _ body: (UInt64, Int, Int, Int) -> Void) {
        var done = 0
        while done < count {
            let position = offset + UInt64(done)
            let inBlock = Int(position % UInt64(blockByteCount))
            let length = min(blockByteCount - inBlock, count - done)
            body(position / UInt64(blockByteCount), inBlock, done, length)
            done += length
        }
    }
}

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
    func truncate(to size: UInt64) throws(RedoubtError) { content.truncate(to: size) }
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
