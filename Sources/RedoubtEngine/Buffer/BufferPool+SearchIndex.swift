import RedoubtCore
import Synchronization

// Search indexes: built on the second search of a page, dropped with it.
extension BufferPool {
    /// Returns the search index of the page in `frame`, which the caller has latched; ``SearchIndex/none`` while there
    /// is none.
    ///
    /// The second search of a page builds it, under the caller's latch, by whichever thread comes first.
    @inline(__always)
    func searchIndex(for frame: Frame) -> SearchIndex {
        let index = SearchIndex(word: unsafe frame.state.pointee.searchIndex.load(ordering: .acquiring))
        if !index.isNone { return index }
        return buildSearchIndex(frame)
    }

    /// Returns the search index of the page in `frame`, which the caller reads without a latch and validates
    /// afterwards.
    @inline(__always)
    func searchIndexOptimistically(for frame: Frame, _ page: PageID) -> SearchIndex {
        let index = SearchIndex(word: unsafe frame.state.pointee.searchIndex.load(ordering: .acquiring))
        if !index.isNone { return index }
        return buildSearchIndexLatching(frame, page)
    }

    @inline(never)
    private func buildSearchIndexLatching(_ frame: Frame, _ page: PageID) -> SearchIndex {
        guard frame.tryLockShared() else { return .none }
        defer { frame.unlockShared() }
        guard frame.packedPageID == page.packed else { return .none }
        return buildSearchIndex(frame)
    }

    @inline(never)
    private func buildSearchIndex(_ frame: Frame) -> SearchIndex {
        // The first search pays nothing; neither do searches while another thread builds.
        let wanted = FrameFlags.searched
        if frame.set(wanted) & wanted == 0 { return .none }
        guard frame.set(FrameFlags.building) & FrameFlags.building == 0 else { return .none }
        defer { frame.clear(FrameFlags.building) }
        let present = SearchIndex(word: unsafe frame.state.pointee.searchIndex.load(ordering: .acquiring))
        guard present.isNone else { return present }
        guard frame.bytes.type == .index else { return .none }
        let page = IndexPage(frame.bytes)
        let byteCount = SearchIndex.byteCount(forRecords: Int(page.recordCount), isLeaf: page.isLeaf)
        let slabs = instance(of: frame).slabs
        guard let index = slabs.allocate(byteCount: byteCount) else { return .none }
        guard index.build(from: page) else {
            slabs.free(index)
            return .none
        }
        statistics.add(.searchIndexesBuilt, shard: frame.index)
        unsafe frame.state.pointee.searchIndex.store(index.word, ordering: .releasing)
        return index
    }

    /// The search index of the page in `frame`, for an operation to keep up to date, or to be searched if it is valid;
    /// who has not latched the page validates what was found.
    @inline(__always)
    func currentSearchIndex(_ frame: Frame) -> SearchIndex {
        SearchIndex(word: unsafe frame.state.pointee.searchIndex.load(ordering: .acquiring))
    }

    /// Drops the search index of the exclusively latched page in `frame` if it no longer describes the page.
    @inline(__always)
    func dropSearchIndexIfInvalid(_ frame: Frame, _ index: SearchIndex) {
        if !index.isNone && !index.isValid { dropSearchIndex(frame) }
    }

    /// Drops the search index of the exclusively latched page in `frame`, if there is one.
    func dropSearchIndex(_ frame: Frame) {
        let index = SearchIndex(
            word: unsafe frame.state.pointee.searchIndex.exchange(0, ordering: .acquiringAndReleasing)
        )
        if !index.isNone { instance(of: frame).slabs.free(index) }
    }
}
