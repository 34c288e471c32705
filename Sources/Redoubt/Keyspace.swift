public import RedoubtCore
import RedoubtEngine

/// A named, ordered set of rows, each a key and a value: a B+-tree in a file of its own.
///
/// Keys have 1 to 3072 bytes, values up to 4 GiB - 1; both hold any bytes. Rows stand in the unsigned order of their
/// keys.
///
/// ## Concurrency
/// All members may be called from any thread. See ``Database`` for what is guaranteed.
public final class Keyspace: Sendable {
    /// The name it was asked for by; a later rename does not change it.
    public let name: String
    /// The database that it belongs to.
    public let database: Database

    let tree: Tree

    init(database: Database, name: String, tree: Tree) {
        self.database = database
        self.name = name
        self.tree = tree
    }

    // MARK: Reading

    /// Returns a copy of the value of `key`, or nil if there is none.
    ///
    /// Waits if a page must be read.
    ///
    /// The value may be one that is not durable yet.
    /// - Throws: `.keyTooLarge`, `.keyspaceNotFound` after a drop, `.corruptPage`, `.readFailed`, `.poolExhausted`,
    ///   `.closed`, `.reentered`.
    @inlinable
    public func get<Key: ByteSource & ~Escapable>(_ key: Key) throws(RedoubtError) -> [UInt8]? {
        unsafe try key.withBytes { (bytes) throws(RedoubtError) in unsafe try copy(of: bytes) }
    }

    // What is generic stays outside, where it is made for the caller's kind of key.
    @usableFromInline
    func copy(of bytes: UnsafeRawBufferPointer) throws(RedoubtError) -> [UInt8]? {
        try database.call { () throws(RedoubtError) in unsafe try tree.getCopy(bytes) }
    }

    /// Lends the value of `key` to `body` without copying it; returns false if there is none.
    ///
    /// Waits if a page must be read.
    ///
    /// A value in the page comes in one part, a longer one in parts of at most 16330 bytes, in order. The page stays
    /// latched meanwhile, so writers of neighbouring keys wait: be short. Calling the database from `body` throws
    /// `.reentered`, and the span cannot leave it.
    /// - Throws: as ``get(_:)``, and what `body` throws.
    @inlinable
    @discardableResult
    public func withValue<Key: ByteSource & ~Escapable>(
        of key: Key,
        _ body: (RawSpan, ValuePart) throws(RedoubtError) -> Void
    ) throws(RedoubtError) -> Bool {
        unsafe try key.withBytes { (bytes) throws(RedoubtError) in unsafe try lendValue(of: bytes, to: body) }
    }

    @usableFromInline
    func lendValue(
        of bytes: UnsafeRawBufferPointer,
        to body: (RawSpan, ValuePart) throws(RedoubtError) -> Void
    ) throws(RedoubtError) -> Bool {
        try database.call { () throws(RedoubtError) in
            try ThreadBorrow.during { () throws(RedoubtError) in
                unsafe try tree.lendValue(of: bytes) { (part, offset, total) throws(RedoubtError) in
                    unsafe try body(RawSpan(_unsafeBytes: part), ValuePart(offset: offset, totalByteCount: total))
                }
            }
        }
    }

    /// Returns whether there is a row with `key`.
    ///
    /// Waits if a page must be read.
    ///
    /// - Throws: as ``get(_:)``.
    @inlinable
    public func contains<Key: ByteSource & ~Escapable>(_ key: Key) throws(RedoubtError) -> Bool {
        unsafe try key.withBytes { (bytes) throws(RedoubtError) in unsafe try hasRow(bytes) }
    }

    @usableFromInline
    func hasRow(_ bytes: UnsafeRawBufferPointer) throws(RedoubtError) -> Bool {
        try database.call { () throws(RedoubtError) in unsafe try tree.contains(bytes) }
    }

    /// Returns a cursor that is on no row.
    public func cursor() -> Cursor { Cursor(self) }

    /// Calls `body` with a copy of each row of `range` in order, or from last to first, until it returns false.
    ///
    /// Waits.
    ///
    /// Each row is as of the moment it is reached; `body` may call the database.
    /// - Throws: as ``get(_:)``, and what `body` throws.
    public func scan(
        _ range: KeyRange = .all,
        reverse: Bool = false,
        _ body: (_ key: [UInt8], _ value: [UInt8]) throws(RedoubtError) -> Bool
    ) throws(RedoubtError) {
        var cursor = cursor()
        var isOnRow = reverse ? try cursor.seekEnd(of: range) : try cursor.seekStart(of: range)
        while isOnRow, cursor.isIn(range, reverse: reverse) {
            if try !body(cursor.key, cursor.value) { return }
            isOnRow = reverse ? try cursor.previous() : try cursor.next()
        }
    }

    /// Returns the number of rows in `range`, by walking over them.
    ///
    /// Waits.
    ///
    /// - Throws: as ``get(_:)``.
    public func count(_ range: KeyRange = .all) throws(RedoubtError) -> Int {
        var count = 0
        try forEach(range) { (_) throws(RedoubtError) in
            count += 1
            return true
        }
        return count
    }

    /// Lends each row of `range` in order to `body` without copying it, until it returns false.
    ///
    /// Waits.
    ///
    /// A value that stands outside its page comes with an empty span and its length. The page is latched while `body`
    /// runs, see ``withValue(of:_:)``; a writer that waits for it goes before the next row.
    /// - Throws: as ``get(_:)``, and what `body` throws.
    public func forEach(
        _ range: KeyRange = .all,
        _ body: (borrowing BorrowedRow) throws(RedoubtError) -> Bool
    ) throws(RedoubtError) {
        try database.call { () throws(RedoubtError) in try walk(range, body) }
    }

    // MARK: Writing

    /// Gives `key` the value `value`.
    ///
    /// Waits as `durability` says; nil is the option of the database. `slowdown` says what to do while writers are held
    /// back.
    ///
    /// - Throws: `.keyTooLarge`, `.valueTooLarge`, `.keyspaceNotFound`, `.diskFull`, `.poolExhausted`, `.corruptPage`,
    ///   `.readFailed`, and `.busy` if `slowdown` is `.refuse`: nothing was changed. `.fenced`: it may or may
    ///   not be there after the next open. `.closed`, `.reentered`.
    @inlinable
    public func put<Key: ByteSource & ~Escapable, Value: ByteSource & ~Escapable>(
        _ key: Key,
        _ value: Value,
        durability: Durability? = nil,
        slowdown: Slowdown = .wait
    ) throws(RedoubtError) {
        unsafe try key.withBytes { (keyBytes) throws(RedoubtError) in
            unsafe try value.withBytes { (valueBytes) throws(RedoubtError) in
                unsafe try putBytes(keyBytes, valueBytes, durability, slowdown)
            }
        }
    }

    @usableFromInline
    func putBytes(
        _ key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer,
        _ durability: Durability?,
        _ slowdown: Slowdown
    ) throws(RedoubtError) {
        try database.call(slowdown) { () throws(RedoubtError) in
            try database.settle(unsafe tree.put(key, value).end, durability)
        }
    }

    /// Gives `key` a value of `byteCount` bytes that never is in memory whole.
    ///
    /// Waits as `durability` says.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - byteCount: The length of the value, at most 4 GiB - 1.
    ///   - durability: What to wait for; nil for the option of the database.
    ///   - source: Fills the buffer it is given from its beginning, and returns how many bytes it wrote, at least one.
    ///     It may not call the database.
    /// - Throws: as ``put(_:_:durability:slowdown:)``, and what `source` throws; nothing was changed then.
    public func put<Key: ByteSource & ~Escapable>(
        _ key: Key,
        byteCount: Int,
        durability: Durability? = nil,
        from source: (UnsafeMutableRawBufferPointer) throws(RedoubtError) -> Int
    ) throws(RedoubtError) {
        unsafe try key.withBytes { (keyBytes) throws(RedoubtError) in
            try database.call { () throws(RedoubtError) in
                let result = unsafe try tree.putStream(keyBytes, byteCount: byteCount, source)
                try database.settle(result.end, durability)
            }
        }
    }

    /// Removes `key`; returns whether it was there.
    ///
    /// Waits as `durability` says.
    ///
    /// - Throws: as ``put(_:_:durability:slowdown:)``.
    @inlinable
    @discardableResult
    public func delete<Key: ByteSource & ~Escapable>(
        _ key: Key,
        durability: Durability? = nil,
        slowdown: Slowdown = .wait
    ) throws(RedoubtError) -> Bool {
        unsafe try key.withBytes { (bytes) throws(RedoubtError) in
            unsafe try deleteBytes(bytes, durability, slowdown)
        }
    }

    @usableFromInline
    func deleteBytes(
        _ key: UnsafeRawBufferPointer,
        _ durability: Durability?,
        _ slowdown: Slowdown
    ) throws(RedoubtError) -> Bool {
        try database.call(slowdown) { () throws(RedoubtError) in
            let result = unsafe try tree.delete(key)
            try database.settle(result.end, durability)
            return result.existed
        }
    }

    /// Gives `key` the value `new` (nil: removes it) if its value is `expected` (nil: if it is not there), as one step;
    /// returns whether it did.
    ///
    /// Waits as `durability` says.
    ///
    /// - Throws: as ``put(_:_:durability:slowdown:)``.
    public func compareAndPut<Key: ByteSource & ~Escapable>(
        _ key: Key,
        expected: [UInt8]?,
        new: [UInt8]?,
        durability: Durability? = nil,
        slowdown: Slowdown = .wait
    ) throws(RedoubtError) -> Bool {
        unsafe try key.withBytes { (bytes) throws(RedoubtError) in
            try database.call(slowdown) { () throws(RedoubtError) in
                let result = unsafe try withOptionalBytes(expected) { (before) throws(RedoubtError) in
                    unsafe try withOptionalBytes(new) { (after) throws(RedoubtError) in
                        unsafe try tree.compareAndPut(bytes, expected: before, new: after)
                    }
                }
                try database.settle(result.end, durability)
                return result.isApplied
            }
        }
    }

    /// Removes every row of `range`; returns how many there were.
    ///
    /// Waits as `durability` says.
    ///
    /// This is a sequence of steps in ascending order, not one: other threads, and a recovery, may see the beginning
    /// gone and the end still there.
    /// - Throws: as ``put(_:_:durability:slowdown:)``; what was removed by then stays removed.
    @discardableResult
    public func deleteRange(_ range: KeyRange, durability: Durability? = nil) throws(RedoubtError) -> Int {
        try database.call { () throws(RedoubtError) in
            let result = unsafe try withOptionalBytes(range.lower) { (lower) throws(RedoubtError) in
                unsafe try withOptionalBytes(range.upper) { (upper) throws(RedoubtError) in
                    unsafe try tree.deleteRange(from: lower, to: upper)
                }
            }
            try database.settle(result.end, durability)
            return result.count
        }
    }
}

/// Calls `body` with `bytes`, or with nil for nil.
func withOptionalBytes<Result>(
    _ bytes: [UInt8]?,
    _ body: (UnsafeRawBufferPointer?) throws(RedoubtError) -> Result
) throws(RedoubtError) -> Result {
    guard let bytes else { return try body(nil) }
    return unsafe try bytes.withBytes { (buffer) throws(RedoubtError) in unsafe try body(buffer) }
}
