package import RedoubtCore
import RedoubtSystem

// Walks that show each row where it stands. A leaf stays latched from its first row to its last, because a latch for
// each row costs more than the row; but as soon as a writer waits for it, it is given back after the row at hand.
extension Tree {
    /// What is done with a row of a scan while its leaf is latched shared: given the key, the value (empty if it stands
    /// outside the leaf) and the length of the value, it returns whether the scan goes on.
    ///
    /// It must be short, and must not enter the engine.
    package typealias RowVisit =
        (UnsafeRawBufferPointer, UnsafeRawBufferPointer, Int) throws(RedoubtError) -> Bool

    /// Shows `visit` the rows from `lower` up to and without `upper` (nil: no bound) in order, until it returns false.
    ///
    /// Waits.
    ///
    /// Each row is as of the moment it is reached. A row that is there during the whole scan is seen exactly once; one
    /// that comes or goes meanwhile may be seen or not.
    ///
    /// - Throws: as ``read(_:_:)`` but for `.keyTooLarge`, and what `visit` throws.
    package func scan(
        from lower: UnsafeRawBufferPointer?,
        to upper: UnsafeRawBufferPointer?,
        _ visit: RowVisit
    ) throws(RedoubtError) {
        var (leaf, origin) = unsafe try latchStart(lower)
        while true {
            let end: LeafScanEnd
            do throws(RedoubtError) {
                end = unsafe try visitRows(of: leaf, from: &origin, to: upper, visit)
            } catch {
                leaf.unlockShared()
                throw error
            }
            switch end {
            case .scanOver:
                return leaf.unlockShared()
            case .leafOver:
                let next = IndexPage(leaf.bytes).next
                if next == .none { return leaf.unlockShared() }
                leaf = try crossRight(from: leaf, to: next)
                origin = IndexPage(leaf.bytes).firstOrigin
            case .wanted:
                (leaf, origin) = try letOthersIn(leaf, at: origin)
            }
        }
    }

    /// Why a scan left a leaf.
    private enum LeafScanEnd {
        /// The visitor has seen enough, or the bound is reached.
        case scanOver
        /// There are no more rows in the leaf.
        case leafOver
        /// Somebody waits for the leaf; the row at hand has been visited.
        case wanted
    }

    /// Latches the leaf that a scan begins in; the origin is that of its first row at or after `lower`.
    ///
    /// Waits.
    private func latchStart(_ lower: UnsafeRawBufferPointer?) throws(RedoubtError) -> (leaf: Frame, origin: Int) {
        guard let lower = unsafe lower else {
            let leaf = try latchLeaf(.first, exclusively: false)
            return (leaf, IndexPage(leaf.bytes).firstOrigin)
        }
        let leaf = unsafe try latchLeaf(covering: lower)
        let page = IndexPage(leaf.bytes)
        let found = unsafe page.search(lower, kernel.pool.searchIndex(for: leaf))
        return (leaf, found.isMatch ? found.predecessor : page.record(at: found.predecessor).next)
    }

    /// Visits the rows of the latched `leaf` from the one at `origin` on, which is set to the last one looked at.
    @inline(__always)
    private func visitRows(
        of leaf: Frame,
        from origin: inout Int,
        to upper: UnsafeRawBufferPointer?,
        _ visit: RowVisit
    ) throws(RedoubtError) -> LeafScanEnd {
        let page = IndexPage(leaf.bytes)
        let bound = unsafe bound(in: page, upper)
        var current = origin
        // In a damaged page rows may follow each other in a circle.
        var rest = page.recordCount
        while current != IndexPage.supremum && rest >= 0 {
            let record = page.record(at: current)
            let next = record.next
            if !record.isDeleted {
                let shape = record.leafShape
                let key = unsafe page.bytes.bytes(at: current, count: shape.keyByteCount)
                if let bound = unsafe bound, unsafe TreeKey.compare(key, bound) >= 0 { return .scanOver }
                let start = current &+ shape.keyByteCount &+ Record.systemByteCount
                let value = unsafe page.bytes.bytes(at: start, count: shape.isOffPage ? 0 : shape.valueByteCount)
                let count = shape.isOffPage ? Self.offPageByteCount(record) : shape.valueByteCount
                if unsafe try !visit(key, value, count) { return .scanOver }
                if leaf.isWanted {
                    origin = current
                    return .wanted
                }
            }
            current = next
            rest &-= 1
        }
        guard current == IndexPage.supremum else { throw corrupt(leaf.bytes.number, "has more rows than it counts") }
        return .leafOver
    }

    /// Returns `upper` if a row of `page` may be at or above it, else nil: then no row need be compared.
    @inline(__always)
    private func bound(in page: IndexPage, _ upper: UnsafeRawBufferPointer?) -> UnsafeRawBufferPointer? {
        guard let upper = unsafe upper, let last = page.last, unsafe TreeKey.compare(last.key, upper) >= 0
        else { return nil }
        return unsafe upper
    }

    @inline(never)
    private static func offPageByteCount(_ record: Record) -> Int { Int(clamping: record.valueReference.byteCount) }

    /// Gives the latch of `leaf` back to those who wait for it, and latches the leaf that has, or would have, the row
    /// after the one at `origin`.
    ///
    /// Waits.
    @inline(never)
    private func letOthersIn(_ leaf: Frame, at origin: Int) throws(RedoubtError) -> (leaf: Frame, origin: Int) {
        let shown = unsafe IndexPage(leaf.bytes).record(at: origin).key
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: shown.count, alignment: 1)
        defer { unsafe copy.deallocate() }
        unsafe copy.copyMemory(from: shown)
        leaf.unlockShared()
        let key = UnsafeRawBufferPointer(copy)
        let leaf = unsafe try latchLeaf(.covering(key), exclusively: false)
        let page = IndexPage(leaf.bytes)
        let found = unsafe page.search(key, kernel.pool.searchIndex(for: leaf))
        return (leaf, page.record(at: found.predecessor).next)
    }

    /// Latches the right neighbour before it gives `leaf` back, so that no row can move between them.
    ///
    /// Waits.
    func crossRight(from leaf: Frame, to next: PageNumber) throws(RedoubtError) -> Frame {
        let own = leaf.bytes.number
        let right: Frame
        do throws(RedoubtError) {
            guard next != own, next.rawValue < space.pageCount else {
                throw corrupt(own, "has page \(next) as its right sibling")
            }
            right = try kernel.pool.fetchShared(id(next), hint: SearchIndex.noFrame)
        } catch {
            leaf.unlockShared()
            throw error
        }
        let page = IndexPage(right.bytes)
        var reason = nodeFault(right, level: 0)
        if reason == nil, right.bytes.previous != own {
            reason = "has page \(right.bytes.previous) as its left sibling, but is the right one of \(own)"
        }
        // What ends a walk over damaged links: keys go up.
        if reason == nil, let last = IndexPage(leaf.bytes).last, let first = page.first,
            unsafe TreeKey.compare(first.key, last.key) <= 0
        {
            reason = "holds keys that are not greater than those of its left sibling"
        }
        leaf.unlockShared()
        if let reason {
            right.unlockShared()
            throw corrupt(next, reason)
        }
        if page.next != .none { kernel.pool.prefetch(id(page.next)) }
        return right
    }
}
