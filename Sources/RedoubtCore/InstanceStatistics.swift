/// How full one instance of the buffer pool is.
public struct InstanceStatistics: Sendable, Hashable {
    /// The pages that fit into it.
    public var frameCount: UInt64 = 0
    /// The frames without a page.
    public var freeFrameCount: UInt64 = 0
    /// The free frames that the page cleaner keeps.
    public var freeFrameTarget: UInt64 = 0
    /// The pages in it.
    public var pageCount: UInt64 = 0
    /// The pages in the old part of its LRU list.
    public var oldPageCount: UInt64 = 0
    /// The pages with changes that are not in their file yet.
    public var dirtyPageCount: UInt64 = 0

    /// An empty instance.
    package init() {}

    /// The figures in the order in which they are written down.
    package var words: [UInt64] {
        get { [frameCount, freeFrameCount, freeFrameTarget, pageCount, oldPageCount, dirtyPageCount] }
        set {
            guard newValue.count == Self.wordCount else { return }
            frameCount = newValue[0]
            freeFrameCount = newValue[1]
            freeFrameTarget = newValue[2]
            pageCount = newValue[3]
            oldPageCount = newValue[4]
            dirtyPageCount = newValue[5]
        }
    }

    /// The length of ``words``.
    package static let wordCount = 6
}
