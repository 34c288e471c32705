public import RedoubtCore
import RedoubtEngine

/// Walks over the rows of a keyspace in the order of their keys, both ways.
///
///     var cursor = orders.cursor()
///     var isOnRow = try cursor.seek(.atLeast, "2026-11")
///     while isOnRow {
///         print(cursor.key, cursor.value)
///         isOnRow = try cursor.next()
///     }
///     cursor.close()
///
/// A cursor holds no latch between calls, so it stops nobody and may live long. It sees each row as of the moment it
/// reaches it: a row that is there during the whole walk is seen exactly once, one that comes or goes meanwhile may be
/// seen or not. ``key`` and ``value`` are copies of the row as it was then.
///
/// It cannot be copied, and ``close()`` consumes it: using it afterwards is an error of compilation. For one thread at
/// a time.
public struct Cursor: ~Copyable {
    /// Which row a seek looks for.
    public enum Bound: Sendable, Hashable, CaseIterable {
        /// The first row with a key at or after the given one: >=.
        case atLeast
        /// The first row with a key after the given one: >.
        case above
        /// The last row with a key at or before the given one: <=.
        case atMost
        /// The last row with a key before the given one: <.
        case below
    }

    private let database: Database
    private var position: RedoubtEngine.Cursor
    private var row = Row()

    /// The bytes of the row that the cursor is on, in memory that it uses again.
    private struct Row {
        var key: [UInt8] = []
        var value: [UInt8] = []

        mutating func clear() {
            key.removeAll(keepingCapacity: true)
            value.removeAll(keepingCapacity: true)
        }

        mutating func take(_ key: UnsafeRawBufferPointer, _ value: TreeValue) throws(RedoubtError) {
            clear()
            unsafe self.key.append(contentsOf: key)
            unsafe try value.forEachChunk { (chunk) throws(RedoubtError) in
                unsafe self.value.append(contentsOf: chunk)
                return true
            }
        }
    }

    init(_ keyspace: Keyspace) {
        database = keyspace.database
        position = RedoubtEngine.Cursor(keyspace.tree)
    }

    /// Whether the last step reached a row.
    public var isOnRow: Bool { !row.key.isEmpty }
    /// A copy of the key of the row; empty if the last step reached none.
    public var key: [UInt8] { row.key }
    /// A copy of the value of the row; empty if the last step reached none.
    public var value: [UInt8] { row.value }

    /// Lends key and value of the row without another copy; they are empty if the last step reached none.
    public borrowing func withRow<Result>(_ body: (_ key: RawSpan, _ value: RawSpan) -> Result) -> Result {
        unsafe body(row.key.span.bytes, row.value.span.bytes)
    }

    /// Goes to the row that `bound` says relative to `key`; returns false if there is none.
    ///
    /// Waits if a page must be read.
    ///
    /// - Throws: `.keyspaceNotFound`, `.corruptPage`, `.readFailed`, `.poolExhausted`, `.closed`, `.reentered`; so do
    ///   all steps.
    @discardableResult
    public mutating func seek<Key: ByteSource & ~Escapable>(
        _ bound: Bound,
        _ key: Key
    ) throws(RedoubtError) -> Bool {
        let line = try begin()
        defer { database.gate.leave(line) }
        return unsafe try key.withBytes { (bytes) throws(RedoubtError) in
            unsafe try position.seek(bound.direction, bytes) { (key, value) throws(RedoubtError) in
                unsafe try row.take(key, value)
            }
        }
    }

    /// Goes to the first row; returns false if there is none.
    ///
    /// Waits if a page must be read.
    @discardableResult
    public mutating func first() throws(RedoubtError) -> Bool {
        let line = try begin()
        defer { database.gate.leave(line) }
        return unsafe try position.first { (key, value) throws(RedoubtError) in unsafe try row.take(key, value) }
    }

    /// Goes to the last row; returns false if there is none.
    ///
    /// Waits if a page must be read.
    @discardableResult
    public mutating func last() throws(RedoubtError) -> Bool {
        let line = try begin()
        defer { database.gate.leave(line) }
        return unsafe try position.last { (key, value) throws(RedoubtError) in unsafe try row.take(key, value) }
    }

    /// Goes to the next row, the first if the cursor was nowhere; returns false if there is none.
    ///
    /// Waits if a page must be read.
    @discardableResult
    public mutating func next() throws(RedoubtError) -> Bool {
        let line = try begin()
        defer { database.gate.leave(line) }
        return unsafe try position.next { (key, value) throws(RedoubtError) in unsafe try row.take(key, value) }
    }

    /// Goes to the row before, the last if the cursor was nowhere; returns false if there is none.
    ///
    /// Waits if a page must be read.
    @discardableResult
    public mutating func previous() throws(RedoubtError) -> Bool {
        let line = try begin()
        defer { database.gate.leave(line) }
        return unsafe try position.previous { (key, value) throws(RedoubtError) in unsafe try row.take(key, value) }
    }

    /// Ends the walk and gives its memory back; leaving the scope does the same.
    public consuming func close() {}

    // MARK: Ranges

    /// Goes to the first row of `range`.
    mutating func seekStart(of range: KeyRange) throws(RedoubtError) -> Bool {
        guard let lower = range.lower else { return try first() }
        return try seek(.atLeast, lower)
    }

    /// Goes to the last row of `range`.
    mutating func seekEnd(of range: KeyRange) throws(RedoubtError) -> Bool {
        guard let upper = range.upper else { return try last() }
        return try seek(.below, upper)
    }

    /// Whether the row is in `range`, as far as a walk in one direction must ask.
    func isIn(_ range: KeyRange, reverse: Bool) -> Bool {
        guard let end = reverse ? range.lower : range.upper else { return true }
        let order = unsafe row.key.withUnsafeBytes { unsafe Cursor.compare($0, end) }
        return reverse ? order >= 0 : order < 0
    }

    /// Returns less than, equal to or greater than 0 as `left` stands before, at or after `right`.
    static func compare(_ left: UnsafeRawBufferPointer, _ right: [UInt8]) -> Int {
        let common = min(left.count, right.count)
        for index in 0..<common {
            let difference = unsafe Int(left[index]) - Int(right[index])
            if difference != 0 { return difference }
        }
        return left.count - right.count
    }

    private mutating func begin() throws(RedoubtError) -> Int {
        let line = try database.gate.enter()
        row.clear()
        return line
    }
}

extension Cursor.Bound {
    /// The engine's word.
    var direction: RedoubtEngine.Cursor.Direction {
        switch self {
        case .atLeast: .greaterOrEqual
        case .above: .greater
        case .atMost: .lessOrEqual
        case .below: .less
        }
    }
}
