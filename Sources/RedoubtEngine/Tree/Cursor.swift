package import RedoubtCore
import RedoubtSystem

/// Walks the rows of a tree in key order, both ways.
///
/// Holds no latch between calls; for one thread at a time.
///
/// A step sees each row as of the moment it reaches it. A row that is there during the whole walk is seen exactly once;
/// one that comes or goes meanwhile may be seen or not. The cursor keeps a copy of its key, and goes on from it even if
/// the row was removed.
///
/// A step from a leaf that nobody has latched exclusively since needs no search: the cursor remembers frame, version
/// and place.
@safe
package struct Cursor: ~Copyable {
    /// Which row ``seek(_:_:_:)`` looks for.
    package enum Direction: Sendable {
        /// The first row with a key at or after the given one.
        case greaterOrEqual
        /// The first row with a key after the given one.
        case greater
        /// The last row with a key at or before the given one.
        case lessOrEqual
        /// The last row with a key before the given one.
        case less
    }

    private enum Position {
        case none
        case onRow
        case beforeFirst
        case afterLast
    }

    /// What is done with a row while its leaf is latched shared: must be short, and must not enter the engine.
    package typealias Visit = (UnsafeRawBufferPointer, TreeValue) throws(RedoubtError) -> Void

    private let tree: Tree
    private let memory: UnsafeMutableRawBufferPointer
    private var keyByteCount = 0
    private var position = Position.none
    private var frame: Frame?
    private var version: UInt64 = 0
    private var origin = 0

    /// Creates a cursor that is on no row.
    package init(_ tree: Tree) {
        self.tree = tree
        unsafe memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * Tree.keyByteCountMaximum, alignment: 8)
    }

    deinit {
        unsafe memory.deallocate()
    }

    /// Whether the last step reached a row.
    package var isOnRow: Bool { position == .onRow }

    /// The key of the last row reached, valid until the next step; empty if there was none.
    package var key: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: memory[0..<keyByteCount]) }

    // MARK: Steps

    /// Goes to the first row; returns false if there is none.
    ///
    /// Waits.
    @discardableResult
    package mutating func first(_ visit: Visit = { _, _ in }) throws(RedoubtError) -> Bool {
        let leaf = try tree.latchLeaf(.first, exclusively: false)
        return unsafe try walkRight(leaf, IndexPage(leaf.bytes).firstOrigin, visit)
    }

    /// Goes to the last row; returns false if there is none.
    ///
    /// Waits.
    @discardableResult
    package mutating func last(_ visit: Visit = { _, _ in }) throws(RedoubtError) -> Bool {
        var attempt = LeftwardAttempt(tree)
        while true {
            let leaf = try tree.latchLeaf(.last, exclusively: false)
            let origin = IndexPage(leaf.bytes).predecessor(of: IndexPage.supremum)
            if let found = unsafe try walkLeft(leaf, origin, visit) { return found }
            try attempt.fail()
        }
    }

    /// Goes to the row that `direction` says relative to `key`, which may have any length; returns false if there is
    /// none.
    ///
    /// Waits.
    @discardableResult
    package mutating func seek(
        _ direction: Direction,
        _ key: UnsafeRawBufferPointer,
        _ visit: Visit = { _, _ in }
    ) throws(RedoubtError) -> Bool {
        switch direction {
        case .greaterOrEqual, .greater:
            let leaf = unsafe try tree.latchLeaf(.covering(key), exclusively: false)
            let page = IndexPage(leaf.bytes)
            let found = unsafe page.search(key, tree.kernel.pool.searchIndex(for: leaf))
            let isHere = found.isMatch && direction == .greaterOrEqual
            return unsafe try walkRight(
                leaf,
                isHere ? found.predecessor : page.record(at: found.predecessor).next,
                visit
            )
        case .lessOrEqual, .less:
            var attempt = LeftwardAttempt(tree)
            while true {
                let leaf = unsafe try tree.latchLeaf(
                    direction == .less ? .before(key) : .covering(key),
                    exclusively: false
                )
                let page = IndexPage(leaf.bytes)
                let found = unsafe page.search(key, tree.kernel.pool.searchIndex(for: leaf))
                let skips = found.isMatch && direction == .less
                let origin = skips ? page.predecessor(of: found.predecessor) : found.predecessor
                if let found = unsafe try walkLeft(leaf, origin, visit) { return found }
                try attempt.fail()
            }
        }
    }

    /// Goes to the row after this one; the first if the cursor was nowhere.
    ///
    /// Returns false if there is none. Waits.
    @discardableResult
    package mutating func next(_ visit: Visit = { _, _ in }) throws(RedoubtError) -> Bool {
        switch position {
        case .none, .beforeFirst: return unsafe try first(visit)
        case .afterLast: return false
        case .onRow: break
        }
        if let leaf = latchRemembered() {
            return unsafe try walkRight(leaf, IndexPage(leaf.bytes).record(at: origin).next, visit)
        }
        return unsafe try seek(.greater, key, visit)
    }

    /// Goes to the row before this one; the last if the cursor was nowhere.
    ///
    /// Returns false if there is none. Waits.
    @discardableResult
    package mutating func previous(_ visit: Visit = { _, _ in }) throws(RedoubtError) -> Bool {
        switch position {
        case .none, .afterLast: return unsafe try last(visit)
        case .beforeFirst: return false
        case .onRow: break
        }
        if let leaf = latchRemembered(),
            let found = unsafe try walkLeft(leaf, IndexPage(leaf.bytes).predecessor(of: origin), visit)
        {
            return found
        }
        return unsafe try seek(.less, key, visit)
    }

    // MARK: Parts

    /// Returns the leaf of the current row latched shared if nobody has latched it exclusively since.
    private func latchRemembered() -> Frame? {
        guard let frame, frame.validate(version), frame.tryLockShared() else { return nil }
        if frame.validate(version) { return frame }
        frame.unlockShared()
        return nil
    }

    /// Visits the row at `origin` of the latched `leaf`, or the next visible one on the right.
    ///
    /// Gives the latch back. Waits.
    private mutating func walkRight(_ leaf: Frame, _ start: Int, _ visit: Visit) throws(RedoubtError) -> Bool {
        var leaf = leaf
        var origin = start
        while true {
            let page = IndexPage(leaf.bytes)
            var steps = page.recordCount
            while origin != IndexPage.supremum, steps >= 0 {
                let record = page.record(at: origin)
                if !record.isDeleted {
                    unsafe try reach(leaf, record, visit)
                    return true
                }
                origin = record.next
                steps -= 1
            }
            let next = page.next
            if next == .none {
                leaf.unlockShared()
                position = .afterLast
                return false
            }
            leaf = try tree.crossRight(from: leaf, to: next)
            origin = IndexPage(leaf.bytes).firstOrigin
        }
    }

    /// Visits the row at `start` of the latched `leaf`, or the next visible one on the left.
    ///
    /// Gives the latch back. Returns nil if the leaves changed on the way, so that the caller must begin again.
    /// Waits.
    private mutating func walkLeft(_ leaf: Frame, _ start: Int, _ visit: Visit) throws(RedoubtError) -> Bool? {
        var leaf = leaf
        var origin = start
        while true {
            let page = IndexPage(leaf.bytes)
            var steps = page.recordCount
            while origin != IndexPage.infimum, steps >= 0 {
                let record = page.record(at: origin)
                if !record.isDeleted {
                    unsafe try reach(leaf, record, visit)
                    return true
                }
                origin = page.predecessor(of: origin)
                steps -= 1
            }
            let own = leaf.bytes.number
            let previous = page.previous
            // Latches are taken left to right, so this one must go first.
            let bound = unsafe boundary(page.first)
            leaf.unlockShared()
            if previous == .none {
                position = .beforeFirst
                return false
            }
            guard let left = try crossLeft(from: own, to: previous) else { return nil }
            if let last = IndexPage(left.bytes).last, unsafe bound.count > 0 && TreeKey.compare(last.key, bound) >= 0 {
                // Merged and split again meanwhile, with the same page on the right; or damage, if it stays so.
                left.unlockShared()
                return nil
            }
            leaf = left
            origin = IndexPage(leaf.bytes).predecessor(of: IndexPage.supremum)
        }
    }

    /// Returns a copy of the key of `record` that stays when its leaf is unlatched; empty if there is none.
    private func boundary(_ record: Record?) -> UnsafeRawBufferPointer {
        guard let record else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        let key = unsafe record.key
        let start = Tree.keyByteCountMaximum
        let count = unsafe min(key.count, memory.count - start)
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + count])
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: key[0..<count]))
        return UnsafeRawBufferPointer(target)
    }

    /// Latches the left neighbour; nil if it is that no more.
    ///
    /// Waits.
    private func crossLeft(from own: PageNumber, to previous: PageNumber) throws(RedoubtError) -> Frame? {
        guard previous != own, previous.rawValue < tree.space.pageCount else {
            throw tree.corrupt(own, "has page \(previous) as its left sibling")
        }
        let left = try tree.kernel.pool.fetchShared(tree.id(previous), hint: SearchIndex.noFrame)
        if tree.nodeFault(left, level: 0) == nil, left.bytes.next == own { return left }
        left.unlockShared()
        return nil
    }

    /// Makes `record` the current row, visits it and gives the latch back.
    private mutating func reach(_ leaf: Frame, _ record: Record, _ visit: Visit) throws(RedoubtError) {
        defer { leaf.unlockShared() }
        let key = unsafe record.key
        keyByteCount = min(key.count, Tree.keyByteCountMaximum)
        unsafe memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: key[0..<keyByteCount]))
        position = .onRow
        frame = leaf
        version = leaf.optimisticVersion() ?? 0
        origin = record.origin
        unsafe try visit(self.key, TreeValue(record: record, tree: tree))
    }
}

/// Counts the attempts to cross to the left; after many, the structure is kept still, so that a link that is still
/// wrong is damage.
private struct LeftwardAttempt: ~Copyable {
    private let tree: Tree
    private var count = 0
    private static let patience = 16

    init(_ tree: Tree) {
        self.tree = tree
    }

    deinit {
        if count >= Self.patience { tree.space.treeLock.unlock() }
    }

    /// Notes that a left sibling did not link back.
    ///
    /// Waits for `treeLock` once that happened often.
    mutating func fail() throws(RedoubtError) {
        if count > Self.patience {
            throw tree.corrupt(.root, "the tree has a leaf whose left sibling does not link back to it")
        }
        count += 1
        if count == Self.patience { tree.space.treeLock.lock(.treeLock, in: tree.kernel.waits) }
    }
}
