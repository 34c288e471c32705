import RedoubtCore

/// What a database must hold: keyspaces of rows, and its content after every number of commits.
///
/// A commit is whatever must be there whole or not at all. A range delete, which the engine does in steps, is one
/// commit a row, in the order of keys.
public struct ReferenceModel: Sendable {
    /// A change of one row or of one keyspace.
    public enum Change: Sendable, Hashable {
        /// A row is added or replaced.
        case put(keyspace: String, key: [UInt8], value: [UInt8])
        /// A row is removed, if it is there.
        case delete(keyspace: String, key: [UInt8])
        /// An empty keyspace appears.
        case createKeyspace(String)
        /// A keyspace and its rows disappear.
        case dropKeyspace(String)
        /// A keyspace changes its name.
        case renameKeyspace(String, to: String)
    }

    /// Rows by key, in no order; ``ReferenceModel/keys(in:)`` sorts.
    public typealias Rows = [[UInt8]: [UInt8]]

    /// The content now.
    public private(set) var keyspaces: [String: Rows] = [:]
    /// The commits so far; number n is at n - 1.
    public private(set) var commits: [[Change]] = []
    /// Hashes of the content after each number of commits, from none on.
    public private(set) var hashes: [UInt64] = []
    private var sums: [String: UInt64] = [:]
    private var numbersByHash: [UInt64: [Int]] = [:]

    /// Creates a model with `keyspaces` as its content after no commit.
    public init(_ keyspaces: [String: Rows] = [:]) {
        self.keyspaces = keyspaces
        for (name, rows) in keyspaces {
            sums[name] = rows.reduce(0) { $0 &+ ContentHash.row(key: $1.key, value: $1.value) }
        }
        note()
    }

    /// The number of commits.
    public var commitCount: Int { commits.count }

    /// The names of the keyspaces, sorted by their bytes.
    public var keyspaceNames: [String] { keyspaces.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

    /// Returns the keys of a keyspace in order.
    public func keys(in keyspace: String) -> [[UInt8]] {
        (keyspaces[keyspace] ?? [:]).keys.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Makes `changes` the next commit and returns its number, counted from 1.
    @discardableResult
    public mutating func commit(_ changes: [Change]) -> Int {
        for change in changes { apply(change) }
        commits.append(changes)
        note()
        return commits.count
    }

    /// Returns the numbers of commits after which the content has `hash`, ascending.
    public func commitNumbers(with hash: UInt64) -> [Int] { numbersByHash[hash] ?? [] }

    /// Returns the model as it was after `count` commits of this one, which began with `start`.
    public func replayed(count: Int, from start: ReferenceModel = ReferenceModel()) -> ReferenceModel {
        var model = start
        for changes in commits[..<count] { model.commit(changes) }
        return model
    }

    /// Returns what differs between this content and `found`, a few lines at most.
    public func differences(from found: [String: Rows]) -> String {
        var lines: [String] = []
        for name in Set(keyspaces.keys).union(found.keys).sorted() {
            guard let expected = keyspaces[name] else {
                lines.append("keyspace \(name) should not exist")
                continue
            }
            guard let actual = found[name] else {
                lines.append("keyspace \(name) is missing")
                continue
            }
            for key in Set(expected.keys).union(actual.keys).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                let wanted = expected[key]
                let got = actual[key]
                if wanted == got { continue }
                let text = String(decoding: key.prefix(40), as: UTF8.self)
                let what =
                    wanted == nil ? "should not exist" : got == nil ? "is missing" : "has another value"
                lines.append("row \(name)/\(text) \(what)")
            }
        }
        let more = lines.count > 6 ? ["and \(lines.count - 6) more"] : []
        return (lines.prefix(6) + more).joined(separator: "; ")
    }

    private mutating func apply(_ change: Change) {
        switch change {
        case .put(let name, let key, let value):
            guard let before = keyspaces[name] else { preconditionFailure("keyspace \(name) is not in the model") }
            if let old = before[key] { sums[name, default: 0] &-= ContentHash.row(key: key, value: old) }
            keyspaces[name]?[key] = value
            sums[name, default: 0] &+= ContentHash.row(key: key, value: value)
        case .delete(let name, let key):
            if let old = keyspaces[name]?.removeValue(forKey: key) {
                sums[name, default: 0] &-= ContentHash.row(key: key, value: old)
            }
        case .createKeyspace(let name):
            precondition(keyspaces[name] == nil, "keyspace \(name) is in the model")
            keyspaces[name] = [:]
            sums[name] = 0
        case .dropKeyspace(let name):
            keyspaces[name] = nil
            sums[name] = nil
        case .renameKeyspace(let name, let newName):
            keyspaces[newName] = keyspaces.removeValue(forKey: name)
            sums[newName] = sums.removeValue(forKey: name)
        }
    }

    private mutating func note() {
        let hash = sums.reduce(0) { $0 &+ ContentHash.keyspace($1.key, rows: $1.value) }
        numbersByHash[hash, default: []].append(hashes.count)
        hashes.append(hash)
    }
}

/// A hash of the content of a database that does not depend on the order in which rows are added.
public struct ContentHash: Sendable {
    /// The hash of the keyspaces added so far.
    public private(set) var value: UInt64 = 0
    private var rows: UInt64 = 0

    /// Creates the hash of a database without keyspaces.
    public init() {}

    /// Adds a row to the keyspace that ``finish(keyspace:)`` will name.
    public mutating func add(key: [UInt8], value: [UInt8]) {
        rows &+= Self.row(key: key, value: value)
    }

    /// Adds the keyspace `name` with the rows added since the one before.
    public mutating func finish(keyspace name: String) {
        value &+= Self.keyspace(name, rows: rows)
        rows = 0
    }

    static func row(key: [UInt8], value: [UInt8]) -> UInt64 {
        let keySum = checksum(key)
        let valueSum = checksum(value)
        let lengths = UInt64(key.count) << 40 ^ UInt64(value.count)
        return mix(UInt64(keySum) << 32 ^ UInt64(valueSum) ^ mix(lengths))
    }

    static func keyspace(_ name: String, rows: UInt64) -> UInt64 {
        mix(UInt64(checksum(Array(name.utf8))) ^ mix(rows &+ UInt64(name.utf8.count) << 50))
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe Checksum.crc32c($0) }
    }
}
