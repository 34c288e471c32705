import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: pages are given out once, taken back wholly, and the management pages always account for every page.
/// Method: a model of the pages of each segment beside a real space; the space check after every phase.
@Suite struct AllocationTests {
    @Test func aNewSpaceIsSound() throws {
        let fixture = try SpaceFixture()
        #expect(try fixture.findings() == [])
        #expect(fixture.space.pageCount == 64)
    }

    @Test func theFirst32PagesOfASegmentAreFragments() throws {
        let fixture = try SpaceFixture()
        for number in 0..<32 {
            let page = try fixture.allocate(.leaf, 1)[0]
            #expect(page == PageNumber(rawValue: UInt32(4 + number)))
        }
        // The next one opens an extent of its own, which needs a longer file.
        let next = try fixture.allocate(.leaf, 1)[0]
        #expect(next.rawValue % 64 == 0)
        #expect(try fixture.findings() == [])
    }

    @Test func anAscendingHintGivesAnAscendingFile() throws {
        let fixture = try SpaceFixture()
        var last = try fixture.allocate(.leaf, 1)[0]
        var jumps = 0
        for _ in 0..<2000 {
            let page = try fixture.allocate(.leaf, 1, hint: PageNumber(rawValue: last.rawValue + 1))[0]
            if page.rawValue != last.rawValue + 1 { jumps += 1 }
            last = page
        }
        #expect(jumps <= 4)
        #expect(try fixture.findings() == [])
    }

    @Test func spacesBeyond16384PagesHaveMoreDescriptorPages() throws {
        let fixture = try SpaceFixture()
        var near = PageNumber(rawValue: 5)
        for _ in 0..<280 {
            let taken = try fixture.allocate(.leaf, 64, hint: near)
            near = PageNumber(rawValue: taken[63].rawValue + 1)
        }
        #expect(fixture.space.pageCount > 16384)
        #expect(try fixture.findings() == [])
        // Frees in an order that moves extents between lists on all descriptor pages.
        var random = SeededRandom(seed: 7)
        for _ in 0..<100 {
            let list = fixture.pages[.leaf] ?? []
            let victims = (0..<6).map { _ in list[random.below(list.count)] }
            try fixture.free(.leaf, Array(Set(victims)))
        }
        #expect(try fixture.findings() == [])
        for _ in 0..<100 {
            try fixture.free(.leaf, Array((fixture.pages[.leaf] ?? []).suffix(64)))
        }
        #expect(try fixture.findings() == [])
    }

    @Test(arguments: [1, 2, 3, 4])
    func randomAllocationAndReleaseFollowTheModel(_ seed: Int) throws {
        let fixture = try SpaceFixture()
        var random = SeededRandom(seed: UInt64(seed))
        for step in 0..<1500 {
            let segment: Segment = random.below(4) == 0 ? .nonLeaf : .leaf
            let list = fixture.pages[segment] ?? []
            let grows = random.below(100) < (step / 300 % 2 == 0 ? 65 : 35)
            if grows || list.count < 3 {
                let hint = random.below(3) == 0 ? PageNumber.none : PageNumber(rawValue: UInt32(random.below(1000)))
                try fixture.allocate(
                    segment,
                    1 + random.below(8),
                    hint: hint,
                    purpose: random.below(5) == 0 ? .cleaning : .insert
                )
            } else {
                let candidates = list.filter { $0 != .root }
                let victims = Set((0..<1 + random.below(8)).map { _ in candidates[random.below(candidates.count)] })
                try fixture.free(segment, Array(victims))
            }
            if step % 250 == 249 {
                let findings = try fixture.findings()
                #expect(findings == [], "seed \(seed), step \(step)")
                if !findings.isEmpty { return }
            }
        }
        for segment in Segment.allCases {
            while let list = fixture.pages[segment]?.filter({ $0 != .root }), !list.isEmpty {
                try fixture.free(segment, Array(list.prefix(20)))
            }
        }
        #expect(try fixture.findings() == [])
    }

    @Test func insertsLeaveAReserveThatCleaningMayUse() throws {
        let fixture = try SpaceFixture()
        // Fill what there is without growing: the file system is full.
        fixture.storage.setQuota(fixture.storage.image.byteCount)
        var failure: RedoubtError?
        while failure == nil {
            do { try fixture.allocate(.leaf, 1) } catch { failure = error as? RedoubtError }
        }
        #expect(failure?.code == .diskFull)
        #expect(try fixture.findings() == [])
        try fixture.allocate(.nonLeaf, 2, purpose: .cleaning)
        #expect(try fixture.findings() == [])
        // Deleting gives room again.
        try fixture.free(.leaf, Array((fixture.pages[.leaf] ?? []).prefix(6)))
        try fixture.allocate(.leaf, 1)
        fixture.storage.setQuota(nil)
        try fixture.allocate(.leaf, 200)
        #expect(try fixture.findings() == [])
    }

    @Test func freeingAPageThatIsFreeIsAnError() throws {
        let fixture = try SpaceFixture()
        for page in [UInt32(0), 1, 2, 3, 40, 63, 64, 100_000] {
            var mtr = try MiniTransaction.begin(fixture.kernel, redoBytes: 1000, pins: 8)
            let error = #expect(throws: RedoubtError.self) {
                _ = try SpaceAllocator.prepare(&mtr, fixture.space, freeing: [PageNumber(rawValue: page)])
            }
            #expect(error?.code == .corruptPage)
            mtr.rollback()
        }
    }

    @Test func pendingChainsAreNotedAndCleared() throws {
        let fixture = try SpaceFixture()
        var mtr = try MiniTransaction.begin(fixture.kernel, redoBytes: 64 * 64, pins: 4)
        let header = try PendingChains.latchHeader(&mtr, fixture.space)
        for slot in 0..<64 {
            #expect(PendingChains.emptySlot(header) == slot)
            PendingChains.set(
                &mtr,
                header,
                slot: slot,
                page: PageNumber(rawValue: UInt32(slot + 10)),
                kind: .writing
            )
        }
        #expect(PendingChains.emptySlot(header) == nil)
        PendingChains.clear(&mtr, header, slot: 7)
        #expect(PendingChains.emptySlot(header) == 7)
        #expect(PendingChains.list(header.bytes).count == 63)
        mtr.commit()
    }
}
