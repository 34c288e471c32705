/// What the page cleaner should do until the next decision.
package struct FlushingRecommendation: Sendable, Hashable {
    /// Why pages are written from the flush lists.
    package var mode = Mode.none
    /// Pages to write from the flush list of each instance, oldest first.
    package var listPages: [Int]
    /// Only pages whose oldest change is below this are written from flush lists.
    package var lsnLimit = UInt64.max
    /// The most pages that an LRU batch may write in an instance.
    ///
    /// Holds for this round and for batches between two decisions, which are run when a thread runs short of frames.
    /// Never 0 while an instance is short: whatever flush lists need, frames come free.
    package var lruPages: Int
    /// Whether LRU batches come before flush-list batches.
    package var flushesLRUFirst = true
    /// Nanoseconds until the next decision; 0 is at once.
    package var nextRound: UInt64 = 1_000_000_000
    /// Whether ``listPages`` are spread over ``nextRound`` instead of being written at once.
    package var isPaced = false
    /// Most writes to have in flight; nil is the depth of the queue.
    package var writeWindow: Int?
    /// Bytes of redo that writers may add in a second; nil is as many as they like.
    package var admission: Double?
    /// Whence the numbers come, for counters.
    package var figures = Figures()

    /// Creates a recommendation to write nothing from the flush lists of so many instances.
    package init(instanceCount: Int, lruPages: Int) {
        listPages = [Int](repeating: 0, count: instanceCount)
        self.lruPages = lruPages
    }

    /// Why pages are written from flush lists.
    package enum Mode: String, Sendable, Hashable, CaseIterable {
        /// Nothing is to be written.
        case none
        /// Nothing else happens.
        case idle
        /// The share of dirty pages, or the age, asks for it.
        case active
        /// The redo log is nearly full.
        case sync
    }

    /// Whence the numbers come.
    package struct Figures: Sendable, Hashable {
        /// Percent of the capacity that the dirty share asks for.
        package var percentForDirty = 0
        /// Percent of the capacity that the age asks for.
        package var percentForAge = 0
        /// Pages written per second, as averaged.
        package var averagePageRate = 0
        /// Bytes of redo per second, as averaged.
        package var averageLSNRate = 0
        /// The age that flushing holds; 0 if the policy has none.
        package var targetAge = 0

        /// Creates figures of nothing.
        package init() {}
    }
}
