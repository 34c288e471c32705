public import RedoubtCore

/// Changes to any keyspaces of one database that become visible and durable together, or not at all.
///
/// ``Database/write(_:durability:slowdown:)`` consumes it, so that using it afterwards is an error of compilation.
/// Changes apply in order: of several to one key the last one wins. Nothing is checked against the database until then.
///
/// A batch is one mini-transaction, so it is bounded: by a quarter of the memory for pages, and by the redo log's free
/// margin. A thousand rows of 116 bytes fit with default options; beyond the bound the error says it.
public struct WriteBatch: ~Copyable, Sendable {
    /// What a change does.
    enum Kind: Sendable {
        case put
        case delete
    }

    /// One change; its bytes are in ``bytes``, the value after the key.
    struct Change: Sendable {
        let kind: Kind
        let keyspace: Int
        let offset: Int
        let keyByteCount: Int
        let valueByteCount: Int
    }

    /// All changes, as a value that can be handed to another thread.
    struct Changes: Sendable {
        var list: [Change] = []
        var bytes: [UInt8] = []
        var keyspaces: [Keyspace] = []
    }

    private var changes = Changes()

    /// Creates an empty batch.
    public init() {}

    /// Gives the changes away.
    consuming func takeChanges() -> Changes { changes }

    /// The number of changes.
    public var count: Int { changes.list.count }
    /// Whether there is no change.
    public var isEmpty: Bool { changes.list.isEmpty }
    /// The bytes of all keys and values.
    public var byteCount: Int { changes.bytes.count }

    /// Adds: set the value of `key` in `keyspace`.
    ///
    /// - Throws: what `ByteSource` throws; nothing for the ones of this module. Sizes are checked by the write.
    public mutating func put<Key: ByteSource & ~Escapable, Value: ByteSource & ~Escapable>(
        _ key: Key,
        _ value: Value,
        in keyspace: Keyspace
    ) throws(RedoubtError) {
        let offset = changes.bytes.count
        let keyByteCount = try append(key)
        let valueByteCount = try append(value)
        changes.list.append(
            Change(
                kind: .put,
                keyspace: index(of: keyspace),
                offset: offset,
                keyByteCount: keyByteCount,
                valueByteCount: valueByteCount
            )
        )
    }

    /// Adds: remove `key` from `keyspace`, if it is there.
    ///
    /// - Throws: what `ByteSource` throws; nothing for the ones of this module.
    public mutating func delete<Key: ByteSource & ~Escapable>(
        _ key: Key,
        in keyspace: Keyspace
    ) throws(RedoubtError) {
        let offset = changes.bytes.count
        let keyByteCount = try append(key)
        changes.list.append(
            Change(
                kind: .delete,
                keyspace: index(of: keyspace),
                offset: offset,
                keyByteCount: keyByteCount,
                valueByteCount: 0
            )
        )
    }

    private mutating func append<Source: ByteSource & ~Escapable>(
        _ source: Source
    ) throws(RedoubtError) -> Int {
        let before = changes.bytes.count
        unsafe try source.withBytes { (buffer) throws(RedoubtError) in unsafe changes.bytes.append(contentsOf: buffer) }
        return changes.bytes.count - before
    }

    private mutating func index(of keyspace: Keyspace) -> Int {
        // Newest first: changes come in runs.
        if let index = changes.keyspaces.lastIndex(where: { $0 === keyspace }) { return index }
        changes.keyspaces.append(keyspace)
        return changes.keyspaces.count - 1
    }
}
