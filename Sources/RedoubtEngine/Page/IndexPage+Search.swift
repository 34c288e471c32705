import RedoubtCore

// Searching. On any bytes it ends after a bounded number of steps and reads only the page and the block of the index.
extension IndexPage {
    /// Returns where `key` is, or would be.
    ///
    /// Uses `index` if it is valid, else the page directory.
    @inline(__always)
    func search(_ key: UnsafeRawBufferPointer, _ index: SearchIndex) -> SearchResult {
        let state = index.state
        if state.isValid {
            return unsafe search(key, index, state, hasChildren: state.hasChildren)
        }
        return unsafe searchDirectory(key)
    }

    /// Returns the origin of the record with `key` on a leaf, or nil if there is none.
    ///
    /// What ``search(_:_:)`` finds, in fewer steps: a key that is not there need not be told where it would be.
    @inline(always)
    func origin(of key: UnsafeRawBufferPointer, _ index: SearchIndex) -> Int? {
        let state = index.state
        guard state.isLeaf else { return unsafe originBySearch(key, index) }
        let capacity = index.capacity(hasChildren: false)
        let count = state.count < capacity ? state.count : capacity
        // A key that does not begin as all others do equals none of them, whatever its head.
        let head = unsafe KeyOrder.head(key, from: state.prefixByteCount)
        let candidate = index.upperBound(of: head, from: 0, to: count) &- 1
        if candidate < 0 || index.head(at: candidate) != head { return nil }
        let origin = index.offset(ofRank: candidate, capacity)
        if unsafe KeyOrder.isEqual(key, record(at: origin).key) { return origin }
        if candidate == 0 || index.head(at: candidate &- 1) != head { return nil }
        return unsafe originBySearch(key, index)
    }

    @inline(never)
    private func originBySearch(_ key: UnsafeRawBufferPointer, _ index: SearchIndex) -> Int? {
        let found = unsafe search(key, index)
        return found.isMatch ? found.predecessor : nil
    }

    /// Returns the child that `key` belongs to, on a page that is not a leaf.
    @inline(__always)
    func child(for key: UnsafeRawBufferPointer, _ index: SearchIndex) -> ChildSearchResult {
        let state = index.state
        return state.isNode ? unsafe child(for: key, index, state) : unsafe childByDirectory(key)
    }

    /// The same with a search index that describes a page that is not a leaf, as its `state` says.
    @inline(always)
    func child(
        for key: UnsafeRawBufferPointer,
        _ index: SearchIndex,
        _ state: SearchIndex.State
    ) -> ChildSearchResult {
        let capacity = index.capacity(hasChildren: true)
        let rank = unsafe childRank(key, index, state, capacity)
        let origin = index.offset(ofRank: rank, capacity)
        return ChildSearchResult(
            child: record(at: origin).child,
            origin: origin,
            rank: rank,
            frame: index.childFrame(ofRank: rank, capacity)
        )
    }

    @inline(never)
    private func childByDirectory(_ key: UnsafeRawBufferPointer) -> ChildSearchResult {
        let found = unsafe searchDirectory(key)
        let origin = found.predecessor == Self.infimum ? firstOrigin : found.predecessor
        return ChildSearchResult(
            child: record(at: origin).child,
            origin: origin,
            rank: nil,
            frame: SearchIndex.noFrame
        )
    }

    /// Returns the rank of the pointer that `key` belongs to, which is below `capacity`.
    @inline(always)
    private func childRank(
        _ key: UnsafeRawBufferPointer,
        _ index: SearchIndex,
        _ state: SearchIndex.State,
        _ capacity: Int
    ) -> Int {
        let count = state.count < capacity ? state.count : capacity
        let start = state.hasMinimum ? 1 : 0
        let prefix = state.prefixByteCount
        var rank: Int
        if prefix > 0, case let order = unsafe comparePrefix(key, index, state, start), order != 0 {
            rank = (order < 0 ? start : count) &- 1
        } else {
            let head = unsafe KeyOrder.head(key, from: prefix)
            rank = index.upperBound(of: head, from: start, to: count) &- 1
            if rank >= start, index.head(at: rank) == head {
                rank = unsafe rankAmongEqualHeads(key, index, state, head: head, start: start, last: rank)
            }
        }
        // On bytes that are no page, there may be none.
        return rank < 0 ? 0 : rank
    }

    // MARK: By search index

    @inline(__always)
    private func found(_ rank: Int, isMatch: Bool, _ index: SearchIndex, hasChildren: Bool) -> SearchResult {
        let origin = rank < 0 ? Self.infimum : index.offset(at: rank, hasChildren: hasChildren)
        return SearchResult(predecessor: origin, isMatch: isMatch, rank: rank)
    }

    /// The search by heads: a binary search without branches over 4-byte numbers, then keys only among equal heads.
    @inline(__always)
    func search(
        _ key: UnsafeRawBufferPointer,
        _ index: SearchIndex,
        _ state: SearchIndex.State,
        hasChildren: Bool
    ) -> SearchResult {
        let capacity = index.capacity(hasChildren: hasChildren)
        let count = state.count < capacity ? state.count : capacity
        let start = state.hasMinimum ? 1 : 0
        let prefix = state.prefixByteCount
        if prefix > 0 {
            let order = unsafe comparePrefix(key, index, state, start)
            if order < 0 { return found(start &- 1, isMatch: false, index, hasChildren: hasChildren) }
            if order > 0 { return found(count &- 1, isMatch: false, index, hasChildren: hasChildren) }
        }
        let head = unsafe KeyOrder.head(key, from: prefix)
        let upper = index.upperBound(of: head, from: start, to: count)
        let candidate = upper &- 1
        if candidate < start || index.head(at: candidate) != head {
            return found(candidate, isMatch: false, index, hasChildren: hasChildren)
        }
        let origin = index.offset(at: candidate, hasChildren: hasChildren)
        let order = unsafe compare(key, from: prefix, withRecordAt: origin)
        if order >= 0 { return SearchResult(predecessor: origin, isMatch: order == 0, rank: candidate) }
        return unsafe searchTies(key, index, state, head: head, start: start, end: candidate)
    }

    /// Returns the rank of the greatest record that is not above `key`; the head of the one at `last` is that of the
    /// key, and those behind it are greater.
    @inline(never)
    private func rankAmongEqualHeads(
        _ key: UnsafeRawBufferPointer,
        _ index: SearchIndex,
        _ state: SearchIndex.State,
        head: UInt32,
        start: Int,
        last: Int
    ) -> Int {
        let origin = index.offset(at: last, hasChildren: state.hasChildren)
        if unsafe compare(key, from: state.prefixByteCount, withRecordAt: origin) >= 0 { return last }
        return unsafe searchTies(key, index, state, head: head, start: start, end: last).rank ?? 0
    }

    /// Searches among records whose heads equal the key's; those from `end` on are greater than the key.
    @inline(never)
    private func searchTies(
        _ key: UnsafeRawBufferPointer,
        _ index: SearchIndex,
        _ state: SearchIndex.State,
        head: UInt32,
        start: Int,
        end: Int
    ) -> SearchResult {
        var low = head == 0 ? start : index.upperBound(of: head &- 1, from: start, to: end)
        var high = end
        while low < high {
            let middle = (low &+ high) >> 1
            let origin = index.offset(at: middle, hasChildren: state.hasChildren)
            let order = unsafe compare(key, from: state.prefixByteCount, withRecordAt: origin)
            if order == 0 { return SearchResult(predecessor: origin, isMatch: true, rank: middle) }
            if order > 0 { low = middle &+ 1 } else { high = middle }
        }
        return found(low &- 1, isMatch: false, index, hasChildren: state.hasChildren)
    }

    /// Compares the beginning of `key` with what all keys of the page begin with.
    @inline(__always)
    private func comparePrefix(
        _ key: UnsafeRawBufferPointer,
        _ index: SearchIndex,
        _ state: SearchIndex.State,
        _ start: Int
    ) -> Int {
        let prefix = state.prefixByteCount
        let word = unsafe KeyOrder.word(key, from: 0) & KeyOrder.mask(prefix)
        let expected = index.prefixWord
        if word != expected { return word < expected ? -1 : 1 }
        if prefix > 8 {
            let second = unsafe KeyOrder.word(key, from: 8) & KeyOrder.mask(prefix &- 8)
            let expectedSecond = index.secondPrefixWord
            if second != expectedSecond { return second < expectedSecond ? -1 : 1 }
            if prefix > SearchIndex.keptPrefixByteCount {
                let order = unsafe compareLongPrefix(key, index, state, start)
                if order != 0 { return order }
            }
        }
        return key.count < prefix ? -1 : 0
    }

    /// Compares the beginning of `key` with a prefix that the index does not keep as a whole.
    @inline(never)
    private func compareLongPrefix(
        _ key: UnsafeRawBufferPointer,
        _ index: SearchIndex,
        _ state: SearchIndex.State,
        _ start: Int
    ) -> Int {
        let prefix = state.prefixByteCount
        let sample = unsafe record(at: index.offset(at: start, hasChildren: state.hasChildren)).key
        let common = key.count < prefix ? key.count : prefix
        let known = unsafe UnsafeRawBufferPointer(start: sample.baseAddress, count: min(common, sample.count))
        return unsafe KeyOrder.compare(UnsafeRawBufferPointer(start: key.baseAddress, count: common), known)
    }

    /// Compares the bytes of `key` after the first `skipped`, which are equal, with those of a record's key.
    @inline(__always)
    func compare(_ key: UnsafeRawBufferPointer, from skipped: Int, withRecordAt origin: Int) -> Int {
        let other = unsafe record(at: origin).key
        guard skipped <= key.count, skipped <= other.count, let left = key.baseAddress, let right = other.baseAddress
        else { return key.count &- other.count }
        return unsafe KeyOrder.compare(left + skipped, key.count &- skipped, right + skipped, other.count &- skipped)
    }

    // MARK: By page directory

    /// The search by page directory: binary over the slots, then along one group.
    @inline(never)
    func searchDirectory(_ key: UnsafeRawBufferPointer) -> SearchResult {
        var low = 0
        var high = boundedSlotCount &- 1
        var isMatch = false
        while high &- low > 1 {
            let middle = (low &+ high) >> 1
            let order = unsafe compare(key, withOrigin: slotOrigin(middle))
            if order >= 0 {
                low = middle
                isMatch = order == 0
            } else {
                high = middle
            }
        }
        var current = low == 0 ? Self.infimum : slotOrigin(low)
        for _ in 0..<16 where !isMatch {
            let next = record(at: current).next
            if next == Self.supremum { break }
            let order = unsafe compare(key, withOrigin: next)
            if order < 0 { break }
            current = next
            isMatch = order == 0
        }
        return SearchResult(predecessor: current, isMatch: isMatch, rank: nil)
    }

    /// Compares `key` with the record at `origin`; every key is greater than the minimum record.
    @inline(__always)
    private func compare(_ key: UnsafeRawBufferPointer, withOrigin origin: Int) -> Int {
        let record = record(at: origin)
        if record.isMinimum { return 1 }
        return unsafe KeyOrder.compare(key, record.key)
    }
}
