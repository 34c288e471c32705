import RedoubtCore
import RedoubtSystem

/// The application of a batch: sort, write chains, make room, latch all leaves, change all rows.
///
/// ## Liveness
/// Leaves are latched by trying, in order; a batch that fails gives all back. After a few failures it waits for the
/// leaf that was busy while it holds nothing; after many it takes the `treeLock` of every space, so that nothing
/// moves, and then waits for the latches in order, which every other waiter keeps too.
@safe
struct BatchApplication {
    /// One row to change.
    struct Row {
        let tree: Int
        var change: LeafChange
        /// The chain that holds the value, pending until the row refers to it.
        var chain: PendingChain?
    }

    /// A leaf that is latched, and the rows that go to it.
    struct Group {
        let tree: Int
        let leaf: Frame
        var rows: Range<Int>
        /// Whether the plans of the rows stay right while the rows are changed.
        var hasLastingPlans = false
    }

    /// A row that is to be sorted.
    private struct SortedRow {
        /// The place of its tree in the order of space ids.
        let tree: UInt32
        /// Its place among the entries.
        let entry: UInt32
        /// The first 8 bytes of its key.
        let head: UInt64
    }

    /// How an attempt ended.
    enum Attempt {
        case done(LogSequenceNumber?)
        /// A leaf was busy or moved: begin again.
        case retry(Frame?)
        /// The leaves of these rows, a range for each leaf, cannot take them.
        case noRoom([Range<Int>])
        /// All pending slots of a space are taken.
        case wait
    }

    let kernel: Kernel
    let trees: [Tree]
    var rows: [Row] = []
    private let references: UnsafeMutableRawBufferPointer
    private let arena: UnsafeRawBufferPointer
    private var entries: [TreeBatch.Entry]
    /// The chains that no row refers to once the batch is done.
    var freed: [(tree: Int, chain: PendingChain)] = []
    /// Keys of leaves that may be merged once the batch is done.
    var sparse: [Int] = []

    init(kernel: Kernel, trees: [Tree], entries: [TreeBatch.Entry], arena: UnsafeRawBufferPointer) {
        self.kernel = kernel
        self.trees = trees
        self.entries = entries
        unsafe self.arena = arena
        unsafe references = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Record.referenceByteCount * TreeBatch.offPageCountMaximum,
            alignment: 8
        )
    }

    /// Applies the batch.
    ///
    /// Waits.
    mutating func run() throws(RedoubtError) -> LogSequenceNumber? {
        defer { unsafe references.deallocate() }
        sortEntries()
        var entered = 0
        defer { for tree in trees[..<entered] { tree.space.leave() } }
        for tree in trees {
            try tree.space.enter(kernel)
            entered += 1
        }
        let chained = treesWithChains()
        for tree in chained { tree.space.chainLock.lock(.largeValue, in: kernel.waits) }
        defer { for tree in chained.reversed() { tree.space.chainLock.unlock() } }
        let end: LogSequenceNumber?
        do throws(RedoubtError) {
            try makeRows()
            end = try Scheduling.breaks(.splitsBatches) ? applyRowsOneByOne() : applyRows()
        } catch {
            abandon(rows.compactMap { row in row.chain.map { (row.tree, $0) } })
            throw error
        }
        abandon(freed)
        for row in sparse { unsafe try? trees[rows[row].tree].compress(rows[row].change.key) }
        return end
    }

    /// Frees chains that no row refers to; if one finds no room, all that follow are left for later at once.
    private func abandon(_ chains: [(tree: Int, chain: PendingChain)]) {
        var hasRoom = true
        for (tree, chain) in chains {
            if hasRoom {
                hasRoom = trees[tree].abandonChain(chain)
            } else {
                trees[tree].space.leaveChain(slot: chain.slot)
            }
        }
    }

    /// The trees that get values off their page, by space id.
    private func treesWithChains() -> [Tree] {
        let chained = entries.filter {
            !$0.isDelete && RecordImage.needsOffPage(key: $0.key.count, value: $0.value.count)
        }
        return Set(chained.map(\.tree)).map { trees[$0] }.sorted { $0.space.id < $1.space.id }
    }

    /// Sorts by (space, key) and drops all but the last change of a key.
    private mutating func sortEntries() {
        var treePlaces = [UInt32](repeating: 0, count: trees.count)
        let ordered = trees.indices.sorted { trees[$0].space.id < trees[$1].space.id }
        for (place, tree) in ordered.enumerated() { treePlaces[tree] = UInt32(place) }
        var sorted: [SortedRow] = []
        sorted.reserveCapacity(entries.count)
        var isAscending = true
        for index in entries.indices {
            let row = unsafe SortedRow(
                tree: treePlaces[entries[index].tree],
                entry: UInt32(index),
                head: KeyOrder.leadingWord(key(index))
            )
            if let last = sorted.last, compare(last, row) >= 0 { isAscending = false }
            sorted.append(row)
        }
        if isAscending { return }
        // The few that begin alike come after, because a look at the key costs more than all else here.
        sorted.sort { $0.tree == $1.tree ? $0.head < $1.head : $0.tree < $1.tree }
        var start = 0
        while start < sorted.count {
            var end = start + 1
            while end < sorted.count, sorted[end].tree == sorted[start].tree, sorted[end].head == sorted[start].head {
                end += 1
            }
            if end - start > 1 { sortAlike(&sorted[start..<end]) }
            start = end
        }
        var kept: [TreeBatch.Entry] = []
        kept.reserveCapacity(entries.count)
        var last: SortedRow?
        for row in sorted {
            let entry = entries[Int(row.entry)]
            if let last, compare(last, row) == 0 { kept[kept.count - 1] = entry } else { kept.append(entry) }
            last = row
        }
        entries = kept
    }

    /// Sorts rows of one tree whose keys begin alike; of those with one key the last change comes last.
    private func sortAlike(_ rows: inout ArraySlice<SortedRow>) {
        rows.sort { left, right in
            let order = compare(left, right)
            return order == 0 ? left.entry < right.entry : order < 0
        }
    }

    /// The key of the entry at `index`.
    @inline(__always)
    private func key(_ index: Int) -> UnsafeRawBufferPointer { unsafe bytes(entries[index].key) }

    /// The bytes at `range`, which the batch has made sure of.
    @inline(__always)
    private func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        guard let base = unsafe arena.baseAddress else { return unsafe arena }
        return unsafe UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }

    /// Compares two rows by tree and key.
    @inline(__always)
    private func compare(_ left: SortedRow, _ right: SortedRow) -> Int {
        if left.tree != right.tree { return left.tree < right.tree ? -1 : 1 }
        if left.head != right.head { return left.head < right.head ? -1 : 1 }
        return unsafe KeyOrder.compare(key(Int(left.entry)), key(Int(right.entry)))
    }

    /// Turns entries into rows; large values are written to pending chains.
    ///
    /// Waits.
    private mutating func makeRows() throws(RedoubtError) {
        rows.reserveCapacity(entries.count)
        var referenceCount = 0
        for entry in entries {
            let key = unsafe bytes(entry.key)
            let value = unsafe bytes(entry.value)
            if entry.isDelete {
                unsafe rows.append(Row(tree: entry.tree, change: LeafChange(key: key, value: value, action: .delete)))
            } else if !RecordImage.needsOffPage(key: key.count, value: value.count) {
                unsafe rows.append(Row(tree: entry.tree, change: LeafChange(key: key, value: value, action: .put)))
            } else {
                let tree = trees[entry.tree]
                var offset = 0
                let chain = unsafe try tree.writeChain(byteCount: value.count) { (target) throws(RedoubtError) in
                    let count = target.count
                    unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: value[offset..<offset + count]))
                    offset += count
                    return count
                }
                let start = referenceCount * Record.referenceByteCount
                referenceCount += 1
                let reference = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: references[start..<start + Record.referenceByteCount]
                )
                unsafe OffPageReference(
                    space: tree.space.id,
                    firstPage: chain.firstPage,
                    byteCount: UInt64(value.count)
                )
                .write(to: unsafe reference.baseAddress.unsafelyUnwrapped)
                unsafe rows.append(
                    Row(
                        tree: entry.tree,
                        change: LeafChange(
                            key: key,
                            value: UnsafeRawBufferPointer(reference),
                            action: .putReference,
                            slot: chain.slot
                        ),
                        chain: chain
                    )
                )
            }
        }
    }

    private mutating func applyRows() throws(RedoubtError) -> LogSequenceNumber? {
        var failures = 0
        var slotWait = SlotWait()
        defer { slotWait.end(kernel) }
        while true {
            let isPatient = failures >= 32
            let attempt = try attempt(isPatient: isPatient)
            if case .wait = attempt {} else { slotWait.end(kernel) }
            switch attempt {
            case .done(let end):
                return end
            case .retry(let busy):
                failures += 1
                if let busy, failures > 2 {
                    kernel.pool.latchExclusive(busy)
                    busy.unlockExclusive()
                } else {
                    Scheduling.spinOnce()
                }
            case .noRoom(let ranges):
                for range in ranges { try makeRoom(range) }
            case .wait: try slotWait.next(kernel, trees)
            }
        }
    }

    /// Changes the rows in as many mini-transactions: a planted bug.
    private mutating func applyRowsOneByOne() throws(RedoubtError) -> LogSequenceNumber? {
        let all = rows
        defer { rows = all }
        var end: LogSequenceNumber?
        for row in all {
            rows = [row]
            end = try applyRows() ?? end
        }
        return end
    }

    /// Gives the rows of one leaf room: new keys are staged as marks, then the leaf is cut in two.
    ///
    /// Waits.
    private func makeRoom(_ range: Range<Int>) throws(RedoubtError) {
        var stagedCount = 0
        for index in range {
            let change = rows[index].change
            if change.action == .delete { continue }
            let staged = unsafe LeafChange(
                key: change.key,
                value: change.value,
                action: change.action,
                isStaged: true,
                slot: change.slot
            )
            if try trees[rows[index].tree].writeInside(staged).end != nil { stagedCount += 1 }
        }
        if stagedCount > 0 { return }
        // All keys are there, so it is rows that grow: the leaf is cut until each part has room, at the latest when
        // there is one row a leaf.
        let middle = range.lowerBound + range.count / 2
        _ = unsafe try trees[rows[middle].tree].growStructure(.halve(rows[middle].change.key))
    }
}
