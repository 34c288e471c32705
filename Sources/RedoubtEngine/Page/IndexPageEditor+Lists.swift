import RedoubtCore

// Changes of many records at once.
extension IndexPageEditor {
    /// Inserts the records of a packed list one after the other behind `predecessor`, and rebuilds the directory.
    mutating func insert(packed: UnsafeRawBufferPointer, after predecessor: Int) throws(RedoubtError) {
        try checkHeader()
        if predecessor != IndexPage.infimum { try checkRecord(predecessor) }
        let successor = page.record(at: predecessor).next
        try checkSuccessor(successor)
        try unsafe checkRoom(packed)
        var position = 0
        var current = predecessor
        var start = page.heapTop
        var heapNumber = page.heapCount
        let firstNumber = heapNumber
        while let (image, length) = unsafe RecordImage.unpack(Self.rest(of: packed, from: position)) {
            let shape = image.shape
            let origin = write(image, shape, at: start, heapNumber: heapNumber)
            setNext(current, origin)
            current = origin
            start &+= shape.byteCount
            heapNumber &+= 1
            position &+= length
        }
        setNext(current, successor)
        page.heapTop = start
        page.heapCount = heapNumber
        page.recordCount = page.recordCount &+ (heapNumber &- firstNumber)
        try rebuildDirectory()
    }

    /// The bytes of `packed` from `position` on, which is at most its end.
    @inline(__always)
    private static func rest(of packed: UnsafeRawBufferPointer, from position: Int) -> UnsafeRawBufferPointer {
        guard let base = packed.baseAddress else { return unsafe packed }
        return unsafe UnsafeRawBufferPointer(start: base + position, count: packed.count &- position)
    }

    /// Checks that every record of a packed list belongs on this level and that all fit after the heap.
    private func checkRoom(_ packed: UnsafeRawBufferPointer) throws(RedoubtError) {
        var position = 0
        var count = 0
        var total = 0
        let status = status
        while position < packed.count {
            guard let (image, length) = unsafe RecordImage.unpack(Self.rest(of: packed, from: position)),
                image.isValid, image.status == status
            else { throw damage("the packed list has no record of this level at byte", position) }
            position &+= length
            count &+= 1
            total &+= image.byteCount
        }
        guard page.fits(byteCount: total, count: count) else {
            throw damage("no room for packed records of this size", total)
        }
    }

    /// Writes the directory anew: groups of 4, the last of them with what is left.
    mutating func rebuildDirectory() throws(RedoubtError) {
        let count = page.recordCount
        let groups = count < 8 ? 0 : count / 4 - 1
        guard page.heapTop &+ 2 &* (groups &+ 2) <= IndexPage.directoryEnd else {
            throw damage("no room for the directory of this many records", count)
        }
        var origin = IndexPage.infimum
        var slot = 0
        setSlot(0, IndexPage.infimum)
        for number in 1...max(count, 1) where count > 0 {
            origin = page.record(at: origin).next
            guard origin != IndexPage.supremum, origin >= IndexPage.heapStart, origin < page.heapTop else {
                throw damage("the list of records is broken after this many", number &- 1)
            }
            let ownsGroup = number % 4 == 0 && slot < groups
            setOwned(origin, ownsGroup ? 4 : 0)
            if ownsGroup {
                slot &+= 1
                setSlot(slot, origin)
            }
        }
        guard page.record(at: origin).next == IndexPage.supremum else {
            throw damage("the list of records does not end after", count)
        }
        setSlot(slot &+ 1, IndexPage.supremum)
        setOwned(IndexPage.supremum, count &- 4 &* slot &+ 1)
        page.slotCount = slot &+ 2
    }

    /// Walks from `first` to, but without, `end`; returns the number of records, their bytes, and the last.
    private func measure(from first: Int, to end: Int) throws(RedoubtError) -> (count: Int, byteCount: Int, last: Int) {
        var origin = first
        var last = first
        var total = 0
        let limit = page.recordCount
        for count in 0...limit {
            if origin == end { return (count, total, last) }
            let shape = try checkRecord(origin)
            total &+= shape.byteCount
            last = origin
            origin = page.record(at: origin).next
        }
        throw damage("the list of records does not reach", end)
    }

    /// Takes a chain of records that are no longer in the list into the free list.
    private mutating func free(chain first: Int, last: Int, byteCount: Int, count: Int) {
        var origin = first
        for _ in 0..<count {
            setOwned(origin, 0)
            origin = page.record(at: origin).next
        }
        let head = page.freeHead
        note(last &- 2, 2)
        bytes.store(UInt16(truncatingIfNeeded: head == 0 ? 0 : head &- last), at: last &- 2)
        page.freeHead = first
        page.garbage = page.garbage &+ byteCount
        page.recordCount = page.recordCount &- count
        page.lastInsert = 0
    }

    /// Removes the record at `origin` and all after it.
    mutating func deleteFrom(_ origin: Int) throws(RedoubtError) {
        try checkHeader()
        try checkRecord(origin)
        let owner = try checkedOwner(of: origin)
        let (slot, predecessor, kept) = try checkedPredecessor(of: origin, owner: owner)
        let (count, byteCount, last) = try measure(from: origin, to: IndexPage.supremum)
        guard count <= page.recordCount else { throw damage("more records follow than the page has", count) }
        if predecessor == IndexPage.infimum { return makeEmpty() }
        free(chain: origin, last: last, byteCount: byteCount, count: count)
        setNext(predecessor, IndexPage.supremum)
        setSlot(slot, IndexPage.supremum)
        setOwned(IndexPage.supremum, kept &+ 1)
        let vacated = page.slotCount &- slot &- 1
        page.slotCount = slot &+ 1
        let lowest = IndexPage.directoryEnd &- 2 &* (slot &+ 1 &+ vacated)
        note(lowest, 2 &* vacated)
        bytes.fill(at: lowest, count: 2 &* vacated)
    }

    /// Removes all records before the one at `origin`.
    mutating func deleteBefore(_ origin: Int) throws(RedoubtError) {
        try checkHeader()
        try checkRecord(origin)
        let owner = try checkedOwner(of: origin)
        let (slot, predecessor, before) = try checkedPredecessor(of: origin, owner: owner)
        let first = page.firstOrigin
        let (count, byteCount, last) = try measure(from: first, to: origin)
        let owned = page.record(at: owner).ownedCount
        guard count <= page.recordCount, owned > before else {
            throw damage("the list of records is broken at", origin)
        }
        if predecessor == IndexPage.infimum { return }
        free(chain: first, last: last, byteCount: byteCount, count: count)
        setNext(IndexPage.infimum, origin)
        setOwned(owner, owned &- before)
        closeSlots(1, count: slot &- 1)
        balance(1)
    }

    /// Rewrites the heap in key order.
    mutating func reorganize() throws(RedoubtError) {
        try checkHeader()
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: pageByteCount + 16, alignment: 16)
        defer { unsafe scratch.deallocate() }
        let old = unsafe IndexPage(PageBytes(scratch))
        old.bytes.copyPage(from: bytes)
        let count = old.recordCount
        let (found, byteCount, _) = try measure(from: old.firstOrigin, to: IndexPage.supremum)
        guard found == count, IndexPage.heapStart &+ byteCount <= old.heapTop else {
            throw damage("the list of records is not as long as the header says", found)
        }
        noteAll()
        let (lastInsert, direction, directionCount) = (old.lastInsert, old.direction, old.directionCount)
        makeEmpty()
        var source = old.firstOrigin
        var target = IndexPage.infimum
        var start = IndexPage.heapStart
        for number in 0..<count {
            let record = old.record(at: source)
            let shape = record.shape
            let origin = start &+ shape.extraByteCount
            unsafe bytes.copy(old.bytes.bytes(at: source &- shape.extraByteCount, count: shape.byteCount), to: start)
            let header = UInt16(truncatingIfNeeded: (number &+ IndexPage.firstHeapNumber) << 3 | Int(record.status))
            bytes.store(header, at: origin &- 4)
            setNext(target, origin)
            if source == lastInsert { page.lastInsert = origin }
            target = origin
            start &+= shape.byteCount
            source = record.next
        }
        setNext(target, IndexPage.supremum)
        page.heapTop = start
        page.heapCount = count &+ 2
        page.recordCount = count
        if page.lastInsert != 0 {
            page.direction = direction
            page.directionCount = directionCount
        }
        try rebuildDirectory()
        let end = IndexPage.directoryEnd &- 2 &* page.slotCount
        bytes.fill(at: start, count: end &- start)
    }
}
