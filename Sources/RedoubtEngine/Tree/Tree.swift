package import RedoubtCore

/// The B+-tree of one keyspace; a view that is cheap to copy.
///
/// All members may be called from any thread.
///
/// ## Durability
/// Writes return the end of their redo (nil if nothing changed); waiting for it is the caller's business. A read may
/// see a value that is not durable yet.
///
/// ## Atomicity
/// Every operation on a key is atomic and linearizable. ``deleteRange(from:to:)`` is a sequence of such steps.
///
/// ## Values outside their page
/// A row that would reach 8126 bytes keeps its value in a chain of BLOB pages. Reading one holds the leaf's shared
/// latch until the last byte was handed over, so writers of neighbouring rows wait meanwhile.
package struct Tree: Sendable {
    /// Pool, log and health.
    let kernel: Kernel
    /// The file that the tree is in.
    package let space: Space

    /// Creates the view of the tree in `space`.
    init(kernel: Kernel, space: Space) {
        self.kernel = kernel
        self.space = space
    }

    /// The longest key, in bytes; the shortest is one byte.
    package static let keyByteCountMaximum = 3072
    /// The longest value, in bytes: 4 GiB - 1.
    package static let valueByteCountMaximum = 0xFFFF_FFFF

    /// Optimistic attempts before a descent couples latches.
    static let optimisticAttemptMaximum = 16

    /// The page that every descent begins at.
    var rootID: PageID { PageID(space: space.id, number: .root) }

    /// Returns the id of page `number` of this tree.
    func id(_ number: PageNumber) -> PageID { PageID(space: space.id, number: number) }

    // MARK: Reads

    /// Calls `body` with the value of `key`; returns false if there is none.
    ///
    /// Waits.
    ///
    /// `body` runs while the leaf is latched: it must be short and must not enter the engine.
    @discardableResult
    package func read(
        _ key: UnsafeRawBufferPointer,
        _ body: (TreeValue) throws(RedoubtError) -> Void
    ) throws(RedoubtError) -> Bool {
        unsafe try Self.checkKey(key)
        let leaf = unsafe try latchLeaf(covering: key)
        defer { leaf.unlockShared() }
        guard let record = unsafe visibleRecord(of: key, in: leaf) else { return false }
        try body(TreeValue(record: record, tree: self))
        return true
    }

    /// Returns what `body` makes of the value of `key`, or nil if there is none; see ``read(_:_:)``.
    ///
    /// Waits.
    package func get<Result>(
        _ key: UnsafeRawBufferPointer,
        _ body: (TreeValue) throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> Result? {
        var result: Result?
        unsafe try read(key) { (value) throws(RedoubtError) in result = try body(value) }
        return result
    }

    /// Returns a copy of the value of `key`, or nil if there is none.
    ///
    /// Waits.
    package func getCopy(_ key: UnsafeRawBufferPointer) throws(RedoubtError) -> [UInt8]? {
        unsafe try get(key) { (value) throws(RedoubtError) in try value.copy() }
    }

    /// Returns whether there is a row with `key`.
    ///
    /// Waits.
    package func contains(_ key: UnsafeRawBufferPointer) throws(RedoubtError) -> Bool {
        unsafe try read(key) { (_) throws(RedoubtError) in }
    }

    // MARK: Limits

    /// Throws `.keyTooLarge` unless `key` has 1 to 3072 bytes.
    @inline(__always)
    static func checkKey(_ key: UnsafeRawBufferPointer) throws(RedoubtError) { try checkKey(byteCount: key.count) }

    /// Throws `.keyTooLarge` if no key can have this length.
    @inline(__always)
    static func checkKey(byteCount: Int) throws(RedoubtError) {
        if byteCount < 1 || byteCount > keyByteCountMaximum { throw keyFault(byteCount) }
    }

    @inline(never)
    private static func keyFault(_ count: Int) -> RedoubtError {
        RedoubtError(.keyTooLarge, "a key has \(count) bytes; it must have 1 to \(keyByteCountMaximum)")
    }

    /// Throws `.valueTooLarge` if `count` is above 4 GiB - 1.
    @inline(__always)
    static func checkValue(_ count: Int) throws(RedoubtError) {
        if count < 0 || count > valueByteCountMaximum { throw valueFault(count) }
    }

    @inline(never)
    private static func valueFault(_ count: Int) -> RedoubtError {
        RedoubtError(.valueTooLarge, "a value has \(count) bytes; it must have at most \(valueByteCountMaximum)")
    }

    /// Returns the error for page `number` of this tree being other than it must be.
    func corrupt(_ number: PageNumber, _ reason: String) -> RedoubtError {
        RedoubtError(.corruptPage, reason, page: id(number), path: space.path)
    }
}
