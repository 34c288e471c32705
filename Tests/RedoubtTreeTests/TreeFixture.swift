import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Testing

@testable import RedoubtEngine

/// A tree, or several, over a disk in memory, with the background threads of a real engine.
final class TreeFixture: Sendable {
    let kernel: Kernel
    let flushing: Flushing
    let tree: Tree
    let second: Tree

    init(memory: ByteCount = .mebibytes(24), redo: ByteCount = .mebibytes(32), instances: Int = 0) throws {
        var configuration = Configuration()
        configuration.bufferPool.instanceCount = instances
        configuration.memory = memory
        configuration.redoLog.capacity = redo
        configuration.redoLog.fileCount = 8
        configuration.redoLog.bufferCapacity = .mebibytes(1)
        let storage = SimulatedStorage(options: .judging)
        let database = DatabaseID(high: 1, low: 2)
        try storage.createDirectory("db/redo")
        try storage.createDirectory("db/doublewrite")
        try RedoLog.create(
            storage: storage,
            directory: "db/redo",
            configuration: configuration.redoLog,
            database: database
        )
        var scanner = try LogScanner.open(storage: storage, directory: "db/redo")
        let scan = try scanner.finish()
        let health = EngineHealth()
        let log = try RedoLog(
            storage: storage,
            directory: "db/redo",
            configuration: configuration.redoLog,
            health: health,
            scan: scan
        )
        kernel = try Kernel(
            configuration: configuration,
            storage: storage,
            directory: "db",
            database: database,
            health: health,
            log: log,
            poolWaitMilliseconds: 10_000
        )
        try log.start()
        flushing = try Flushing(kernel)
        try flushing.start()
        tree = try Self.makeTree(kernel, storage, SpaceID(rawValue: 1024))
        second = try Self.makeTree(kernel, storage, SpaceID(rawValue: 1025))
    }

    deinit {
        flushing.stop()
        flushing.close()
        kernel.log.stop()
    }

    private static func makeTree(_ kernel: Kernel, _ storage: SimulatedStorage, _ id: SpaceID) throws -> Tree {
        let path = "db/\(id).ibd"
        let file = try SpaceFile.create(storage, path: path, directory: "db", id: id, database: kernel.database)
        let space = Space(id: id, path: path, file: file, pageCount: SpaceFormat.initialPageCount)
        kernel.files.register(id, file: file, pageCount: SpaceFormat.initialPageCount)
        return Tree(kernel: kernel, space: space)
    }

    /// Fails the test for everything that is wrong with the tree or its space.
    func check(_ tree: Tree? = nil, _ location: SourceLocation = #_sourceLocation) throws {
        let tree = tree ?? self.tree
        tree.space.treeLock.lock()
        defer { tree.space.treeLock.unlock() }
        let (findings, pages) = try tree.checkStructure()
        let all = findings + (try SpaceCheck.run(kernel: kernel, space: tree.space, reached: pages))
        for finding in all.prefix(10) { Issue.record("\(finding)", sourceLocation: location) }
        for (page, count) in try nodesWithFewPointers(tree) {
            Issue.record("node \(page) has \(count) pointers", sourceLocation: location)
        }
    }

    /// The nodes, other than the root, that have fewer than two pointers; the root counts too.
    private func nodesWithFewPointers(_ tree: Tree) throws -> [(PageNumber, Int)] {
        var found: [(PageNumber, Int)] = []
        var pending = [PageNumber.root]
        while let number = pending.popLast() {
            let frame = try kernel.pool.fetchShared(tree.id(number))
            defer { frame.unlockShared() }
            let page = IndexPage(frame.bytes)
            if page.level == 0 { continue }
            if page.recordCount < 2 { found.append((number, page.recordCount)) }
            if page.level == 1 { continue }
            var record = page.first
            while let current = record {
                pending.append(current.child)
                record = page.record(after: current.origin)
            }
        }
        return found
    }

    /// The levels of the tree.
    func height(_ tree: Tree? = nil) throws -> Int {
        let root = try kernel.pool.fetchShared((tree ?? self.tree).rootID)
        defer { root.unlockShared() }
        return IndexPage(root.bytes).level + 1
    }

    /// The rows and leaves of the tree.
    func leaves(_ tree: Tree? = nil) throws -> [(rows: Int, byteCount: Int)] {
        let tree = tree ?? self.tree
        var leaf = try tree.latchLeaf(.first, exclusively: false)
        var result: [(rows: Int, byteCount: Int)] = []
        while true {
            let page = IndexPage(leaf.bytes)
            result.append((page.recordCount, page.dataByteCount))
            let next = page.next
            leaf.unlockShared()
            if next == .none { return result }
            leaf = try kernel.pool.fetchShared(tree.id(next))
        }
    }
}

extension Tree {
    @discardableResult
    func put(_ key: [UInt8], _ value: [UInt8]) throws -> WriteResult {
        try unsafe key.withUnsafeBytes { key in try unsafe value.withUnsafeBytes { unsafe try put(key, $0) } }
    }

    @discardableResult
    func delete(_ key: [UInt8]) throws -> Bool {
        try unsafe key.withUnsafeBytes { unsafe try delete($0).existed }
    }

    func value(_ key: [UInt8]) throws -> [UInt8]? {
        try unsafe key.withUnsafeBytes { unsafe try getCopy($0) }
    }

    func compareAndPut(_ key: [UInt8], expected: [UInt8]?, new: [UInt8]?) throws -> Bool {
        try unsafe withBytes(expected) { expected in
            try unsafe withBytes(new) { new in
                try unsafe key.withUnsafeBytes { unsafe try compareAndPut($0, expected: expected, new: new).isApplied }
            }
        }
    }

    @discardableResult
    func deleteRange(_ from: [UInt8]?, _ to: [UInt8]?) throws -> Int {
        try unsafe withBytes(from) { from in
            try unsafe withBytes(to) { to in unsafe try deleteRange(from: from, to: to).count }
        }
    }

    /// All rows in order, by a cursor.
    func rows() throws -> [(key: [UInt8], value: [UInt8])] {
        var rows: [(key: [UInt8], value: [UInt8])] = []
        var cursor = Cursor(self)
        while unsafe try cursor.next({ (key, value) throws(RedoubtError) in
            unsafe rows.append((Array(key), try value.copy()))
        }) {}
        return rows
    }
}

/// Calls `body` with the bytes of an optional array.
func withBytes<Result>(
    _ bytes: [UInt8]?,
    _ body: (UnsafeRawBufferPointer?) throws -> Result
) rethrows -> Result {
    guard let bytes else { return try body(nil) }
    return try unsafe bytes.withUnsafeBytes { try unsafe body($0) }
}

/// The key of number `number`, in the order of numbers.
func key(_ number: Int, length: Int = 8) -> [UInt8] {
    var bytes = [UInt8](repeating: 0x61, count: max(length, 8))
    for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: number >> (8 * (7 - index))) }
    return bytes
}

/// A value of `length` bytes that tells its key and age.
func value(_ number: Int, length: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: length)
    for index in 0..<length { bytes[index] = UInt8(truncatingIfNeeded: (number &+ index / 100) &* 31 &+ index) }
    return bytes
}
