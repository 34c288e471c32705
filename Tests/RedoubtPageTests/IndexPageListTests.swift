import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: splits and merges move records whole, and readers without a latch survive every change. Method: all split
/// points of small pages; threads that search, by index and by directory, while another changes page and index.
@Suite struct IndexPageListTests {
    private func filled(_ count: Int) throws -> PageFixture {
        let fixture = PageFixture()
        fixture.makeIndex()
        for row in 0..<count {
            let key = Array("row".utf8) + [UInt8(row * 7 % count)]
            try withLeaf(key, [UInt8](repeating: UInt8(row), count: row * 3 % 120)) {
                try fixture.apply(.insertRecord(predecessor: fixture.search(key).predecessor, image: $0))
            }
        }
        return fixture
    }

    /// A page filled to the last byte whose last group was emptied into new groups of 4 has a slot more than its
    /// records would need, and no byte for another one.
    @Test func whatFitsAFullPageOfSmallGroupsCanBeInserted() throws {
        let fixture = PageFixture()
        fixture.makeIndex()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * pageByteCount, alignment: 8)
        defer { unsafe buffer.deallocate() }
        var packed = unsafe PackedRecords(buffer)
        for row in 0..<161 {
            let key: [UInt8] = [UInt8(row), 0, 0, 0]
            let isPacked = try withLeaf(key, [UInt8](repeating: 1, count: row == 8 ? 146 : 76)) { packed.append($0) }
            #expect(isPacked)
        }
        try unsafe fixture.apply(.insertRecords(predecessor: IndexPage.infimum, packed: packed.bytes))
        #expect(fixture.page.maximumInsertSize() <= 1)
        for row in 156..<161 {
            let origin = try #require(fixture.origin([UInt8(row), 0, 0, 0]))
            try fixture.apply(.deleteRecord(origin: origin))
        }
        var inserted = 0
        for row in 1..<20 {
            let key: [UInt8] = [80, 0, 0, UInt8(row)]
            try withLeaf(key, [UInt8](repeating: 2, count: 76)) { image in
                if !fixture.page.fits(image) { return }
                try fixture.apply(.insertRecord(predecessor: fixture.search(key).predecessor, image: image))
                inserted += 1
            }
            if row == 5 {
                let origin = try #require(fixture.origin([80, 0, 0, 5]))
                try fixture.apply(.deleteRecord(origin: origin))
            }
        }
        #expect(inserted >= 5)
        #expect(fixture.findings() == [])
    }

    @Test func everySplitAndMergeOfASmallPageKeepsAllRecords() throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pageByteCount, alignment: 8)
        defer { unsafe buffer.deallocate() }
        let count = 19
        let whole = try filled(count)
        // Some records carry system bytes and marks of their own.
        let marked = try #require(whole.page.first).origin
        whole.bytes.store(UInt32(0xDEAD_BEEF), at: marked + 4)
        try whole.apply(.setInfoBits(origin: marked, bits: Record.Bits.deleted))
        let expected = whole.content()
        for split in 1..<count {
            let left = whole.copy()
            let right = PageFixture()
            right.makeIndex()
            var origin = left.page.firstOrigin
            for _ in 0..<split { origin = left.page.record(at: origin).next }
            var packed = unsafe PackedRecords(buffer)
            let isPacked = packed.append(left.page, from: origin)
            #expect(isPacked)
            #expect(packed.recordCount == count - split)
            try unsafe right.apply(.insertRecords(predecessor: IndexPage.infimum, packed: packed.bytes))
            try left.apply(.deleteFrom(origin: origin))
            #expect(left.findings() == [])
            #expect(right.findings() == [])
            #expect(right.page.dataByteCount == packed.heapByteCount)
            let parts = left.content() + right.content()
            #expect(parts.map(\.key) == expected.map(\.key))
            #expect(parts.map(\.value) == expected.map(\.value))
            // And back: the left page's records in front of the right page's.
            packed = unsafe PackedRecords(buffer)
            let isPackedAgain = packed.append(left.page, from: left.page.firstOrigin)
            #expect(isPackedAgain)
            try unsafe right.apply(.insertRecords(predecessor: IndexPage.infimum, packed: packed.bytes))
            #expect(right.findings() == [])
            #expect(right.content().map(\.value) == expected.map(\.value))
            let first = try #require(right.page.first)
            #expect(first.isDeleted)
            #expect(!first.hasDefaultSystem)
            #expect(first.page.u32(at: first.origin + 4) == 0xDEAD_BEEF)
        }
    }

    @Test func aListThatDoesNotFitIsRefused() throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * pageByteCount, alignment: 8)
        defer { unsafe buffer.deallocate() }
        var packed = unsafe PackedRecords(buffer)
        for row in UInt8(0)..<170 {
            let isAppended = try withLeaf([row], [UInt8](repeating: row, count: 80)) { packed.append($0) }
            #expect(isAppended)
        }
        let fixture = PageFixture()
        fixture.makeIndex()
        let before = fixture.array
        #expect(packed.heapByteCount > IndexPage.emptyCapacity)
        #expect(throws: RedoubtError.self) {
            try unsafe fixture.apply(.insertRecords(predecessor: IndexPage.infimum, packed: packed.bytes))
        }
        #expect(fixture.array == before)
        packed = unsafe PackedRecords(UnsafeMutableRawBufferPointer(rebasing: buffer[0..<10]))
        let isAppended = try withLeaf([1], [UInt8](repeating: 1, count: 80)) { packed.append($0) }
        #expect(!isAppended)
        #expect(packed.byteCount == 0)
    }

    @Test func aReorganizedPageHasNoGarbageAndKeepsItsDirection() throws {
        let fixture = try filled(100)
        for row in stride(from: 0, to: 100, by: 3) {
            try fixture.apply(.deleteRecord(origin: try #require(fixture.origin(Array("row".utf8) + [UInt8(row)]))))
        }
        for row in UInt8(200)..<210 {
            try withLeaf(Array("row".utf8) + [row], [row]) {
                let at = fixture.search(Array("row".utf8) + [row]).predecessor
                try fixture.apply(.insertRecord(predecessor: at, image: $0))
            }
        }
        let content = fixture.content()
        let room = fixture.page.maximumInsertSizeAfterReorganize()
        #expect(fixture.page.garbage > 0)
        try fixture.apply(.reorganize)
        #expect(fixture.findings() == [])
        #expect(fixture.page.garbage == 0)
        #expect(fixture.page.freeHead == 0)
        #expect(fixture.page.maximumInsertSize() == room)
        #expect(fixture.content().map(\.value) == content.map(\.value))
        #expect(fixture.page.lastInsert == fixture.origin(Array("row".utf8) + [209]))
        #expect(fixture.page.direction == IndexPage.Direction.right)
        #expect(fixture.page.directionCount == 9)
    }

    #if !REDOUBT_TSAN
    @Test func readersWithoutALatchSurviveEveryChange() throws {
        let shared = SharedWorld()
        try onThreads(3) { thread in
            var random = SeededRandom(seed: UInt64(thread))
            if thread == 0 {
                defer { shared.isEnded.store(true, ordering: .releasing) }
                for round in 0..<1000 { try shared.change(round, &random) }
            } else {
                while !shared.isEnded.load(ordering: .acquiring) { shared.read(&random) }
            }
        }
        #expect(shared.fixture.findings().allSatisfy { $0.text.contains("minimum") })
    }
    #endif
}

/// A page with its index that one thread changes while others read.
private final class SharedWorld: @unchecked Sendable {
    let fixture = PageFixture()
    let index = IndexFixture(byteCount: 2048)
    let isEnded = Atomic<Bool>(false)

    init() {
        fixture.makeIndex(level: 1)
        index.index.build(from: fixture.page)
    }

    func change(_ round: Int, _ random: inout SeededRandom) throws {
        let key = Array("key".utf8) + (0..<random.below(40)).map { _ in UInt8(random.below(3)) }
        let found = fixture.search(key, index.index)
        if found.isMatch {
            try fixture.apply(.deleteRecord(origin: found.predecessor), index.index)
        } else {
            try withNode(key, UInt32(round)) { image in
                if fixture.page.fits(image) {
                    try fixture.apply(.insertRecord(predecessor: found.predecessor, image: image), index.index)
                } else if fixture.page.recordCount > 10, random.below(2) == 0 {
                    try fixture.apply(.deleteFrom(origin: fixture.page.slotOrigin(3)), index.index)
                } else {
                    try fixture.apply(.reorganize, index.index)
                }
            }
        }
        if round % 100 == 99 {
            // A leaf for a moment: another layout of the index.
            try fixture.apply(.initializeIndex(level: 0, indexID: 1), index.index)
            index.index.build(from: fixture.page)
            try fixture.apply(.initializeIndex(level: 1, indexID: 1), index.index)
        }
        if !index.index.isValid { index.index.build(from: fixture.page) }
    }

    func read(_ random: inout SeededRandom) {
        let key = Array("key".utf8) + (0..<random.below(40)).map { _ in UInt8(random.below(3)) }
        unsafe key.withUnsafeBytes {
            _ = unsafe fixture.page.search($0, index.index)
            _ = unsafe fixture.page.child(for: $0, index.index)
            _ = unsafe fixture.page.child(for: $0, .none)
        }
        _ = fixture.page.last?.byteCount
    }
}
