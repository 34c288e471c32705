import RedoubtCore
import RedoubtPolicy
import Testing

/// Goal: a page takes along the neighbours that the setting names, and no more than the budget has room for.
/// Method: one case for each rule over sets of dirty pages; then random sets against what must hold for all.
@Suite struct NeighbourAreaTests {
    @Test func `a page goes alone when neighbours are off or the pool is small`() {
        let dirty = Set<UInt32>(0..<200)
        #expect(area(.none).pages(around: 70, budget: 100, isFlushable: dirty.contains) == [70])
        #expect(area(.extent, lru: 511).pages(around: 70, budget: 100, isFlushable: dirty.contains) == [70])
        #expect(area(.contiguous, lru: 511).pages(around: 70, budget: 100, isFlushable: dirty.contains) == [70])
    }

    @Test func `the window is aligned, at most a sixteenth of the instance, and within the extent`() {
        #expect(area(.extent).window(of: 70) == 64..<128)
        #expect(area(.extent).window(of: 64) == 64..<128)
        #expect(area(.extent).window(of: 127) == 64..<128)
        #expect(area(.extent, instance: 512).window(of: 70) == 64..<96)
        // 40 pages wide: the second window would reach into the next extent.
        #expect(area(.extent, instance: 640).window(of: 62) == 40..<64)
        #expect(area(.extent, instance: 640).window(of: 66) == 64..<80)
        #expect(area(.extent).window(of: .max) == (UInt32.max - 63)..<UInt32.max)
    }

    @Test func `contiguous takes the run of dirty pages and stops at the first gap`() {
        let dirty: Set<UInt32> = [64, 66, 67, 68, 70, 71, 73]
        #expect(area(.contiguous).pages(around: 68, budget: 64, isFlushable: dirty.contains) == [66, 67, 68])
        #expect(area(.contiguous).pages(around: 64, budget: 64, isFlushable: dirty.contains) == [64])
        let all = Set<UInt32>(0..<200)
        #expect(area(.contiguous).pages(around: 70, budget: 64, isFlushable: all.contains) == Array(64..<128))
    }

    @Test func `extent takes every dirty page of the window`() {
        let dirty: Set<UInt32> = [63, 64, 66, 67, 73, 127, 128]
        #expect(area(.extent).pages(around: 67, budget: 64, isFlushable: dirty.contains) == [64, 66, 67, 73, 127])
    }

    @Test func `the budget ends the neighbours, never the page itself`() {
        let dirty = Set<UInt32>(64..<128)
        #expect(area(.extent).pages(around: 66, budget: 4, isFlushable: dirty.contains) == [64, 65, 66, 67])
        #expect(area(.extent).pages(around: 100, budget: 3, isFlushable: dirty.contains) == [64, 65, 66, 100])
        #expect(area(.extent).pages(around: 100, budget: 0, isFlushable: dirty.contains) == [100])
    }

    @Test func `whatever the inputs, the pages ascend, are dirty, lie in the window and hold the page`() {
        var random = SeededRandom(seed: 0xA3EA)
        for round in 0..<2000 {
            let area = NeighbourArea(
                setting: Configuration.Neighbours.allCases[random.below(3)],
                areaPageCount: random.below(70),
                instancePageCount: random.below(3000),
                lruLength: random.below(1500)
            )
            let page = round % 7 == 0 ? UInt32.max - UInt32(random.below(3)) : UInt32(random.below(300))
            let salt = UInt32(random.below(1 << 20))
            let isDirty = { (number: UInt32) in (number ^ salt) &* 0x9E37_79B9 > 1 << 30 }
            let budget = random.below(80)
            let pages = area.pages(around: page, budget: budget, isFlushable: isDirty)
            let window = area.window(of: page)
            #expect(pages.contains(page) && pages.count <= max(1, budget + 1), "seed 0xA3EA, round \(round)")
            #expect(zip(pages, pages.dropFirst()).allSatisfy { $0 < $1 }, "seed 0xA3EA, round \(round)")
            let isRight = pages.allSatisfy { $0 == page || (window.contains($0) && isDirty($0)) }
            #expect(isRight, "seed 0xA3EA, round \(round)")
        }
    }

    private func area(_ setting: Configuration.Neighbours, instance: Int = 4096, lru: Int = 512) -> NeighbourArea {
        NeighbourArea(setting: setting, areaPageCount: 64, instancePageCount: instance, lruLength: lru)
    }
}
