import RedoubtCore

// Changes of one record.
extension IndexPageEditor {
    /// Where a record of some size will lie.
    private struct Place {
        var start: Int
        var heapNumber: Int
        /// The origin of the freed record whose room is used, or 0 for the gap after the heap.
        var freed: Int
        /// The origin of the freed record after that one, or 0.
        var nextFreed: Int
    }

    /// Finds room: the first freed record if it is large enough, and no other; else the gap after the heap.
    @inline(__always)
    private func place(_ byteCount: Int) throws(RedoubtError) -> Place {
        // Every change leaves room for one slot more, in case the group splits.
        let slots = 2 &* (page.slotCount &+ 1)
        let head = page.freeHead
        if head != 0 {
            let shape = try checkRecord(head)
            if shape.byteCount >= byteCount {
                let step = Int(bytes.u16(at: head &- 2))
                let next = step == 0 ? 0 : (head &+ step) & 0xFFFF
                guard next == 0 || (next >= IndexPage.heapStart && next < page.heapTop) else {
                    throw damage("the free list leaves the heap to", next)
                }
                guard page.garbage >= byteCount, page.heapTop &+ slots <= IndexPage.directoryEnd else {
                    throw damage("no room beside the heap; its top is", page.heapTop)
                }
                return Place(
                    start: head &- shape.extraByteCount,
                    heapNumber: page.record(at: head).heapNumber,
                    freed: head,
                    nextFreed: next
                )
            }
        }
        let top = page.heapTop
        guard byteCount <= page.maximumInsertSize(), page.heapCount < IndexPage.heapCountMaximum,
            top &+ byteCount &+ slots <= IndexPage.directoryEnd
        else { throw damage("no room for a record of this size", byteCount) }
        return Place(start: top, heapNumber: page.heapCount, freed: 0, nextFreed: 0)
    }

    /// Takes the room at `place`.
    @inline(__always)
    private func take(_ place: Place, _ byteCount: Int) {
        if place.freed != 0 {
            page.freeHead = place.nextFreed
            page.garbage = page.garbage &- byteCount
        } else {
            page.heapTop = place.start &+ byteCount
            page.heapCount = place.heapNumber &+ 1
        }
    }

    /// Writes the bytes of a record at `start`, all but its next record, and returns its origin.
    @inline(__always)
    @discardableResult
    mutating func write(
        _ image: RecordImage,
        _ shape: RecordShape,
        at start: Int,
        heapNumber: Int,
        owned: Int = 0,
        copyKey: Bool = true
    ) -> Int {
        let origin = start &+ shape.extraByteCount
        note(start, shape.byteCount)
        if copyKey { unsafe bytes.copy(image.key, to: origin) }
        bytes.store(UInt16(truncatingIfNeeded: heapNumber << 3 | Int(image.status)), at: origin &- 4)
        bytes.store(image.infoBits | UInt8(truncatingIfNeeded: owned), at: origin &- 5)
        var length = origin &- 6
        let key = shape.keyByteCount
        if key < 0x80 {
            bytes.store(UInt8(truncatingIfNeeded: key), at: length)
        } else {
            bytes.store(UInt8(truncatingIfNeeded: 0x80 | key >> 8), at: length)
            length &-= 1
            bytes.store(UInt8(truncatingIfNeeded: key), at: length)
        }
        if image.status == Record.nodeStatus {
            bytes.store(image.child.rawValue, at: origin &+ key)
            return origin
        }
        length &-= 1
        let value = shape.valueByteCount
        if value < 0x80 && !shape.isOffPage {
            bytes.store(UInt8(truncatingIfNeeded: value), at: length)
        } else {
            let flag = shape.isOffPage ? 0xC0 : 0x80
            bytes.store(UInt8(truncatingIfNeeded: flag | value >> 8), at: length)
            bytes.store(UInt8(truncatingIfNeeded: value), at: length &- 1)
        }
        let system = origin &+ key
        if let from = unsafe image.system {
            unsafe bytes.copy(UnsafeRawBufferPointer(start: from, count: Record.systemByteCount), to: system)
        } else {
            bytes.store(UInt64(0x80_00), at: system)
            bytes.store(UInt32(0), at: system &+ 8)
            bytes.store(UInt8(0), at: system &+ 12)
        }
        unsafe bytes.copy(image.value, to: system &+ Record.systemByteCount)
        return origin
    }

    /// Inserts `image` after the record at `predecessor`.
    mutating func insert(_ image: RecordImage, after predecessor: Int, _ index: SearchIndex) throws(RedoubtError) {
        try checkHeader()
        guard image.isValid, image.status == status else {
            throw damage("the record is not one for this level", page.level)
        }
        if predecessor != IndexPage.infimum { try checkRecord(predecessor) }
        let next = page.record(at: predecessor).next
        try checkSuccessor(next)
        let owner = try checkedOwner(of: next)
        let owned = page.record(at: owner).ownedCount
        let shape = image.shape
        let place = try place(shape.byteCount)
        var slot = 0
        if owned == IndexPage.ownedMaximum {
            slot = page.slot(ofOwner: owner)
            guard slot > 0 else { throw damage("no slot for the group that ends at", owner) }
        }
        take(place, shape.byteCount)
        let origin = write(image, shape, at: place.start, heapNumber: place.heapNumber)
        setNext(predecessor, origin)
        setNext(origin, next)
        page.recordCount = page.recordCount &+ 1
        noteDirection(origin, predecessor, next)
        setOwned(owner, owned &+ 1)
        if owned == IndexPage.ownedMaximum { splitGroup(slot, owner, owned &+ 1) }
        index.insert(origin: origin, after: predecessor, page: page)
    }

    /// Follows whether inserts go one way, which decides where the page will be split.
    @inline(__always)
    private func noteDirection(_ origin: Int, _ predecessor: Int, _ next: Int) {
        let last = page.lastInsert
        let direction = page.direction & 7
        if last != 0, last == predecessor, direction != IndexPage.Direction.left {
            page.direction = IndexPage.Direction.right
            page.directionCount = page.directionCount &+ 1
        } else if last != 0, last == next, direction != IndexPage.Direction.right {
            page.direction = IndexPage.Direction.left
            page.directionCount = page.directionCount &+ 1
        } else {
            page.direction = IndexPage.Direction.none
            page.directionCount = 0
        }
        page.lastInsert = origin
    }

    /// Splits the group of `slot`: its first half gets a slot of its own, in front.
    private mutating func splitGroup(_ slot: Int, _ owner: Int, _ owned: Int) {
        let half = owned / 2
        var middle = page.slotOrigin(slot &- 1)
        for _ in 0..<half { middle = page.record(at: middle).next }
        openSlot(slot)
        setSlot(slot, middle)
        setOwned(middle, half)
        setOwned(owner, owned &- half)
    }

    /// Removes the record at `origin`.
    mutating func delete(_ origin: Int, _ index: SearchIndex) throws(RedoubtError) {
        try checkHeader()
        let shape = try checkRecord(origin)
        let next = page.record(at: origin).next
        try checkSuccessor(next)
        let owner = try checkedOwner(of: origin)
        let (slot, predecessor, _) = try checkedPredecessor(of: origin, owner: owner)
        let owned = page.record(at: owner).ownedCount
        guard page.recordCount > 0, owned > 1 else { throw damage("an empty group ends at", owner) }
        index.remove(origin: origin, page: page)
        if page.recordCount == 1 { return makeEmpty() }
        setNext(predecessor, next)
        if owner == origin {
            setSlot(slot, predecessor)
            setOwned(predecessor, owned &- 1)
        } else {
            setOwned(owner, owned &- 1)
        }
        free(origin, byteCount: shape.byteCount)
        page.recordCount = page.recordCount &- 1
        page.lastInsert = 0
        if owned == IndexPage.ownedMinimum { balance(slot) }
    }

    /// Gives the record at `origin` the content of `image`, but its own key.
    mutating func replace(_ origin: Int, with image: RecordImage, _ index: SearchIndex) throws(RedoubtError) {
        try checkHeader()
        let old = try checkRecord(origin)
        let record = page.record(at: origin)
        if unsafe image.key.count > 0 {
            guard unsafe KeyOrder.compare(image.key, record.key) == 0 else {
                throw damage("a replacement has another key than the record at", origin)
            }
        }
        let new = unsafe RecordImage(
            status: image.status,
            infoBits: image.infoBits,
            key: record.key,
            value: image.value,
            isOffPage: image.isOffPage,
            child: image.child,
            system: image.system
        )
        guard new.isValid, new.status == status else {
            throw damage("the record is not one for this level", page.level)
        }
        if new.infoBits & Record.Bits.minimum != record.infoBits & Record.Bits.minimum { index.invalidate() }
        let shape = new.shape
        let owned = record.ownedCount
        if shape.byteCount <= old.byteCount, shape.extraByteCount == old.extraByteCount {
            write(
                new,
                shape,
                at: origin &- shape.extraByteCount,
                heapNumber: record.heapNumber,
                owned: owned,
                copyKey: false
            )
            page.garbage = page.garbage &+ (old.byteCount &- shape.byteCount)
            return
        }
        try replaceMoving(origin, old, new, shape, index)
    }

    private mutating func replaceMoving(
        _ origin: Int,
        _ old: RecordShape,
        _ image: RecordImage,
        _ shape: RecordShape,
        _ index: SearchIndex
    ) throws(RedoubtError) {
        let record = page.record(at: origin)
        let next = record.next
        let owned = record.ownedCount
        try checkSuccessor(next)
        let owner = try checkedOwner(of: origin)
        let (slot, predecessor, _) = try checkedPredecessor(of: origin, owner: owner)
        let target: Int
        if shape.byteCount <= old.byteCount {
            let start = origin &- old.extraByteCount
            let heapNumber = record.heapNumber
            bytes.move(from: origin, to: start &+ shape.extraByteCount, count: old.keyByteCount)
            target = write(image, shape, at: start, heapNumber: heapNumber, owned: owned, copyKey: false)
            page.garbage = page.garbage &+ (old.byteCount &- shape.byteCount)
        } else {
            let place = try place(shape.byteCount)
            take(place, shape.byteCount)
            target = write(image, shape, at: place.start, heapNumber: place.heapNumber, owned: owned)
            free(origin, byteCount: old.byteCount)
        }
        setNext(predecessor, target)
        setNext(target, next)
        if owned != 0 { setSlot(slot, target) }
        if page.lastInsert == origin { page.lastInsert = target }
        index.move(origin: origin, to: target, page: page)
    }

    /// Overwrites bytes within the value of the record at `origin`.
    mutating func overwriteValue(of origin: Int, at offset: Int, with source: UnsafeRawBufferPointer)
        throws(RedoubtError)
    {
        try checkHeader()
        let shape = try checkRecord(origin)
        guard page.isLeaf, offset >= 0, offset &+ source.count <= shape.valueByteCount else {
            throw damage("a write beyond the value of the record at", origin)
        }
        let start = origin &+ shape.keyByteCount &+ Record.systemByteCount &+ offset
        note(start, source.count)
        unsafe bytes.copy(source, to: start)
    }

    /// Sets the information bits of the record at `origin`.
    mutating func setInfoBits(of origin: Int, _ bits: UInt8, _ index: SearchIndex) throws(RedoubtError) {
        try checkHeader()
        try checkRecord(origin)
        guard bits & ~Record.Bits.mask == 0 else { throw damage("impossible information bits", Int(bits)) }
        let byte = bytes.u8(at: origin &- 5)
        if (byte ^ bits) & Record.Bits.minimum != 0 { index.invalidate() }
        note(origin &- 5, 1)
        bytes.store(byte & ~Record.Bits.mask | bits, at: origin &- 5)
    }

    /// Points the node pointer at `origin` to `child`.
    mutating func setChild(of origin: Int, _ child: PageNumber, _ index: SearchIndex) throws(RedoubtError) {
        try checkHeader()
        let shape = try checkRecord(origin)
        guard !page.isLeaf else { throw damage("a leaf has no children; record", origin) }
        note(origin &+ shape.keyByteCount, 4)
        bytes.store(child.rawValue, at: origin &+ shape.keyByteCount)
        index.forgetChildFrame(origin: origin, page: page)
    }
}
