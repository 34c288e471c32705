import RedoubtCore
import RedoubtSystem

// What a dump names, and what of it a load may read.
extension BufferPool {
    /// The pages that `percent` of each LRU list hold, from the most recently used on, the instances in turn: so the
    /// first pages are the best also for a smaller pool.
    func recentlyUsedPages(percent: Int) -> [PageID] {
        let lists = instances.map { instance in
            instance.mostRecentPages(count: instance.pageCount * percent / 100)
        }
        var pages: [PageID] = []
        pages.reserveCapacity(lists.reduce(0) { $0 + $1.count })
        for position in 0..<(lists.map(\.count).max() ?? 0) {
            for list in lists where position < list.count { pages.append(list[position]) }
        }
        return pages
    }

    /// Those of `pages` that lie in an open file, are not in memory, and for which there are free frames beyond those
    /// that the cleaner keeps: a load never evicts.
    func loadablePages(_ pages: some Sequence<PageID>) -> [PageID] {
        var taken = [Int](repeating: 0, count: instances.count)
        return pages.filter { page in
            guard let file = files.file(page.space), page.number.rawValue < file.pageCount,
                table.find(page) == nil
            else { return false }
            let instance = instance(of: page)
            guard instance.freeCount - taken[instance.number] > instance.freeTarget else { return false }
            taken[instance.number] += 1
            return true
        }
    }
}

extension PoolInstance {
    /// The entries that are looked at without letting go of the lock.
    private static var dumpStretch: Int { 256 }

    /// At most `count` pages of the LRU list from its head on.
    ///
    /// The list may change between stretches: a page may then be missing, or there twice.
    func mostRecentPages(count: Int) -> [PageID] {
        var pages: [PageID] = []
        pages.reserveCapacity(min(count, pageCount))
        var anchor = FrameState.noFrame
        while pages.count < count {
            lruLock.lock()
            var index = lru.head
            if anchor != FrameState.noFrame {
                let last = frame(anchor)
                if last.has(FrameFlags.listed), last.pageID == pages.last {
                    index = lru.next(last)
                } else {
                    // It has left: as many entries from the head on lead to about the same place.
                    for _ in 0..<pages.count where index != FrameState.noFrame { index = lru.next(frame(index)) }
                }
            }
            var left = min(Self.dumpStretch, count - pages.count)
            while index != FrameState.noFrame && left > 0 {
                pages.append(frame(index).pageID)
                anchor = index
                index = lru.next(frame(index))
                left -= 1
            }
            lruLock.unlock()
            if index == FrameState.noFrame { break }
        }
        return pages
    }
}
