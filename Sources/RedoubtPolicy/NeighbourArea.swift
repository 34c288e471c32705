package import RedoubtCore

/// Which dirty pages are written together with one that must be written: a pure function of the pages around it.
///
/// On a disk with heads, pages that lie together cost little more than one of them. Everywhere else they only cost
/// bytes, because many of them would have changed again before their own turn.
///
/// ## References
/// InnoDB: `buf_flush_try_neighbors`, `buf_flush_check_neighbors`.
package struct NeighbourArea: Sendable, Hashable {
    /// Which neighbours are wanted.
    package var setting: Configuration.Neighbours
    /// The pages that are read ahead together; those of an extent.
    package var areaPageCount: Int
    /// The pages that fit into the instance of the page.
    package var instancePageCount: Int
    /// The pages in the LRU list of that instance.
    package var lruLength: Int

    /// Creates the inputs.
    package init(setting: Configuration.Neighbours, areaPageCount: Int, instancePageCount: Int, lruLength: Int) {
        self.setting = setting
        self.areaPageCount = areaPageCount
        self.instancePageCount = instancePageCount
        self.lruLength = lruLength
    }

    /// Below this length of the LRU list there are too few pages to say which of them lie together.
    ///
    /// InnoDB: `BUF_LRU_OLD_MIN_LEN`.
    package static var lruLengthMinimum: Int { 512 }

    /// The pages that are looked at for `page`: an aligned window that never leaves the extent of the page.
    package func window(of page: UInt32) -> Range<UInt32> {
        let alone = page..<(page == .max ? page : page + 1)
        guard setting != .none, lruLength >= Self.lruLengthMinimum, areaPageCount > 0 else { return alone }
        let width = UInt32(clamping: min(areaPageCount, instancePageCount / 16))
        guard width > 1 else { return alone }
        let extent = page - page % UInt32(clamping: areaPageCount)
        let low = max(page - page % width, extent)
        // Saturated, so that no number from a page can overflow.
        let high = min(UInt64(page - page % width) + UInt64(width), UInt64(extent) + UInt64(areaPageCount))
        return low..<UInt32(clamping: high)
    }

    /// Returns the pages to write because `page` must be: ascending, `page` always among them.
    ///
    /// Pages are taken from the lowest up until `budget` is met; then none but `page` itself.
    package func pages(around page: UInt32, budget: Int, isFlushable: (UInt32) -> Bool) -> [UInt32] {
        let window = window(of: page)
        // The number of no page is in no window.
        guard window.count > 1, window.contains(page) else { return [page] }
        var low = window.lowerBound
        var high = window.upperBound
        if setting == .contiguous {
            low = page
            while low > window.lowerBound && isFlushable(low - 1) { low -= 1 }
            high = page + 1
            while high < window.upperBound && isFlushable(high) { high += 1 }
        }
        var taken: [UInt32] = []
        for number in low..<high {
            if number == page {
                taken.append(number)
            } else if taken.count < budget && isFlushable(number) {
                taken.append(number)
            }
        }
        return taken
    }
}
