import CRedoubtShims
import RedoubtCore
import Synchronization

// Reading the arrays. Indices are taken as given by bounded loops; a block is never left because the callers bound
// them by the capacity that the handle implies, and the accessors clamp those that come from elsewhere.
extension SearchIndex {
    /// The bytes of the prefix that the index keeps; of a longer one, those behind stand in any key of the page.
    static var keptPrefixByteCount: Int { 16 }

    /// The first 8 bytes of the prefix that all keys share; bytes beyond the prefix are 0.
    @inline(__always)
    var prefixWord: UInt64 { unsafe prefixPointer(0).pointee.load(ordering: .relaxed) }

    /// The second 8 bytes of the prefix; bytes beyond the prefix are 0.
    @inline(__always)
    var secondPrefixWord: UInt64 { unsafe prefixPointer(1).pointee.load(ordering: .relaxed) }

    @inline(__always)
    private func prefixPointer(_ number: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (base + (8 &+ 8 &* number)).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always)
    private func headPointer(_ rank: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (base + (Self.headerByteCount &+ 4 &* rank)).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inline(__always)
    private func offsetPointer(_ rank: Int, hasChildren: Bool) -> UnsafeMutablePointer<Atomic<UInt16>> {
        let first = Self.headerByteCount &+ 4 &* capacity(hasChildren: hasChildren)
        return unsafe (base + (first &+ 2 &* rank)).assumingMemoryBound(to: Atomic<UInt16>.self)
    }

    @inline(__always)
    private func childPointer(_ rank: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        let first = Self.headerByteCount &+ 6 &* capacity(hasChildren: true)
        return unsafe (base + (first &+ 4 &* rank)).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// The head of the record at `rank`, which must be below the capacity.
    @inline(__always)
    func head(at rank: Int) -> UInt32 { unsafe headPointer(rank).pointee.load(ordering: .relaxed) }

    /// The origin of the record at `rank`, which is clamped to the block.
    @inline(__always)
    func offset(at rank: Int, hasChildren: Bool) -> Int {
        let limit = capacity(hasChildren: hasChildren) &- 1
        let bounded = rank < limit ? rank : limit
        let value = unsafe offsetPointer(bounded, hasChildren: hasChildren).pointee.load(ordering: .relaxed)
        return Int(value) & PageBytes.offsetMask
    }

    /// The origin of the record at `rank`, which must be below `capacity`, that of the block for its kind of page.
    @inline(__always)
    func offset(ofRank rank: Int, _ capacity: Int) -> Int {
        let place = unsafe base + (Self.headerByteCount &+ 4 &* capacity &+ 2 &* rank)
        let value = unsafe place.assumingMemoryBound(to: Atomic<UInt16>.self).pointee.load(ordering: .relaxed)
        return Int(value) & PageBytes.offsetMask
    }

    /// The frame that held the child at `rank`, which must be below `capacity`, when somebody last looked.
    @inline(__always)
    func childFrame(ofRank rank: Int, _ capacity: Int) -> UInt32 {
        let place = unsafe base + (Self.headerByteCount &+ 6 &* capacity &+ 4 &* rank)
        return unsafe place.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .relaxed)
    }

    /// The number of heads in `start..<end` that are not greater than `head`, plus `start`.
    @inline(__always)
    func upperBound(of head: UInt32, from start: Int, to end: Int) -> Int {
        guard start < end else { return start }
        let first = unsafe UnsafeRawPointer(base + (Self.headerByteCount &+ 4 &* start))
        return unsafe start &+ redoubt_upper_bound(first, end &- start, head)
    }

    /// Has the processor fetch the heads and the first offsets, all at once, for a search that is about to begin.
    @inline(__always)
    func prefetch() {
        guard !isNone else { return }
        let lineCount = Int(word >> 48) &* 3 / 4
        if lineCount >= Self.prefetchLineMaximum {
            // Without a loop: most leaves have as many.
            for line in 0..<Self.prefetchLineMaximum { unsafe redoubt_prefetch(base + 64 &* line) }
            return
        }
        for line in 0..<lineCount { unsafe redoubt_prefetch(base + 64 &* line) }
    }

    /// As many lines as a leaf of rows of 100 bytes has; more would push out what is needed first.
    private static var prefetchLineMaximum: Int { 12 }

    /// The frame that held the child at `rank` when somebody last looked.
    @inline(__always)
    func childFrame(at rank: Int) -> UInt32 {
        let limit = capacity(hasChildren: true) &- 1
        let bounded = rank < 0 ? 0 : (rank < limit ? rank : limit)
        return unsafe childPointer(bounded).pointee.load(ordering: .relaxed)
    }

    /// Remembers the frame of the child at `rank`.
    ///
    /// The caller holds at least a shared latch on the page.
    func setChildFrame(_ frame: UInt32, at rank: Int) {
        let state = state
        guard state.isValid, state.hasChildren, rank >= 0, rank < state.count, rank < capacity(hasChildren: true)
        else { return }
        unsafe childPointer(rank).pointee.store(frame, ordering: .relaxed)
    }
}

// Building and keeping up, under the page's exclusive latch (or before anybody else knows the block).
extension SearchIndex {
    /// Describes `page`; returns false and stays invalid if the block is too small or the page's list is broken.
    @discardableResult
    func build(from page: IndexPage) -> Bool {
        guard !isNone else { return false }
        invalidate()
        let count = page.recordCount
        let hasChildren = !page.isLeaf
        guard count <= capacity(hasChildren: hasChildren) else { return false }
        let hasMinimum = count > 0 && page.record(at: page.firstOrigin).isMinimum
        let prefix = Self.prefixByteCount(of: page, hasMinimum: hasMinimum)
        var origin = page.firstOrigin
        for rank in 0..<count {
            guard origin != IndexPage.supremum else { return false }
            let record = page.record(at: origin)
            unsafe put(
                head: KeyOrder.head(record.key, from: prefix),
                origin: origin,
                at: rank,
                hasChildren: hasChildren
            )
            if hasChildren { unsafe childPointer(rank).pointee.store(Self.noFrame, ordering: .relaxed) }
            origin = record.next
        }
        guard origin == IndexPage.supremum else { return false }
        if prefix > 0 {
            unsafe storePrefix(page.record(at: offset(at: hasMinimum ? 1 : 0, hasChildren: hasChildren)).key, prefix)
        }
        state = State(count: count, prefixByteCount: prefix, hasChildren: hasChildren, hasMinimum: hasMinimum)
        return true
    }

    /// What all keys of a page begin with is what its first and its last begin with; the minimum record is no key.
    private static func prefixByteCount(of page: IndexPage, hasMinimum: Bool) -> Int {
        guard page.recordCount >= (hasMinimum ? 3 : 2) else { return 0 }
        var first = page.firstOrigin
        if hasMinimum { first = page.record(at: first).next }
        guard first != IndexPage.supremum, let last = page.last else { return 0 }
        return unsafe KeyOrder.commonPrefix(page.record(at: first).key, last.key)
    }

    private func storePrefix(_ key: UnsafeRawBufferPointer, _ count: Int) {
        let first = unsafe KeyOrder.word(key, from: 0) & KeyOrder.mask(count)
        let second = count > 8 ? unsafe KeyOrder.word(key, from: 8) & KeyOrder.mask(count &- 8) : 0
        unsafe prefixPointer(0).pointee.store(first, ordering: .relaxed)
        unsafe prefixPointer(1).pointee.store(second, ordering: .relaxed)
    }

    @inline(__always)
    private func put(head: UInt32, origin: Int, at rank: Int, hasChildren: Bool) {
        unsafe headPointer(rank).pointee.store(head, ordering: .relaxed)
        unsafe offsetPointer(rank, hasChildren: hasChildren).pointee
            .store(UInt16(truncatingIfNeeded: origin), ordering: .relaxed)
    }

    /// Returns the rank of the record at `origin`, whose head is `head`, or -1.
    func rank(of origin: Int, head: UInt32, _ state: State) -> Int {
        if state.hasMinimum, offset(at: 0, hasChildren: state.hasChildren) == origin { return 0 }
        let start = state.hasMinimum ? 1 : 0
        let count = min(state.count, capacity(hasChildren: state.hasChildren))
        var rank = upperBound(of: head, from: start, to: count) &- 1
        while rank >= start, self.head(at: rank) == head {
            if offset(at: rank, hasChildren: state.hasChildren) == origin { return rank }
            rank &-= 1
        }
        return -1
    }

    /// Takes in a record that was inserted into `page` after `predecessor`, or invalidates itself.
    func insert(origin: Int, after predecessor: Int, page: IndexPage) {
        let state = state
        guard state.isValid else { return }
        let record = page.record(at: origin)
        let key = unsafe record.key
        let count = state.count
        guard count < capacity(hasChildren: state.hasChildren), state.hasChildren == !page.isLeaf, !record.isMinimum,
            unsafe sharesPrefix(key, page, state)
        else { return invalidate() }
        let head = unsafe KeyOrder.head(key, from: state.prefixByteCount)
        let start = state.hasMinimum ? 1 : 0
        var rank = upperBound(of: head, from: start, to: count)
        while rank > 0, offset(at: rank &- 1, hasChildren: state.hasChildren) != predecessor { rank &-= 1 }
        guard rank > 0 || (predecessor == IndexPage.infimum && start == 0) else { return invalidate() }
        shift(from: rank, to: rank &+ 1, count: count &- rank, hasChildren: state.hasChildren)
        put(head: head, origin: origin, at: rank, hasChildren: state.hasChildren)
        if state.hasChildren { unsafe childPointer(rank).pointee.store(Self.noFrame, ordering: .relaxed) }
        self.state = State(word: state.word &+ 1)
    }

    private func sharesPrefix(_ key: UnsafeRawBufferPointer, _ page: IndexPage, _ state: State) -> Bool {
        let prefix = state.prefixByteCount
        if prefix == 0 { return true }
        guard key.count >= prefix, state.count > (state.hasMinimum ? 1 : 0) else { return false }
        guard unsafe KeyOrder.word(key, from: 0) & KeyOrder.mask(prefix) == prefixWord else { return false }
        if prefix <= 8 { return true }
        let sample = unsafe page.record(at: offset(at: state.hasMinimum ? 1 : 0, hasChildren: state.hasChildren)).key
        guard sample.count >= prefix else { return false }
        return unsafe KeyOrder.compare(
            UnsafeRawBufferPointer(rebasing: key[0..<prefix]),
            UnsafeRawBufferPointer(rebasing: sample[0..<prefix])
        ) == 0
    }

    /// Forgets the record at `origin`, which is still as it was in `page`, or invalidates itself.
    func remove(origin: Int, page: IndexPage) {
        let state = state
        guard state.isValid else { return }
        let head = unsafe KeyOrder.head(page.record(at: origin).key, from: state.prefixByteCount)
        let rank = rank(of: origin, head: head, state)
        guard rank >= 0, !(rank == 0 && state.hasMinimum) else { return invalidate() }
        shift(from: rank &+ 1, to: rank, count: state.count &- rank &- 1, hasChildren: state.hasChildren)
        self.state = State(word: state.word &- 1)
    }

    /// Notes that the record at `origin` now begins at `target`; its key, which `page` has at `target`, is the same.
    func move(origin: Int, to target: Int, page: IndexPage) {
        let state = state
        guard state.isValid else { return }
        let head = unsafe KeyOrder.head(page.record(at: target).key, from: state.prefixByteCount)
        let rank = rank(of: origin, head: head, state)
        guard rank >= 0 else { return invalidate() }
        unsafe offsetPointer(rank, hasChildren: state.hasChildren).pointee
            .store(UInt16(truncatingIfNeeded: target), ordering: .relaxed)
    }

    /// Forgets the frame of the child of the node pointer at `origin`.
    func forgetChildFrame(origin: Int, page: IndexPage) {
        let state = state
        guard state.isValid, state.hasChildren else { return }
        let head = unsafe KeyOrder.head(page.record(at: origin).key, from: state.prefixByteCount)
        setChildFrame(Self.noFrame, at: rank(of: origin, head: head, state))
    }

    private func shift(from source: Int, to target: Int, count: Int, hasChildren: Bool) {
        guard count > 0 else { return }
        unsafe UnsafeMutableRawPointer(headPointer(target)).copyMemory(from: headPointer(source), byteCount: 4 &* count)
        unsafe UnsafeMutableRawPointer(offsetPointer(target, hasChildren: hasChildren))
            .copyMemory(from: offsetPointer(source, hasChildren: hasChildren), byteCount: 2 &* count)
        if hasChildren {
            unsafe UnsafeMutableRawPointer(childPointer(target))
                .copyMemory(from: childPointer(source), byteCount: 4 &* count)
        }
    }
}
