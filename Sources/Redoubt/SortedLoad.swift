public import RedoubtCore
import RedoubtEngine

/// Puts rows whose keys ascend, whole pages at a time: the fastest way to fill a keyspace.
///
///     var load = orders.sortedLoad()
///     for order in sorted { try load.add(order.key, order.value) }
///     try load.finish()
///
/// Rows that do not ascend, or that other threads get in between, are put one by one. A row may be visible only after
/// ``finish(durability:)``; a crash leaves the rows up to some point. It cannot be copied, and `finish` consumes it.
/// For one thread at a time.
public struct SortedLoad: ~Copyable {
    private let database: Database
    private var loader: BulkLoader

    init(_ keyspace: Keyspace, fillPercent: Int) {
        database = keyspace.database
        loader = BulkLoader(keyspace.tree, fillPercent: fillPercent)
    }

    /// The number of rows added.
    public var rowCount: Int { loader.rowCount }

    /// Adds a row.
    ///
    /// Waits for pages and room in the log.
    ///
    /// - Throws: as ``Keyspace/put(_:_:durability:slowdown:)``.
    @inlinable
    public mutating func add<Key: ByteSource & ~Escapable, Value: ByteSource & ~Escapable>(
        _ key: Key,
        _ value: Value
    ) throws(RedoubtError) {
        unsafe try key.withBytes { (keyBytes) throws(RedoubtError) in
            unsafe try value.withBytes { (valueBytes) throws(RedoubtError) in
                unsafe try addBytes(keyBytes, valueBytes)
            }
        }
    }

    @usableFromInline
    mutating func addBytes(
        _ key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer
    ) throws(RedoubtError) {
        let line = try database.gate.enter()
        defer { database.gate.leave(line) }
        unsafe try loader.add(key, value)
    }

    /// Adds a row with a value of `byteCount` bytes that never is in memory whole.
    ///
    /// Waits for pages and room in the log.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - byteCount: The length of the value, at most 4 GiB - 1.
    ///   - source: Fills the buffer it is given from its beginning, and returns how many bytes it wrote, at least one.
    ///     It may not call the database.
    /// - Throws: as ``Keyspace/put(_:byteCount:durability:from:)``.
    public mutating func add<Key: ByteSource & ~Escapable>(
        _ key: Key,
        byteCount: Int,
        from source: (UnsafeMutableRawBufferPointer) throws(RedoubtError) -> Int
    ) throws(RedoubtError) {
        let line = try database.gate.enter()
        defer { database.gate.leave(line) }
        unsafe try key.withBytes { (keyBytes) throws(RedoubtError) in
            unsafe try loader.add(keyBytes, byteCount: byteCount, source)
        }
    }

    /// Writes what is left, and waits as `durability` says; nil is the option of the database.
    ///
    /// - Throws: as ``Keyspace/put(_:_:durability:slowdown:)``.
    public consuming func finish(durability: Durability? = nil) throws(RedoubtError) {
        let line = try database.gate.enter()
        let database = database
        defer { database.gate.leave(line) }
        let end = try loader.finish()
        try database.settle(end, durability)
    }
}

extension Keyspace {
    /// Begins to put rows whose keys ascend, filling each page to `fillPercent` (10 to 100).
    public func sortedLoad(fillPercent: Int = 94) -> SortedLoad { SortedLoad(self, fillPercent: fillPercent) }
}
