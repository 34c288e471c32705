import RedoubtCore

/// Decides whether ``IndexPageCheck`` would find anything, without listing it: what every page read from a file goes
/// through.
///
/// Same rules, in the same order, but nothing is allocated, and what records take is a bit a byte instead of a sorted
/// list. A page that is not sound is looked at again by the check, which says why.
///
/// The bits lie on the stack, behind a pointer: as a part of this value they would be copied with it for every record.
@safe
struct IndexPageSoundness {
    private let page: IndexPage
    private let top: Int
    private let heapCount: Int
    private let isLeaf: Bool
    /// The bytes of the page that records take, one bit each.
    private let taken: UnsafeMutablePointer<UInt64>
    /// The heap numbers seen, one bit each.
    private let numbers: UnsafeMutablePointer<UInt64>

    private static let takenWordCount = 256
    private static let numberWordCount = 128

    /// Returns whether `page` is a sound index page.
    static func isSound(_ page: IndexPage) -> Bool {
        guard isHeaderSound(page) else { return false }
        let count = takenWordCount + numberWordCount
        return unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count) { words in
            unsafe words.initialize(repeating: 0)
            return unsafe IndexPageSoundness(page, words.baseAddress.unsafelyUnwrapped).areRecordsSound()
        }
    }

    private init(_ page: IndexPage, _ words: UnsafeMutablePointer<UInt64>) {
        self.page = page
        unsafe taken = unsafe words
        unsafe numbers = words + Self.takenWordCount
        top = page.heapTop
        heapCount = page.heapCount
        isLeaf = page.isLeaf
    }

    private static func isHeaderSound(_ page: IndexPage) -> Bool {
        let bytes = page.bytes
        let slots = page.slotCount
        guard bytes.typeCode == PageType.index.rawValue, slots >= 2,
            page.heapTop >= IndexPage.heapStart, page.heapTop + 2 * slots <= IndexPage.directoryEnd,
            bytes.u16(at: IndexPage.Offset.heapCount) & 0x8000 != 0, page.heapCount >= 2
        else { return false }
        let infimum = page.record(at: IndexPage.infimum)
        let supremum = page.record(at: IndexPage.supremum)
        guard infimum.status == 2, supremum.status == 3, infimum.heapNumber == 0, supremum.heapNumber == 1,
            infimum.ownedCount == 1, bytes.u16(at: IndexPage.supremum - 2) == 0,
            bytes.u64(at: IndexPage.infimum) == 0x696E_6669_6D75_6D00,
            bytes.u64(at: IndexPage.supremum) == 0x7375_7072_656D_756D
        else { return false }
        return page.slotOrigin(0) == IndexPage.infimum && page.slotOrigin(slots - 1) == IndexPage.supremum
    }

    private func areRecordsSound() -> Bool {
        guard let live = liveRecords(), let freed = freedRecords() else { return false }
        return page.recordCount == live.count && heapCount == live.count + freed.count + 2
            && page.garbage == top - IndexPage.heapStart - live.byteCount && freed.byteCount <= page.garbage
    }

    /// Walks the list in key order together with the directory; nil if something is wrong.
    private func liveRecords() -> (count: Int, byteCount: Int)? {
        var origin = page.firstOrigin
        var previous: (record: Record, keyByteCount: Int)?
        var count = 0
        var byteCount = 0
        var slot = 1
        var inGroup = 0
        let slots = page.slotCount
        while origin != IndexPage.supremum {
            guard count < heapCount - 2, let shape = take(origin) else { return nil }
            let record = page.record(at: origin)
            guard isOrdered(record, shape, after: previous), areBitsSound(record, isFirst: count == 0) else {
                return nil
            }
            byteCount &+= shape.byteCount
            count &+= 1
            inGroup &+= 1
            let owned = record.ownedCount
            if owned != 0 {
                guard owned == inGroup, owned >= IndexPage.ownedMinimum, owned <= IndexPage.ownedMaximum,
                    slot < slots - 1, page.slotOrigin(slot) == origin
                else { return nil }
                slot &+= 1
                inGroup = 0
            }
            previous = (record, shape.keyByteCount)
            origin = record.next
        }
        let owned = page.record(at: IndexPage.supremum).ownedCount
        guard owned == inGroup + 1, owned <= IndexPage.ownedMaximum, slots == slot + 1 else { return nil }
        return (count, byteCount)
    }

    /// Walks the list of freed records; nil if something is wrong.
    private func freedRecords() -> (count: Int, byteCount: Int)? {
        var origin = page.freeHead
        var count = 0
        var byteCount = 0
        while origin != 0 {
            guard count < heapCount - 2, let shape = take(origin),
                page.record(at: origin).ownedCount <= IndexPage.ownedMaximum
            else { return nil }
            count &+= 1
            byteCount &+= shape.byteCount
            let step = page.bytes.u16(at: origin - 2)
            origin = step == 0 ? 0 : (origin &+ Int(step)) & 0xFFFF
        }
        return (count, byteCount)
    }

    /// Checks what holds for live and freed records, and notes the bytes and the heap number of this one; nil if
    /// something is wrong.
    @inline(__always)
    private func take(_ origin: Int) -> RecordShape? {
        guard origin >= IndexPage.heapStart + 6, origin < top else { return nil }
        let record = page.record(at: origin)
        guard record.status == (isLeaf ? Record.leafStatus : Record.nodeStatus) else { return nil }
        let shape = record.shape
        let start = origin &- shape.extraByteCount
        let end = origin &+ shape.bodyByteCount
        guard start >= IndexPage.heapStart, end <= top, areLengthsSound(record, shape) else { return nil }
        let number = record.heapNumber
        guard number >= IndexPage.firstHeapNumber, number < heapCount else { return nil }
        let bit: UInt64 = 1 << UInt64(number & 63)
        let word = number >> 6 & 127
        guard unsafe numbers[word] & bit == 0 else { return nil }
        unsafe numbers[word] |= bit
        return takeBytes(start, end) ? shape : nil
    }

    @inline(__always)
    private func areLengthsSound(_ record: Record, _ shape: RecordShape) -> Bool {
        let near = page.bytes.u8(at: record.origin &- 6)
        let key = shape.keyByteCount
        guard key <= RecordImage.keyByteCountMaximum, near & 0xC0 != 0xC0, near < 0x80 || key >= 0x80 else {
            return false
        }
        guard isLeaf else { return true }
        let value = shape.valueByteCount
        let isLong = page.bytes.u8(at: record.origin &- 6 &- (near < 0x80 ? 1 : 2)) >= 0x80
        if shape.isOffPage {
            guard value == Record.referenceByteCount else { return false }
        } else if isLong && value < 0x80 {
            return false
        }
        return shape.byteCount < RecordImage.byteCountLimit
    }

    /// Marks the bytes from `start` to `end`; false if one of them was marked.
    @inline(__always)
    private func takeBytes(_ start: Int, _ end: Int) -> Bool {
        var position = start
        while position < end {
            let word = position >> 6
            let low = position & 63
            let high = min(64, end &- word << 6)
            let mask = (high == 64 ? UInt64.max : (1 << UInt64(high)) &- 1) & UInt64.max << UInt64(low)
            guard unsafe taken[word & 255] & mask == 0 else { return false }
            unsafe taken[word & 255] |= mask
            position = (word &+ 1) << 6
        }
        return true
    }

    @inline(__always)
    private func isOrdered(
        _ record: Record,
        _ shape: RecordShape,
        after previous: (record: Record, keyByteCount: Int)?
    ) -> Bool {
        guard let previous, !previous.record.isMinimum else { return true }
        let left = unsafe page.bytes.pointer(at: previous.record.origin)
        let right = unsafe page.bytes.pointer(at: record.origin)
        return unsafe KeyOrder.compare(left, previous.keyByteCount, right, shape.keyByteCount) < 0
    }

    @inline(__always)
    private func areBitsSound(_ record: Record, isFirst: Bool) -> Bool {
        let mustBeMinimum = isFirst && !isLeaf && page.previous == .none
        return record.infoBits & 0xC0 == 0 && record.isMinimum == mustBeMinimum
    }
}
