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
        let order: Int
    }

    /// The most rows of a batch whose values stand off the page: half of the slots that name pending chains.
    package static let offPageCountMaximum = 32
    /// The redo of a row besides its bytes.
    static let redoBytesPerRow = 160

    let kernel: Kernel
    private(set) var trees: [Tree] = []
    private(set) var entries: [Entry] = []
    private(set) var arena: [UInt8] = []
    private var redoByteCount = 1024
    private var offPageCount = 0

    /// Creates an empty batch for trees of the database of `tree`.
    package init(like tree: Tree) {
        kernel = tree.kernel
    }

    /// The number of changes collected.
    package var count: Int { entries.count }

    /// The most rows that a batch may change.
    package var rowCountMaximum: Int {
        // Each may be in a leaf of its own, all leaves may belong to one instance, and each tree has a header page.
        let most = kernel.pool.credit.limit - trees.count - 1
        return max(min(Int(kernel.pool.frameCount) / 4 - 4, most), 1)
    }

    /// The most bytes of redo that a batch may take: an eighth of what writers may fill, and what the log buffer takes
    /// at once.
    package var redoByteCountMaximum: Int {
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
        unsafe try Tree.checkKey(key)
        try Tree.checkValue(value.count)
        unsafe try add(tree, key, value, isDelete: false)
    }

    /// Adds: `key` of `tree` goes.
    ///
    /// - Throws: `.keyTooLarge`, `.batchTooLarge`; the batch is as before then.
    package mutating func delete(_ tree: Tree, _ key: UnsafeRawBufferPointer) throws(RedoubtError) {
        unsafe try Tree.checkKey(key)
        unsafe try add(tree, key, UnsafeRawBufferPointer(start: nil, count: 0), isDelete: true)
    }

    private mutating func add(
        _ tree: Tree,
        _ key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer,
        isDelete: Bool
    ) throws(RedoubtError) {
        precondition(tree.kernel === kernel, "a batch holds changes of one database")
        let isOffPage = RecordImage.needsOffPage(key: key.count, value: value.count)
        let stored = isOffPage ? Record.referenceByteCount : value.count
        let redo = redoByteCount + key.count + stored + Self.redoBytesPerRow
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
        let treeIndex: Int
        if let known = trees.firstIndex(where: { $0.space === tree.space }) {
            treeIndex = known
        } else {
            treeIndex = trees.count
            trees.append(tree)
        }
        let keyStart = arena.count
        unsafe arena.append(contentsOf: key)
        let valueStart = arena.count
        unsafe arena.append(contentsOf: value)
        entries.append(
            Entry(
                tree: treeIndex,
                key: keyStart..<valueStart,
                value: valueStart..<arena.count,
                isDelete: isDelete,
                order: entries.count
            )
        )
    }

    /// Applies all changes in one step.
    ///
    /// Returns the end of the redo to wait for; nil if nothing changed. Waits.
    ///
    /// - Throws: `.batchTooLarge`, `.diskFull`, `.fenced`, `.keyspaceNotFound`, `.corruptPage`, `.readFailed`,
    ///   `.poolExhausted`; nothing has changed then.
    package consuming func commit() throws(RedoubtError) -> LogSequenceNumber? {
        if entries.isEmpty { return nil }
        let kernel = kernel
        let trees = trees
        let entries = entries
        let arena = arena
        return unsafe try arena.withUnsafeBufferPointer { (bytes) throws(RedoubtError) in
            var application = unsafe BatchApplication(
                kernel: kernel,
                trees: trees,
                entries: entries,
                arena: UnsafeRawBufferPointer(bytes)
            )
            return try application.run()
        }
    }
}
