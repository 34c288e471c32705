import RedoubtCore
import RedoubtSystem

/// The page that is being filled on one level of a tree whose rows come in ascending order.
final class LevelBuilder {
    /// The level; 0 are the leaves.
    let level: Int
    /// The page's number; nil as long as the level has one page, which may turn out to be the root.
    var number: PageNumber?
    /// The page to the left.
    var previous = PageNumber.none
    /// The key that the pointer to this page will have.
    var firstKey: [UInt8] = []
    /// The records on the page.
    private(set) var recordCount = 0
    private var heapByteCount = 0
    private let memory: AlignedBuffer
    private let indexID: UInt64
    private let space: SpaceID

    /// The bytes of a page that are filled, of the 16252 that there are: what InnoDB fills too, so that a server that
    /// goes on in the file need not split every page at once.
    static let byteCountLimit = IndexPage.emptyCapacity / 16 * 15

    /// Creates an empty page.
    ///
    /// - Throws: `.systemLimit` if there is no memory.
    init(level: Int, space: SpaceID) throws(RedoubtError) {
        self.level = level
        self.space = space
        indexID = Space.indexID(of: space)
        memory = try AlignedBuffer(byteCount: 2 * pageByteCount)
        try clear()
    }

    /// The page.
    var page: PageBytes { unsafe PageBytes(memory.bytes.baseAddress.unsafelyUnwrapped) }

    private var id: PageID { PageID(space: space, number: number ?? .root) }

    private func clear() throws(RedoubtError) {
        try PageOperation.initializeIndex(level: UInt16(level), indexID: indexID).apply(to: page, id: id)
    }

    /// Whether a record of `byteCount` bytes finds room; on an empty page it always does.
    func hasRoom(byteCount: Int) -> Bool {
        recordCount == 0
            || heapByteCount + byteCount + IndexPage.directoryReserve(recordCount + 1) <= Self.byteCountLimit
    }

    /// Adds a record behind all others.
    func append(_ image: RecordImage) throws(RedoubtError) {
        let last = IndexPage(page).lastInsert
        try PageOperation.insertRecord(predecessor: recordCount == 0 ? IndexPage.infimum : last, image: image)
            .apply(to: page, id: id)
        recordCount += 1
        heapByteCount += image.byteCount
    }

    /// Begins the next page of the level, which is number `next`, right of the one that was filled.
    func advance(to next: PageNumber, firstKey: [UInt8]) throws(RedoubtError) {
        previous = number ?? .none
        number = next
        self.firstKey = firstKey
        recordCount = 0
        heapByteCount = 0
        try clear()
    }
}
