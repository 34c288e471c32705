import RedoubtCore

/// Checks everything about one index page that MySQL's strict import checks, and what else our pages promise.
///
/// What concerns several pages (siblings, separators, segments) is the checker of trees.
struct IndexPageCheck {
    /// Something that is not as it must be.
    struct Finding: Equatable, Sendable, CustomStringConvertible {
        /// The page.
        var page: PageID
        /// The offset in it.
        var offset: Int
        /// What is wrong, with what was expected and found.
        var text: String
        /// Place and text.
        var description: String { "page \(page), offset \(offset): \(text)" }
    }

    private let page: IndexPage
    private let id: PageID
    private var findings: [Finding] = []
    /// The bytes that records take: start and end.
    private var extents: [(start: Int, end: Int, origin: Int)] = []
    /// The heap numbers seen, one bit each.
    private var heapNumbers = [UInt64](repeating: 0, count: 128)
    private var liveByteCount = 0

    /// Returns what is wrong with `page`; with `level` or `indexID`, those must be the page's.
    static func findings(
        _ page: IndexPage,
        id: PageID,
        level: Int? = nil,
        indexID: UInt64? = nil
    ) -> [Finding] {
        var check = IndexPageCheck(page: page, id: id)
        check.run(level: level, indexID: indexID)
        return check.findings
    }

    private init(page: IndexPage, id: PageID) {
        self.page = page
        self.id = id
    }

    private mutating func expect(_ condition: Bool, _ offset: Int, _ text: @autoclosure () -> String) {
        if !condition, findings.count < 100 { findings.append(Finding(page: id, offset: offset, text: text())) }
    }

    private mutating func expect(_ what: String, _ found: Int, _ expected: Int, _ offset: Int) {
        expect(found == expected, offset, "\(what) is \(found), expected \(expected)")
    }

    private mutating func run(level: Int?, indexID: UInt64?) {
        let page = page
        expect("page type", Int(page.bytes.typeCode), Int(PageType.index.rawValue), PageBytes.Offset.type)
        if let level { expect("level", page.level, level, IndexPage.Offset.level) }
        if let indexID {
            expect(
                page.indexID == indexID,
                IndexPage.Offset.indexID,
                "index id is \(page.indexID), expected \(indexID)"
            )
        }
        checkHeader()
        // Without a sane frame every further finding would be noise.
        guard findings.isEmpty else { return }
        let count = checkList()
        let freed = checkFreeList()
        checkHeap(count: count, freed: freed)
    }

    private mutating func checkHeader() {
        let page = page
        let slots = page.slotCount
        let top = page.heapTop
        expect(slots >= 2, IndexPage.Offset.slotCount, "\(slots) directory slots, expected 2 at least")
        expect(
            top >= IndexPage.heapStart && top + 2 * slots <= IndexPage.directoryEnd,
            IndexPage.Offset.heapTop,
            "heap top is \(top), expected \(IndexPage.heapStart)...\(IndexPage.directoryEnd - 2 * slots)"
        )
        expect(
            page.bytes.u16(at: IndexPage.Offset.heapCount) & 0x8000 != 0,
            IndexPage.Offset.heapCount,
            "the mark of the compact format is missing"
        )
        expect(page.heapCount >= 2, IndexPage.Offset.heapCount, "\(page.heapCount) heap records, expected 2 at least")
        let infimum = page.record(at: IndexPage.infimum)
        let supremum = page.record(at: IndexPage.supremum)
        expect("status of the infimum", Int(infimum.status), 2, 96)
        expect("status of the supremum", Int(supremum.status), 3, 109)
        expect("heap number of the infimum", infimum.heapNumber, 0, 95)
        expect("heap number of the supremum", supremum.heapNumber, 1, 108)
        expect("owned count of the infimum", infimum.ownedCount, 1, 94)
        expect("next of the supremum", Int(page.bytes.u16(at: IndexPage.supremum - 2)), 0, 110)
        expect(page.bytes.u64(at: IndexPage.infimum) == 0x696E_6669_6D75_6D00, IndexPage.infimum, "no infimum here")
        expect(page.bytes.u64(at: IndexPage.supremum) == 0x7375_7072_656D_756D, IndexPage.supremum, "no supremum here")
        expect("slot 0", page.slotOrigin(0), IndexPage.infimum, IndexPage.directoryEnd - 2)
        if slots >= 2, slots <= 4096 {
            expect("last slot", page.slotOrigin(slots - 1), IndexPage.supremum, IndexPage.directoryEnd - 2 * slots)
        }
    }

    /// Checks the list in key order together with the directory; returns the number of records.
    private mutating func checkList() -> Int {
        let page = page
        var origin = page.firstOrigin
        var previous: Record?
        var count = 0
        var slot = 1
        var inGroup = 0
        let limit = page.heapCount - 2
        while origin != IndexPage.supremum {
            guard count < limit else {
                expect(false, origin, "the list does not reach the supremum within \(limit) records")
                return count
            }
            guard checkRecord(origin, "record") else { return count }
            let record = page.record(at: origin)
            checkOrder(record, after: previous)
            checkBits(record, isFirst: count == 0)
            liveByteCount += record.byteCount
            count += 1
            inGroup += 1
            if record.ownedCount != 0 {
                checkGroup(record, slot: slot, inGroup: inGroup)
                slot += 1
                inGroup = 0
            }
            previous = record
            origin = record.next
        }
        let supremum = page.record(at: IndexPage.supremum)
        expect("owned count of the supremum", supremum.ownedCount, inGroup + 1, 107)
        expect(
            supremum.ownedCount <= IndexPage.ownedMaximum,
            107,
            "the supremum owns \(supremum.ownedCount), expected 8 at most"
        )
        expect("number of directory slots", page.slotCount, slot + 1, IndexPage.Offset.slotCount)
        expect("number of records", page.recordCount, count, IndexPage.Offset.recordCount)
        return count
    }

    private mutating func checkGroup(_ record: Record, slot: Int, inGroup: Int) {
        let page = page
        let owned = record.ownedCount
        expect("owned count", owned, inGroup, record.origin - 5)
        expect(
            owned >= IndexPage.ownedMinimum && owned <= IndexPage.ownedMaximum,
            record.origin - 5,
            "the record owns \(owned), expected 4...8"
        )
        guard slot < page.slotCount - 1 else {
            expect(false, record.origin, "the record owns a group, but there are only \(page.slotCount) slots")
            return
        }
        expect("slot \(slot)", page.slotOrigin(slot), record.origin, IndexPage.directoryEnd - 2 * (slot + 1))
    }

    /// Checks what holds for live and freed records; returns whether the record can be looked at further.
    private mutating func checkRecord(_ origin: Int, _ what: String) -> Bool {
        let page = page
        guard origin >= IndexPage.heapStart + 6, origin < page.heapTop else {
            expect(false, origin, "a \(what) at \(origin), expected \(IndexPage.heapStart + 6)..<\(page.heapTop)")
            return false
        }
        let record = page.record(at: origin)
        let shape = record.shape
        expect("status of a \(what)", Int(record.status), page.isLeaf ? 0 : 1, origin - 3)
        let start = origin - shape.extraByteCount
        let end = origin + shape.bodyByteCount
        guard start >= IndexPage.heapStart, end <= page.heapTop else {
            expect(
                false,
                origin,
                "a \(what) takes \(start)..<\(end), expected within \(IndexPage.heapStart)..<\(page.heapTop)"
            )
            return false
        }
        let number = record.heapNumber
        expect(
            number >= IndexPage.firstHeapNumber && number < page.heapCount,
            origin - 4,
            "heap number is \(number), expected 2..<\(page.heapCount)"
        )
        let bit: UInt64 = 1 << UInt64(number & 63)
        let isNew = heapNumbers[number >> 6 & 127] & bit == 0
        heapNumbers[number >> 6 & 127] |= bit
        expect(isNew, origin - 4, "heap number \(number) is used twice")
        checkLengths(record, shape)
        extents.append((start, end, origin))
        return true
    }

    private mutating func checkLengths(_ record: Record, _ shape: RecordShape) {
        let near = record.page.u8(at: record.origin - 6)
        let key = shape.keyByteCount
        expect(
            key <= RecordImage.keyByteCountMaximum,
            record.origin - 6,
            "the key has \(key) bytes, expected 3072 at most"
        )
        expect(near & 0xC0 != 0xC0, record.origin - 6, "the key is marked as off-page")
        expect(near < 0x80 || key >= 0x80, record.origin - 6, "a key of \(key) bytes has two length bytes")
        guard page.isLeaf else { return }
        let at = record.origin - 6 - (near < 0x80 ? 1 : 2)
        let long = record.page.u8(at: at) >= 0x80
        let value = shape.valueByteCount
        if shape.isOffPage {
            expect("length of an off-page reference", value, Record.referenceByteCount, at)
        } else {
            expect(!long || value >= 0x80, at, "a value of \(value) bytes has two length bytes")
        }
        expect(
            shape.byteCount < RecordImage.byteCountLimit,
            record.origin,
            "the record has \(shape.byteCount) bytes, expected fewer than \(RecordImage.byteCountLimit)"
        )
    }

    private mutating func checkOrder(_ record: Record, after previous: Record?) {
        guard let previous else { return }
        let isAscending = previous.isMinimum || (unsafe KeyOrder.compare(previous.key, record.key)) < 0
        expect(isAscending, record.origin, "the key is not greater than that of the record at \(previous.origin)")
    }

    private mutating func checkBits(_ record: Record, isFirst: Bool) {
        let bits = record.infoBits
        expect(bits & 0xC0 == 0, record.origin - 5, "information bits are \(bits), expected 16 and 32 at most")
        let mustBeMinimum = isFirst && !page.isLeaf && page.previous == .none
        expect(
            record.isMinimum == mustBeMinimum,
            record.origin - 5,
            mustBeMinimum
                ? "the first node pointer of its level has no minimum bit" : "a minimum bit where none belongs"
        )
    }

    /// Checks the list of freed records; returns their number and bytes.
    private mutating func checkFreeList() -> (count: Int, byteCount: Int) {
        let page = page
        var origin = page.freeHead
        var count = 0
        var total = 0
        let limit = page.heapCount - 2
        while origin != 0 {
            guard count < limit else {
                expect(false, origin, "the free list does not end within \(limit) records")
                break
            }
            guard checkRecord(origin, "freed record") else { break }
            let record = page.record(at: origin)
            expect(record.ownedCount <= IndexPage.ownedMaximum, origin - 5, "a freed record owns \(record.ownedCount)")
            count += 1
            total += record.byteCount
            let step = page.bytes.u16(at: origin - 2)
            origin = step == 0 ? 0 : (origin + Int(step)) & 0xFFFF
        }
        return (count, total)
    }

    private mutating func checkHeap(count: Int, freed: (count: Int, byteCount: Int)) {
        let page = page
        // First, because a wrong length is the reason for a wrong sum, and names a record.
        extents.sort { $0.start < $1.start }
        for (left, right) in zip(extents, extents.dropFirst()) {
            expect(
                left.end <= right.start,
                right.origin,
                "the record takes \(right.start)..<\(right.end), but that at \(left.origin) ends at \(left.end)"
            )
        }
        expect("number of heap records", page.heapCount, count + freed.count + 2, IndexPage.Offset.heapCount)
        let garbage = page.heapTop - IndexPage.heapStart - liveByteCount
        expect("garbage", page.garbage, garbage, IndexPage.Offset.garbage)
        expect(
            freed.byteCount <= page.garbage,
            IndexPage.Offset.garbage,
            "garbage is \(page.garbage), but freed records take \(freed.byteCount)"
        )
    }
}
