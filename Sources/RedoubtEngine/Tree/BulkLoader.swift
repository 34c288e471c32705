package import RedoubtCore

/// Loads rows in ascending key order, whole leaves at a time.
///
/// Rows above every key of the tree are gathered until a leaf is as full as wanted; the leaf is then added on the right
/// edge in one mini-transaction, the levels above grow along. Rows that do not fit this scheme (keys not ascending,
/// values off the page, keys put by others meanwhile) are put one by one. The tree is valid at every moment; a crash
/// leaves the leaves loaded by then.
@safe
package struct BulkLoader: ~Copyable {
    private let tree: Tree
    private let byteCountLimit: Int
    private let memory: UnsafeMutableRawBufferPointer
    private var rows: PackedRecords
    // Where the keys of the first and the last row gathered stand in the memory.
    private var firstKey = 0..<0
    private var lastKey = 0..<0

    /// The number of rows taken.
    package private(set) var rowCount = 0
    /// The end of the redo to wait for; nil if nothing was written yet.
    package private(set) var end: LogSequenceNumber?

    /// Creates a loader that fills leaves to `fillPercent` (10 to 100).
    package init(_ tree: Tree, fillPercent: Int = 94) {
        precondition((10...100).contains(fillPercent), "leaves filled to \(fillPercent) %")
        self.tree = tree
        byteCountLimit = IndexPage.emptyCapacity * fillPercent / 100
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * pageByteCount, alignment: 16)
        unsafe memory = unsafe buffer
        unsafe rows = PackedRecords(buffer)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// Adds a row; it may be visible only after ``finish()``.
    ///
    /// Waits.
    ///
    /// - Throws: as ``Tree/put(_:_:)``; rows added before may be in the tree or not.
    package mutating func add(
        _ key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer
    ) throws(RedoubtError) {
        unsafe try Tree.checkKey(key)
        try Tree.checkValue(value.count)
        rowCount += 1
        let isAscending = unsafe rows.recordCount == 0 || TreeKey.compare(bytes(lastKey), key) < 0
        if !isAscending || RecordImage.needsOffPage(key: key.count, value: value.count) {
            try flush()
            note(unsafe try tree.put(key, value).end)
            return
        }
        let image = unsafe RecordImage(key: key, value: value)
        let size = image.byteCount
        let total = rows.heapByteCount &+ size &+ IndexPage.directoryReserve(rows.recordCount &+ 1)
        if rows.recordCount > 0 && total > byteCountLimit { try flush() }
        let fits = rows.append(image)
        precondition(fits, "a row of \(size) bytes does not fit an empty leaf")
        let keyStart = rows.byteCount &- value.count &- key.count
        lastKey = keyStart..<keyStart &+ key.count
        if rows.recordCount == 1 { firstKey = lastKey }
    }

    /// The bytes that stand at `range` in the memory.
    @inline(__always)
    private func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        guard let base = unsafe memory.baseAddress else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        return unsafe UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    /// Adds a row whose value never is in memory whole; see ``Tree/putStream(_:byteCount:_:)``.
    ///
    /// Waits.
    package mutating func add(
        _ key: UnsafeRawBufferPointer,
        byteCount: Int,
        _ source: (UnsafeMutableRawBufferPointer) throws(RedoubtError) -> Int
    ) throws(RedoubtError) {
        // What is gathered stands before it, and is appended faster while it is not there.
        try flush()
        note(unsafe try tree.putStream(key, byteCount: byteCount, source).end)
        rowCount += 1
    }

    /// Writes what is gathered; returns the end of the redo to wait for.
    ///
    /// Waits.
    package mutating func finish() throws(RedoubtError) -> LogSequenceNumber? {
        try flush()
        return end
    }

    private mutating func flush() throws(RedoubtError) {
        guard rows.recordCount > 0 else { return }
        let pending = rows
        rows = unsafe PackedRecords(memory)
        try tree.space.enter(tree.kernel)
        let tree = tree
        let outcome: StructureOutcome
        do throws(RedoubtError) {
            // The memory is as it is until the next row is added.
            outcome = unsafe try tree.growStructure(.append(pending, firstKey: bytes(firstKey)))
        } catch {
            tree.space.leave()
            throw error
        }
        tree.space.leave()
        if case .done(let done) = outcome {
            note(done.result.end)
            return
        }
        try putOneByOne(pending)
    }

    /// Puts gathered rows as any others: they do not stand above all keys of the tree.
    private mutating func putOneByOne(_ pending: PackedRecords) throws(RedoubtError) {
        var rest = unsafe pending.bytes
        while let (image, byteCount) = unsafe RecordImage.unpack(rest) {
            note(unsafe try tree.put(image.key, image.value).end)
            unsafe rest = unsafe UnsafeRawBufferPointer(rebasing: rest[byteCount...])
        }
    }

    private mutating func note(_ position: LogSequenceNumber?) {
        if let position { end = max(end ?? position, position) }
    }
}
