import RedoubtCore
import Testing

@testable import RedoubtEngine

/// Goal: any sequence of operations leaves a page that is right in every detail, and replay gives the same bytes.
/// Method: seeded random operations on one page against a model; after each one the strict check, the search index
/// against a fresh build, both searches against the model, and decode-and-apply on a copy against the page.
@Suite struct IndexPageModelTests {
    @Test(arguments: 0..<24) func randomOperationsAgreeWithTheModel(seed: Int) throws {
        var world = PageWorld(seed: UInt64(seed), isLeaf: seed % 3 != 2, keys: seed % 4)
        for _ in 0..<350 { try world.step() }
        #expect(world.changes > 150)
    }

    @Test func everySmallSizeInsertsAndDeletesInEveryPlace() throws {
        // All counts up to 20, every position to insert and to delete: all splits and balances of groups near the ends.
        for count in 0...20 {
            let fixture = PageFixture()
            fixture.makeIndex()
            var predecessor = IndexPage.infimum
            for number in 0..<count {
                try withLeaf([UInt8(number * 2 + 1)], [7]) { image in
                    try fixture.apply(.insertRecord(predecessor: predecessor, image: image))
                }
                predecessor = fixture.search([UInt8(number * 2 + 1)]).predecessor
            }
            for position in 0...count {
                let copy = fixture.copy()
                let key = [UInt8(position * 2)]
                try withLeaf(key, [8, 9]) { image in
                    try copy.apply(.insertRecord(predecessor: copy.search(key).predecessor, image: image))
                }
                #expect(copy.findings() == [])
                #expect(copy.content().count == count + 1)
            }
            for position in 0..<count {
                let key = [UInt8(position * 2 + 1)]
                let origin = try #require(fixture.origin(key))
                for operation in [
                    PageOperation.deleteRecord(origin: origin), .deleteFrom(origin: origin),
                    .deleteBefore(origin: origin),
                ] {
                    let copy = fixture.copy()
                    try copy.apply(operation)
                    #expect(copy.findings() == [], "\(operation.kind) at \(position) of \(count)")
                    let expected =
                        switch operation.kind {
                        case .deleteRecord: count - 1
                        case .deleteFrom: position
                        default: count - position
                        }
                    #expect(copy.content().count == expected)
                }
            }
        }
    }

    @Test func insertsInOneDirectionAreNoticed() throws {
        let fixture = PageFixture()
        fixture.makeIndex()
        func insert(_ number: UInt8) throws {
            try withLeaf([number], []) { image in
                try fixture.apply(.insertRecord(predecessor: fixture.search([number]).predecessor, image: image))
            }
        }
        try insert(50)
        #expect(fixture.page.direction == IndexPage.Direction.none)
        for number in 51..<60 { try insert(UInt8(number)) }
        #expect(fixture.page.direction == IndexPage.Direction.right)
        #expect(fixture.page.directionCount == 9)
        try insert(20)
        #expect(fixture.page.direction == IndexPage.Direction.none)
        #expect(fixture.page.directionCount == 0)
        for number in (10..<20).reversed() { try insert(UInt8(number)) }
        #expect(fixture.page.direction == IndexPage.Direction.left)
        #expect(fixture.page.directionCount == 10)
        #expect(fixture.page.lastInsert == fixture.origin([10]))
    }

    @Test func aFreedRecordsRoomAndHeapNumberAreUsedAgain() throws {
        let fixture = PageFixture()
        fixture.makeIndex()
        for number in UInt8(1)...3 {
            try withLeaf([number], Array(repeating: number, count: 50)) { image in
                try fixture.apply(.insertRecord(predecessor: fixture.search([number]).predecessor, image: image))
            }
        }
        let top = fixture.page.heapTop
        let origin = try #require(fixture.origin([2]))
        let byteCount = fixture.page.record(at: origin).byteCount
        try fixture.apply(.deleteRecord(origin: origin))
        #expect(fixture.page.garbage == byteCount)
        #expect(fixture.page.freeHead == origin)
        try withLeaf([2], Array(repeating: 9, count: 40)) { image in
            try fixture.apply(.insertRecord(predecessor: fixture.search([2]).predecessor, image: image))
        }
        #expect(fixture.page.heapTop == top)
        #expect(fixture.page.garbage == 10)
        #expect(fixture.page.freeHead == 0)
        #expect(fixture.page.record(at: try #require(fixture.origin([2]))).heapNumber == 3)
        #expect(fixture.findings() == [])
    }

    @Test func theSizingFormulasAreInnoDBs() throws {
        let fixture = PageFixture()
        fixture.makeIndex()
        #expect(fixture.page.maximumInsertSize() == 16252 - 1)
        #expect(fixture.page.maximumInsertSizeAfterReorganize(count: 4) == 16252 - 2)
        #expect(RecordImage.leafByteCount(key: 3, value: 5) == 5 + 1 + 1 + 3 + 13 + 5)
        #expect(RecordImage.leafByteCount(key: 200, value: 500) == 5 + 2 + 2 + 200 + 13 + 500)
        #expect(RecordImage.nodeByteCount(key: 127) == 5 + 1 + 127 + 4)
        #expect(!RecordImage.needsOffPage(key: 16, value: 8125 - 16 - 13 - 5 - 3))
        #expect(RecordImage.needsOffPage(key: 16, value: 8126 - 16 - 13 - 5 - 3))
        // Two records just below the limit always fit a page.
        let value = [UInt8](repeating: 1, count: 8125 - 16 - 13 - 5 - 3)
        for number in UInt8(0)..<2 {
            let key = [UInt8](repeating: number, count: 16)
            try withLeaf(key, value) { image in
                #expect(fixture.page.fits(image))
                try fixture.apply(.insertRecord(predecessor: fixture.search(key).predecessor, image: image))
            }
        }
        #expect(!fixture.page.fits(byteCount: 25))
        #expect(fixture.findings() == [])
    }
}
