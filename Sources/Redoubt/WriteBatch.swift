public import RedoubtCore
import RedoubtEngine

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

    /// One change; its value stands after its key.
    struct Change: Sendable {
        let kind: Kind
        let keyspace: Int
        let key: Range<Int>
        let value: Range<Int>
    }

    /// All changes, as a value that can be handed to another thread.
    struct Changes: Sendable {
        let list: [Change]
        let bytes: SealedBytes
        let keyspaces: [Keyspace]
    }

    private var list: [Change] = []
    private var bytes = ByteArena()
    private var keyspaces: [Keyspace] = []

    /// Creates an empty batch.
    public init() {}

    /// Gives the changes away.
    consuming func takeChanges() -> Changes { Changes(list: list, bytes: bytes.seal(), keyspaces: keyspaces) }

    /// The number of changes.
    public var count: Int { list.count }
    /// Whether there is no change.
    public var isEmpty: Bool { list.isEmpty }
    /// The bytes of all keys and values.
    public var byteCount: Int { bytes.count }

    /// Adds: set the value of `key` in `keyspace`.
    ///
    /// - Throws: what `ByteSource` throws; nothing for the ones of this module. Sizes are checked by the write.
    @inlinable
    public mutating func put<Key: ByteSource & ~Escapable, Value: ByteSource & ~Escapable>(
        _ key: Key,
        _ value: Value,
        in keyspace: Keyspace
    ) throws(RedoubtError) {
        unsafe try key.withBytes { (keyBytes) throws(RedoubtError) in
            unsafe try value.withBytes { (valueBytes) throws(RedoubtError) in
                unsafe addPut(keyBytes, valueBytes, keyspace)
            }
        }
    }

    /// Adds: remove `key` from `keyspace`, if it is there.
    ///
    /// - Throws: what `ByteSource` throws; nothing for the ones of this module.
    @inlinable
    public mutating func delete<Key: ByteSource & ~Escapable>(
        _ key: Key,
        in keyspace: Keyspace
    ) throws(RedoubtError) {
        unsafe try key.withBytes { (bytes) throws(RedoubtError) in unsafe addDelete(bytes, keyspace) }
    }

    // What is generic stays outside, where it is made for the caller's kinds of bytes.
    @usableFromInline
    mutating func addPut(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ keyspace: Keyspace) {
        let keyRange = unsafe bytes.append(key)
        let valueRange = unsafe bytes.append(value)
        list.append(Change(kind: .put, keyspace: index(of: keyspace), key: keyRange, value: valueRange))
    }

    @usableFromInline
    mutating func addDelete(_ key: UnsafeRawBufferPointer, _ keyspace: Keyspace) {
        let keyRange = unsafe bytes.append(key)
        let end = keyRange.upperBound
        list.append(Change(kind: .delete, keyspace: index(of: keyspace), key: keyRange, value: end..<end))
    }

    private mutating func index(of keyspace: Keyspace) -> Int {
        // Newest first: changes come in runs.
        if let last = keyspaces.last, last === keyspace { return keyspaces.count - 1 }
        if let index = keyspaces.lastIndex(where: { $0 === keyspace }) { return index }
        keyspaces.append(keyspace)
        return keyspaces.count - 1
    }
}
