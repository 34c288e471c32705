package import RedoubtCore
import RedoubtEngine

/// A ``Cursor`` whose rows are copied to memory that callers are lent by address; for the C interface.
///
/// An array for key and value each costs a step about as much as the walk itself.
@safe
package struct RowCursor: ~Copyable {
    private let database: Database
    private var position: RedoubtEngine.Cursor
    private var row = RowMemory()

    /// Creates a cursor over `keyspace` that is on no row.
    package init(_ keyspace: Keyspace) {
        database = keyspace.database
        position = RedoubtEngine.Cursor(keyspace.tree)
    }

    /// Whether the last step reached a row.
    package var isOnRow: Bool { row.keyByteCount > 0 }
    /// The bytes of the row, valid until the next step; none if the last step reached no row.
    package var bytes: (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) { unsafe row.bytes }

    /// Goes to a row by its key; see ``Cursor/seek(_:_:)``.
    ///
    /// Waits if a page must be read.
    package mutating func seek(
        _ bound: Cursor.Bound,
        _ key: UnsafeRawBufferPointer
    ) throws(RedoubtError) -> Bool {
        let line = try begin()
        defer { database.gate.leave(line) }
        return unsafe try position.seek(bound.direction, key) { (key, value) throws(RedoubtError) in
            unsafe try row.take(key, value)
        }
    }

    /// Goes to the first row; see ``Cursor/first()``.
    ///
    /// Waits if a page must be read.
    package mutating func first() throws(RedoubtError) -> Bool {
        let line = try begin()
        defer { database.gate.leave(line) }
        return unsafe try position.first { (key, value) throws(RedoubtError) in unsafe try row.take(key, value) }
    }

    /// Goes to the last row; see ``Cursor/last()``.
    ///
    /// Waits if a page must be read.
    package mutating func last() throws(RedoubtError) -> Bool {
        let line = try begin()
        defer { database.gate.leave(line) }
        return unsafe try position.last { (key, value) throws(RedoubtError) in unsafe try row.take(key, value) }
    }

    /// Goes to the next row; see ``Cursor/next()``.
    ///
    /// Waits if a page must be read.
    package mutating func next() throws(RedoubtError) -> Bool {
        let line = try begin()
        defer { database.gate.leave(line) }
        return unsafe try position.next { (key, value) throws(RedoubtError) in unsafe try row.take(key, value) }
    }

    /// Goes to the row before; see ``Cursor/previous()``.
    ///
    /// Waits if a page must be read.
    package mutating func previous() throws(RedoubtError) -> Bool {
        let line = try begin()
        defer { database.gate.leave(line) }
        return unsafe try position.previous { (key, value) throws(RedoubtError) in unsafe try row.take(key, value) }
    }

    private mutating func begin() throws(RedoubtError) -> Int {
        let line = try database.gate.enter()
        row.keyByteCount = 0
        return line
    }
}

/// The bytes of one row: those of the key, then those of the value.
///
/// Not private: a cursor is deinitialised by another module, in code that names what it consists of.
@safe
package struct RowMemory: ~Copyable {
    private var memory = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var valueByteCount = 0
    /// The length of the key; 0 if there is no row.
    var keyByteCount = 0

    deinit {
        unsafe memory.deallocate()
    }

    var bytes: (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard keyByteCount > 0, let start = unsafe UnsafeRawPointer(memory.baseAddress) else {
            return unsafe (UnsafeRawBufferPointer(start: nil, count: 0), UnsafeRawBufferPointer(start: nil, count: 0))
        }
        return unsafe (
            UnsafeRawBufferPointer(start: start, count: keyByteCount),
            UnsafeRawBufferPointer(start: start + keyByteCount, count: valueByteCount)
        )
    }

    /// Copies a row; there is none if the value cannot be read.
    mutating func take(_ key: UnsafeRawBufferPointer, _ value: TreeValue) throws(RedoubtError) {
        keyByteCount = 0
        var end = 0
        unsafe add(key, at: &end)
        if value.isInline {
            unsafe add(value.inlineBytes, at: &end)
        } else {
            unsafe try value.forEachChunk { (chunk) throws(RedoubtError) in
                unsafe add(chunk, at: &end)
                return true
            }
        }
        keyByteCount = key.count
        valueByteCount = end - key.count
    }

    private mutating func add(_ bytes: UnsafeRawBufferPointer, at end: inout Int) {
        let newEnd = end + bytes.count
        if unsafe newEnd > memory.count { grow(to: newEnd, keeping: end) }
        if let target = unsafe memory.baseAddress, let source = bytes.baseAddress {
            unsafe (target + end).copyMemory(from: source, byteCount: bytes.count)
        }
        end = newEnd
    }

    private mutating func grow(to count: Int, keeping kept: Int) {
        let larger = unsafe UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(count, 2 * memory.count, 512),
            alignment: 16
        )
        unsafe larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[0..<kept]))
        unsafe memory.deallocate()
        unsafe memory = unsafe larger
    }
}
