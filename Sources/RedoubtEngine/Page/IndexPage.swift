import RedoubtCore

/// A page of a B+-tree: header, two fixed records, a heap of records linked in key order, a directory from the end.
///
///     0 page header | 38 index header | 74 segments (root) | 94 infimum, supremum | 120 heap -> <- directory | 16376
///
/// Accessors read what is there and never trap. Changes are made by ``PageOperation``.
@safe
struct IndexPage: Sendable {
    /// The page.
    let bytes: PageBytes

    /// Creates the view of an index page.
    @inline(__always)
    init(_ bytes: PageBytes) {
        self.bytes = bytes
    }

    /// Offsets of the index header's fields.
    enum Offset {
        static let slotCount = 38
        static let heapTop = 40
        static let heapCount = 42
        static let freeHead = 44
        static let garbage = 46
        static let lastInsert = 48
        static let direction = 50
        static let directionCount = 52
        static let recordCount = 54
        static let maximumTransaction = 56
        static let level = 64
        static let indexID = 66
        /// The root's reference to the inode of the leaf segment: space 4, page 4, offset 2.
        static let leafSegment = 74
        /// The root's reference to the inode of the segment of the other levels.
        static let nodeSegment = 84
    }

    /// The origin of the fixed record before all others.
    static let infimum = 99
    /// The origin of the fixed record after all others.
    static let supremum = 112
    /// The first byte of the heap.
    static let heapStart = 120
    /// The end of the directory, which grows downwards from here.
    static let directoryEnd = 16376
    /// The free bytes of an empty page.
    static let emptyCapacity = 16252
    /// The heap number of the first record that is not fixed.
    static let firstHeapNumber = 2
    /// The most records that can ever be in a heap.
    static let heapCountMaximum = 8191
    /// The fewest records that a group between the fixed ones owns.
    static let ownedMinimum = 4
    /// The most records that a group owns.
    static let ownedMaximum = 8

    /// The direction of the last inserts.
    enum Direction {
        static let left: UInt16 = 1
        static let right: UInt16 = 2
        static let none: UInt16 = 5
    }

    // MARK: Header

    /// The number of directory slots.
    @inline(__always)
    var slotCount: Int {
        get { Int(bytes.u16(at: Offset.slotCount)) }
        nonmutating set { bytes.store(UInt16(truncatingIfNeeded: newValue), at: Offset.slotCount) }
    }

    /// The first byte after the heap.
    @inline(__always)
    var heapTop: Int {
        get { Int(bytes.u16(at: Offset.heapTop)) }
        nonmutating set { bytes.store(UInt16(truncatingIfNeeded: newValue), at: Offset.heapTop) }
    }

    /// The number of records in the heap: live, freed, and the two fixed ones.
    @inline(__always)
    var heapCount: Int {
        get { Int(bytes.u16(at: Offset.heapCount) & 0x7FFF) }
        nonmutating set { bytes.store(UInt16(truncatingIfNeeded: newValue) | 0x8000, at: Offset.heapCount) }
    }

    /// The origin of the first freed record, or 0.
    @inline(__always)
    var freeHead: Int {
        get { Int(bytes.u16(at: Offset.freeHead)) }
        nonmutating set { bytes.store(UInt16(truncatingIfNeeded: newValue), at: Offset.freeHead) }
    }

    /// The bytes of the heap that no live record takes.
    @inline(__always)
    var garbage: Int {
        get { Int(bytes.u16(at: Offset.garbage)) }
        nonmutating set { bytes.store(UInt16(truncatingIfNeeded: newValue), at: Offset.garbage) }
    }

    /// The origin of the record inserted last, or 0.
    @inline(__always)
    var lastInsert: Int {
        get { Int(bytes.u16(at: Offset.lastInsert)) }
        nonmutating set { bytes.store(UInt16(truncatingIfNeeded: newValue), at: Offset.lastInsert) }
    }

    /// Where the last inserts went, ``Direction``.
    @inline(__always)
    var direction: UInt16 {
        get { bytes.u16(at: Offset.direction) }
        nonmutating set { bytes.store(newValue, at: Offset.direction) }
    }

    /// The number of consecutive inserts in ``direction``.
    @inline(__always)
    var directionCount: Int {
        get { Int(bytes.u16(at: Offset.directionCount)) }
        nonmutating set { bytes.store(UInt16(truncatingIfNeeded: newValue), at: Offset.directionCount) }
    }

    /// The number of live records, delete-marked ones included.
    @inline(__always)
    var recordCount: Int {
        get { Int(bytes.u16(at: Offset.recordCount)) }
        nonmutating set { bytes.store(UInt16(truncatingIfNeeded: newValue), at: Offset.recordCount) }
    }

    /// The level of the page in the tree; 0 is a leaf.
    @inline(__always)
    var level: Int { Int(bytes.u16(at: Offset.level)) }

    /// Whether the page is a leaf.
    @inline(__always)
    var isLeaf: Bool { bytes.u16(at: Offset.level) == 0 }

    /// The id of the index, the same on every page of a tree.
    var indexID: UInt64 { bytes.u64(at: Offset.indexID) }

    /// The left sibling, or none.
    var previous: PageNumber { bytes.previous }
    /// The right sibling, or none.
    var next: PageNumber { bytes.next }

    // MARK: Records and directory

    /// Returns the record at `origin`.
    @inline(__always)
    func record(at origin: Int) -> Record { Record(page: bytes, origin: origin) }

    /// The origin of the first record, or of the supremum.
    var firstOrigin: Int { record(at: Self.infimum).next }

    /// The first record, if there is one.
    var first: Record? {
        let origin = firstOrigin
        return origin == Self.supremum || recordCount == 0 ? nil : record(at: origin)
    }

    /// The last record, if there is one: found through the last group, in at most 8 steps.
    var last: Record? {
        guard recordCount > 0 else { return nil }
        let origin = predecessor(of: Self.supremum)
        return origin == Self.infimum ? nil : record(at: origin)
    }

    /// Returns the record after the one at `origin`, or nil at the end.
    @inline(__always)
    func record(after origin: Int) -> Record? {
        let next = record(at: origin).next
        return next == Self.supremum ? nil : record(at: next)
    }

    /// Returns the record before the one at `origin`, or nil at the start.
    func record(before origin: Int) -> Record? {
        let previous = predecessor(of: origin)
        return previous == Self.infimum ? nil : record(at: previous)
    }

    /// Returns the origin of the record before the one at `origin`; the infimum where it cannot be found.
    func predecessor(of origin: Int) -> Int {
        let slot = slotOfGroup(of: origin)
        guard slot > 0 else { return Self.infimum }
        var current = slotOrigin(slot &- 1)
        for _ in 0..<16 {
            let next = record(at: current).next
            if next == origin { return current }
            current = next
        }
        return Self.infimum
    }

    /// Returns the origin that directory slot `slot` holds.
    @inline(__always)
    func slotOrigin(_ slot: Int) -> Int {
        Int(bytes.u16(at: Self.directoryEnd &- 2 &* (slot &+ 1))) & PageBytes.offsetMask
    }

    /// Returns the origin of the record that owns the group of `origin`, or 0 if there is none within 16 steps.
    @inline(__always)
    func owner(of origin: Int) -> Int {
        var current = origin
        for _ in 0..<16 {
            let record = record(at: current)
            if record.ownedCount != 0 { return current }
            current = record.next
        }
        return 0
    }

    /// Returns the slot that owns the group of `origin`, or -1.
    func slotOfGroup(of origin: Int) -> Int { slot(ofOwner: owner(of: origin)) }

    /// Returns the slot that holds `owner`, or -1; looks at no more slots than a page can have.
    func slot(ofOwner owner: Int) -> Int {
        if owner == 0 { return -1 }
        let count = boundedSlotCount
        if owner == Self.supremum { return slotOrigin(count &- 1) == owner ? count &- 1 : -1 }
        var slot = 0
        while slot < count {
            if slotOrigin(slot) == owner { return slot }
            slot &+= 1
        }
        return -1
    }

    /// The number of slots, or what a page can hold if the header says more.
    @inline(__always)
    var boundedSlotCount: Int {
        let count = slotCount
        return count > 4096 ? 4096 : count
    }
}

// Space. InnoDB: page_get_max_insert_size and its kin.
extension IndexPage {
    /// The bytes of directory that `recordCount` records may need.
    @inline(__always)
    static func directoryReserve(_ recordCount: Int) -> Int { (2 &* recordCount &+ 3) / 4 }

    /// The bytes of all live records.
    @inline(__always)
    var dataByteCount: Int { heapTop &- Self.heapStart &- garbage }

    /// The bytes that `count` more records may take together in the gap after the heap.
    @inline(__always)
    func maximumInsertSize(count: Int = 1) -> Int {
        let used = heapTop &- Self.heapStart &+ Self.directoryReserve(heapCount &- 2 &+ count)
        return used > Self.emptyCapacity ? 0 : Self.emptyCapacity &- used
    }

    /// The bytes that `count` more records may take together once the page is reorganized.
    @inline(__always)
    func maximumInsertSizeAfterReorganize(count: Int = 1) -> Int {
        let used = dataByteCount &+ Self.directoryReserve(recordCount &+ count)
        return used > Self.emptyCapacity ? 0 : Self.emptyCapacity &- used
    }

    /// Whether a record of `byteCount` bytes fits as the page is.
    @inline(__always)
    func fits(byteCount: Int) -> Bool {
        // Every change leaves room for one slot more, also where records that came and went left many small groups.
        let gap = Self.directoryEnd &- 2 &* (slotCount &+ 1) &- heapTop
        let free = freeHead
        if free != 0 && record(at: free).byteCount >= byteCount { return gap >= 0 }
        return byteCount <= gap && byteCount <= maximumInsertSize() && heapCount < Self.heapCountMaximum
    }

    /// Whether `image` fits as the page is.
    func fits(_ image: RecordImage) -> Bool { fits(byteCount: image.byteCount) }

    /// Whether a record of `byteCount` bytes fits once the page is reorganized.
    func fitsAfterReorganize(byteCount: Int) -> Bool { byteCount <= maximumInsertSizeAfterReorganize() }

    /// Whether `image` fits once the page is reorganized.
    func fitsAfterReorganize(_ image: RecordImage) -> Bool { fitsAfterReorganize(byteCount: image.byteCount) }

    /// Whether the record at `origin` can be replaced by one of `byteCount` bytes as the page is.
    func fitsReplacing(_ origin: Int, byteCount: Int) -> Bool {
        record(at: origin).byteCount >= byteCount || fits(byteCount: byteCount)
    }

    /// Whether the record at `origin` can be replaced by one of `byteCount` bytes once the page is reorganized.
    ///
    /// The old record keeps its place until the new one has its own, so both must fit unless the new one is not larger.
    func fitsReplacingAfterReorganize(_ origin: Int, byteCount: Int) -> Bool {
        record(at: origin).byteCount >= byteCount || byteCount <= maximumInsertSizeAfterReorganize()
    }

    /// Whether records of `byteCount` bytes together, `count` of them, fit after the heap as the page is.
    func fits(byteCount: Int, count: Int) -> Bool {
        byteCount <= maximumInsertSize(count: count) && heapCount &+ count <= Self.heapCountMaximum
    }
}
