import RedoubtCore

/// Where a page is cut in two when a record does not fit.
///
/// The records of the page and the new one are counted together in key order: the first `leftCount` stay, the others go
/// to the new right page.
struct SplitPoint: Equatable {
    /// The number of records, the new one included, that stay on the left.
    let leftCount: Int
    /// The position of the new record among all.
    let newIndex: Int

    /// Whether the new record stays on the left.
    var newGoesLeft: Bool { newIndex < leftCount }

    /// The sizes of a page's records in order, and their origins.
    struct Layout {
        var sizes: [Int] = []
        var origins: [Int] = []
        /// The position of the record after `predecessor`.
        var newIndex = 0

        init(_ page: IndexPage, after predecessor: Int) {
            let count = page.recordCount
            sizes.reserveCapacity(count + 1)
            origins.reserveCapacity(count)
            var origin = page.firstOrigin
            while origin != IndexPage.supremum, origins.count < count {
                let record = page.record(at: origin)
                origins.append(origin)
                sizes.append(record.byteCount)
                if origin == predecessor { newIndex = origins.count }
                origin = record.next
            }
        }
    }

    /// Chooses the point for a record of `size` bytes after `predecessor` on a page that it does not fit.
    static func choose(_ page: IndexPage, _ layout: Layout, predecessor: Int, size: Int) -> SplitPoint {
        let position = layout.newIndex
        let count = layout.origins.count
        var sizes = layout.sizes
        sizes.insert(size, at: position)
        let least = page.isLeaf ? 1 : 2
        if page.isLeaf || position == count, let preferred = sequential(page, predecessor, position, count),
            isPossible(sizes, max(least, min(preferred, count + 1 - least)))
        {
            return SplitPoint(leftCount: max(least, min(preferred, count + 1 - least)), newIndex: position)
        }
        return SplitPoint(leftCount: bySize(sizes, least: least), newIndex: position)
    }

    /// The number of records that stay left if inserts run in one direction, as InnoDB has it: ascending, the new
    /// record (and at most one after it) begins the new page; descending, the new record ends the old one.
    private static func sequential(_ page: IndexPage, _ predecessor: Int, _ position: Int, _ count: Int) -> Int? {
        let last = page.lastInsert
        // Appending at the right edge of a level is ascending even where the page was made by a copy of its records.
        let isRightEdge = position == count && page.next == .none
        if last != 0 && last == predecessor || isRightEdge {
            return position >= count - 1 ? position : position + 2
        }
        if last != 0, last == page.record(at: predecessor).next { return position + 1 }
        return nil
    }

    /// Whether both parts fit a page.
    private static func isPossible(_ sizes: [Int], _ leftCount: Int) -> Bool {
        guard leftCount > 0, leftCount < sizes.count else { return false }
        let left = sizes[..<leftCount].reduce(0, +)
        let right = sizes[leftCount...].reduce(0, +)
        return fits(left, leftCount) && fits(right, sizes.count - leftCount)
    }

    private static func fits(_ byteCount: Int, _ count: Int) -> Bool {
        byteCount + IndexPage.directoryReserve(count) <= IndexPage.emptyCapacity
    }

    /// Returns the number of records that stay left so that both parts are as equal as can be.
    ///
    /// There always is one that fits. Let `k` be the most records whose sum P fits the left page. The next record is at
    /// most 8125 bytes, so P >= 16253 - reserve(k + 1) - 8125. The old records fitted one page, so all n + 1 together
    /// are D <= 16252 - reserve(n) + 8125. Hence the rest, D - P + reserve(n + 1 - k), is at most 16249 - reserve(n)
    /// + reserve(k + 1) + reserve(n + 1 - k) <= 16251, because reserve(a) + reserve(b) exceeds reserve(a + b - 2) by
    /// at most 2. Pointers have at most 3083 bytes, so the same holds for nodes; and because a node that overflows
    /// has at least 6 pointers of which any 5 fit a page, both parts can have two.
    static func bySize(_ sizes: [Int], least: Int) -> Int {
        let total = sizes.reduce(0, +)
        var best = 0
        var bestDistance = Int.max
        var sum = 0
        for index in 0..<(sizes.count - 1) {
            sum += sizes[index]
            let leftCount = index + 1
            guard leftCount >= least, sizes.count - leftCount >= least else { continue }
            guard fits(sum, leftCount), fits(total - sum, sizes.count - leftCount) else { continue }
            let distance = abs(total - 2 * sum)
            if distance < bestDistance {
                best = leftCount
                bestDistance = distance
            }
        }
        precondition(best > 0, "no split point for \(sizes.count) records of \(total) bytes")
        return best
    }
}
