package import RedoubtCore
import RedoubtLog

/// Changes of rows in one or more trees that become visible, and durable, together.
///
/// A batch is collected in memory, then applied by ``commit()``; it is for one thread at a time. A later change of a
/// key replaces an earlier one.
///
/// ## Bound
/// All rows change in one mini-transaction: the batch may change at most ``rowCountMaximum`` rows (a quarter of the
/// pool, and what one instance of it can promise), and its redo must fit ``redoByteCountMaximum``. Beyond that,
/// `.batchTooLarge`; `.poolExhausted` at the commit if the memory was made less meanwhile.
package struct TreeBatch: ~Copyable {
    /// One change, its bytes in the arena.
    struct Entry {
        let tree: Int
        let key: Range<Int>
        let value: Range<Int>
        let isDelete: Bool
    }

    /// The most rows of a batch whose values stand off the page: half of the slots that name pending chains.
    package static let offPageCountMaximum = 32
    /// The redo of a row besides its bytes.
    static let redoBytesPerRow = 160

    let kernel: Kernel
    private(set) var trees: [Tree] = []
    private(set) var entries: [Entry] = []
    // The bytes of the entries: those that came with the batch, or else those added one by one.
    private let sealed: SealedBytes?
    private var arena = ByteArena()
    private var redoByteCount = 1024
    private var offPageCount = 0
    // As of the beginning: looking at them takes a lock.
    private let redoByteCountLimit: Int
    private let rowCountLimit: Int

    /// Creates an empty batch for trees of the database of `tree`.
    ///
    /// With `bytes`, keys and values are parts of these, and only ``add(_:_:_:isDelete:)`` adds changes.
    package init(like tree: Tree, bytes: SealedBytes? = nil) {
        kernel = tree.kernel
        sealed = bytes
        redoByteCountLimit = Self.redoByteCountMaximum(kernel)
        rowCountLimit = Self.rowCountMaximum(kernel)
    }

    /// The number of changes collected.
    package var count: Int { entries.count }

    /// The most rows that a batch may change.
    package var rowCountMaximum: Int { max(min(rowCountLimit, kernel.pool.credit.limit - trees.count - 1), 1) }

    private static func rowCountMaximum(_ kernel: Kernel) -> Int { Int(kernel.pool.frameCount) / 4 - 4 }

    /// The most bytes of redo that a batch may take: an eighth of what writers may fill, and what the log buffer takes
    /// at once.
    package var redoByteCountMaximum: Int { redoByteCountLimit }

    private static func redoByteCountMaximum(_ kernel: Kernel) -> Int {
        if kernel.breaks(.admitsAnyGroup) { return kernel.log.limits.freeCheckCapacity / 8 }
        let most = kernel.log.groupByteCountMaximum - MiniTransactionContext.groupHeaderByteCount
        return min(kernel.log.limits.freeCheckCapacity / 8, most)
    }

    /// Adds: `key` of `tree` gets `value`.
    ///
    /// - Throws: `.keyTooLarge`, `.valueTooLarge`, `.batchTooLarge`; the batch is as before then.
    package mutating func put(
        _ tree: Tree,
        _ key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer
    ) throws(RedoubtError) {
        try checkRoom(tree, key.count, value.count)
        let keyRange = unsafe arena.append(key)
        unsafe append(tree, keyRange, arena.append(value), isDelete: false)
    }

    /// Adds: `key` of `tree` goes.
    ///
    /// - Throws: `.keyTooLarge`, `.batchTooLarge`; the batch is as before then.
    package mutating func delete(_ tree: Tree, _ key: UnsafeRawBufferPointer) throws(RedoubtError) {
        try checkRoom(tree, key.count, 0)
        let keyRange = unsafe arena.append(key)
        append(tree, keyRange, keyRange.upperBound..<keyRange.upperBound, isDelete: true)
    }

    /// Adds a change whose key and value stand at these places in the bytes of the batch.
    ///
    /// - Throws: `.keyTooLarge`, `.valueTooLarge`, `.batchTooLarge`; the batch is as before then.
    package mutating func add(
        _ tree: Tree,
        _ key: Range<Int>,
        _ value: Range<Int>,
        isDelete: Bool
    ) throws(RedoubtError) {
        try checkRoom(tree, key.count, value.count)
        append(tree, key, value, isDelete: isDelete)
    }

    /// Counts a change of this size in.
    private mutating func checkRoom(_ tree: Tree, _ key: Int, _ value: Int) throws(RedoubtError) {
        precondition(tree.kernel === kernel, "a batch holds changes of one database")
        try Tree.checkKey(byteCount: key)
        try Tree.checkValue(value)
        let isOffPage = RecordImage.needsOffPage(key: key, value: value)
        let stored = isOffPage ? Record.referenceByteCount : value
        let redo = redoByteCount + key + stored + Self.redoBytesPerRow
        let offPage = offPageCount + (isOffPage ? 1 : 0)
        guard entries.count < rowCountMaximum, redo <= redoByteCountMaximum, offPage <= Self.offPageCountMaximum else {
            throw RedoubtError(
                .batchTooLarge,
                "a batch may have \(rowCountMaximum) rows, \(redoByteCountMaximum) bytes of redo and "
                    + "\(Self.offPageCountMaximum) values off their page; use several batches, or more memory and redo"
            )
        }
        redoByteCount = redo
        offPageCount = offPage
    }

    private mutating func append(_ tree: Tree, _ key: Range<Int>, _ value: Range<Int>, isDelete: Bool) {
        let treeIndex: Int
        if let known = trees.firstIndex(where: { $0.space === tree.space }) {
            treeIndex = known
        } else {
            treeIndex = trees.count
            trees.append(tree)
        }
        entries.append(Entry(tree: treeIndex, key: key, value: value, isDelete: isDelete))
    }

    /// Applies all changes in one step.
    ///
    /// Returns the end of the redo to wait for; nil if nothing changed. Waits.
    ///
    /// - Throws: `.batchTooLarge`, `.diskFull`, `.fenced`, `.keyspaceNotFound`, `.corruptPage`, `.readFailed`,
    ///   `.poolExhausted`; nothing has changed then.
    package consuming func commit() throws(RedoubtError) -> LogSequenceNumber? {
        if entries.isEmpty { return nil }
        let (kernel, trees, entries) = (kernel, trees, entries)
        let bytes: SealedBytes
        if let sealed { bytes = sealed } else { bytes = arena.seal() }
        var application = unsafe BatchApplication(kernel: kernel, trees: trees, entries: entries, arena: bytes.bytes)
        return try withExtendedLifetime(bytes) { () throws(RedoubtError) in try application.run() }
    }
}
