package import RedoubtCore

/// What a policy may know when it decides for the LRU flusher of one instance, after a batch.
package struct LRUInputs: Sendable {
    /// The monotonic time, in nanoseconds.
    package var now: UInt64 = 0
    /// Frames on the free list.
    package var freeFrameCount = 0
    /// Frames that should be free, as configured.
    package var freeFrameTarget = 0
    /// Pages in the LRU list.
    package var pageCount = 0
    /// Frames taken from the free list so far.
    package var framesTaken: UInt64 = 0
    /// Times that a thread waited for a frame so far.
    package var frameWaits: UInt64 = 0
    /// Pages that the last batch wrote.
    package var lastWritten = 0
    /// Frames that the last batch freed without writing.
    package var lastEvicted = 0
    /// The options.
    package var options = Configuration.Flushing()

    /// Creates inputs of an empty instance.
    package init() {}
}

/// What the LRU flusher of one instance should do.
package struct LRURecommendation: Sendable, Hashable {
    /// The most pages that the next batch may write.
    package var pages: Int
    /// Frames that should be free after it.
    package var freeTarget: Int
    /// Nanoseconds to wait before it, unless a thread runs short of frames.
    package var sleep: UInt64

    /// Creates a recommendation.
    package init(pages: Int, freeTarget: Int, sleep: UInt64) {
        self.pages = pages
        self.freeTarget = freeTarget
        self.sleep = sleep
    }
}
