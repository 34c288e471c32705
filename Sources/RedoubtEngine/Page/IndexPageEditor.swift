import RedoubtCore

/// The changes of index pages, as ``PageOperation`` defines them.
///
/// Each checks first, in a bounded number of steps that does not grow with the page where only one record changes, and
/// writes when nothing can fail any more.
@safe
struct IndexPageEditor {
    let page: IndexPage
    let bytes: PageBytes
    let id: PageID
    /// The sectors that were changed; stores in the header and the fixed records are not noted, because every write of
    /// a page has its first sector changed.
    private(set) var sectors = PageSectors.none

    @inline(__always)
    init(_ bytes: PageBytes, _ id: PageID) {
        page = IndexPage(bytes)
        self.bytes = bytes
        self.id = id
    }

    // MARK: Checks

    /// The error that says what is wrong with the page.
    @inline(never)
    func damage(_ what: StaticString, _ number: Int = 0) -> RedoubtError {
        RedoubtError(.corruptPage, "\(what) (\(number)), so the change cannot be applied", page: id)
    }

    /// Checks that the header describes a heap and a directory that lie within the page and do not overlap.
    @inline(__always)
    func checkHeader() throws(RedoubtError) {
        let slots = page.slotCount
        let top = page.heapTop
        guard bytes.typeCode == PageType.index.rawValue else {
            throw damage("page type is not index", Int(bytes.typeCode))
        }
        guard slots >= 2, slots <= 4096 else { throw damage("impossible number of directory slots", slots) }
        guard top >= IndexPage.heapStart, top &+ 2 &* slots <= IndexPage.directoryEnd else {
            throw damage("heap and directory overlap; heap top", top)
        }
        guard page.heapCount >= 2, page.heapCount <= IndexPage.heapCountMaximum else {
            throw damage("impossible number of heap records", page.heapCount)
        }
        guard page.recordCount <= page.heapCount &- 2 else {
            throw damage("impossible number of records", page.recordCount)
        }
    }

    /// The status that records of this page have.
    @inline(__always)
    var status: UInt8 { page.isLeaf ? Record.leafStatus : Record.nodeStatus }

    /// Checks that a record that is not a fixed one lies at `origin`, and returns its shape.
    @inline(__always)
    @discardableResult
    func checkRecord(_ origin: Int) throws(RedoubtError) -> RecordShape {
        guard origin >= IndexPage.heapStart &+ 6, origin < page.heapTop else {
            throw damage("no record at this origin", origin)
        }
        let record = page.record(at: origin)
        let number = record.heapNumber
        guard record.status == status, number >= IndexPage.firstHeapNumber, number < page.heapCount else {
            throw damage("no record of this level at this origin", origin)
        }
        let shape = record.shape
        guard origin &- shape.extraByteCount >= IndexPage.heapStart, origin &+ shape.bodyByteCount <= page.heapTop
        else {
            throw damage("the record leaves the heap; origin", origin)
        }
        return shape
    }

    /// Checks that `origin` is the supremum or a place in the heap where a record may be.
    @inline(__always)
    func checkSuccessor(_ origin: Int) throws(RedoubtError) {
        guard origin == IndexPage.supremum || (origin >= IndexPage.heapStart &+ 6 && origin < page.heapTop) else {
            throw damage("the list of records leaves the heap to", origin)
        }
    }

    /// Returns the owner of the group of `origin`.
    @inline(__always)
    func checkedOwner(of origin: Int) throws(RedoubtError) -> Int {
        let owner = page.owner(of: origin)
        guard owner >= IndexPage.supremum else { throw damage("no owner of the group of", origin) }
        guard page.record(at: owner).ownedCount <= IndexPage.ownedMaximum else {
            throw damage("a group of more than 8 records ends at", owner)
        }
        return owner
    }

    /// Returns the slot of `owner`, and the record before `origin`, which is in its group.
    func checkedPredecessor(of origin: Int, owner: Int) throws(RedoubtError) -> (
        slot: Int, predecessor: Int, steps: Int
    ) {
        let slot = page.slot(ofOwner: owner)
        guard slot > 0 else { throw damage("no slot for the group that ends at", owner) }
        var current = page.slotOrigin(slot &- 1)
        for steps in 0..<IndexPage.ownedMaximum {
            guard current == IndexPage.infimum || (current >= IndexPage.heapStart && current < page.heapTop) else {
                break
            }
            let next = page.record(at: current).next
            if next == origin { return (slot, current, steps) }
            current = next
        }
        throw damage("the record before this one was not found", origin)
    }

    // MARK: Small writes

    /// Notes that the `count` bytes from `offset` on change.
    @inline(__always)
    mutating func note(_ offset: Int, _ count: Int) { sectors.add(at: offset, count: count) }

    /// Notes that the whole page changes.
    mutating func noteAll() { sectors = .all }

    @inline(__always)
    mutating func setNext(_ origin: Int, _ target: Int) {
        note(origin &- 2, 2)
        bytes.store(UInt16(truncatingIfNeeded: target &- origin), at: origin &- 2)
    }

    @inline(__always)
    mutating func setOwned(_ origin: Int, _ count: Int) {
        note(origin &- 5, 1)
        let bits = bytes.u8(at: origin &- 5) & Record.Bits.mask
        bytes.store(bits | UInt8(truncatingIfNeeded: count & 0x0F), at: origin &- 5)
    }

    @inline(__always)
    mutating func setSlot(_ slot: Int, _ origin: Int) {
        let offset = IndexPage.directoryEnd &- 2 &* (slot &+ 1)
        note(offset, 2)
        bytes.store(UInt16(truncatingIfNeeded: origin), at: offset)
    }

    /// Makes room for a slot before `slot`; the caller has checked that there is room.
    mutating func openSlot(_ slot: Int) {
        let count = page.slotCount
        let lowest = IndexPage.directoryEnd &- 2 &* count
        note(lowest &- 2, 2 &* (count &- slot))
        bytes.move(from: lowest, to: lowest &- 2, count: 2 &* (count &- slot))
        page.slotCount = count &+ 1
    }

    /// Removes `count` slots from `slot` on.
    mutating func closeSlots(_ slot: Int, count removed: Int = 1) {
        guard removed > 0 else { return }
        let count = page.slotCount
        let lowest = IndexPage.directoryEnd &- 2 &* count
        note(lowest, 2 &* (count &- slot))
        bytes.move(from: lowest, to: lowest &+ 2 &* removed, count: 2 &* (count &- slot &- removed))
        bytes.fill(at: lowest, count: 2 &* removed)
        page.slotCount = count &- removed
    }

    /// Leaves the page without records, as if it had just been made; level, index, siblings and segments stay.
    mutating func makeEmpty() {
        page.heapTop = IndexPage.heapStart
        page.heapCount = 2
        page.freeHead = 0
        page.garbage = 0
        page.lastInsert = 0
        page.direction = IndexPage.Direction.none
        page.directionCount = 0
        page.recordCount = 0
        page.slotCount = 2
        // infimum: owns itself, status 2, next +13; supremum: owns itself, heap number 1, status 3, no next.
        bytes.store(UInt64(0x0100_0200_0D69_6E66), at: 94)
        bytes.store(UInt64(0x696D_756D_0001_000B), at: 102)
        bytes.store(UInt64(0x0000_7375_7072_656D), at: 110)
        bytes.store(UInt16(0x756D), at: 118)
        setSlot(0, IndexPage.infimum)
        setSlot(1, IndexPage.supremum)
    }

    /// Takes a record that is no longer in the list into the free list.
    @inline(__always)
    mutating func free(_ origin: Int, byteCount: Int) {
        let head = page.freeHead
        note(origin &- 2, 2)
        setOwned(origin, 0)
        bytes.store(UInt16(truncatingIfNeeded: head == 0 ? 0 : head &- origin), at: origin &- 2)
        page.freeHead = origin
        page.garbage = page.garbage &+ byteCount
    }

    /// Brings the group of `slot`, which may have fewer than 4 records, to at least 4 with the help of the next.
    mutating func balance(_ slot: Int) {
        for _ in 0..<IndexPage.ownedMaximum {
            guard slot < page.slotCount &- 1 else { return }
            let owner = page.slotOrigin(slot)
            let owned = page.record(at: owner).ownedCount
            if owned >= IndexPage.ownedMinimum { return }
            let upper = page.slotOrigin(slot &+ 1)
            let upperOwned = page.record(at: upper).ownedCount
            setOwned(owner, 0)
            if upperOwned > IndexPage.ownedMinimum {
                let next = page.record(at: owner).next
                setOwned(next, owned &+ 1)
                setOwned(upper, upperOwned &- 1)
                setSlot(slot, next)
            } else {
                setOwned(upper, owned &+ upperOwned)
                closeSlots(slot)
                return
            }
        }
    }
}
