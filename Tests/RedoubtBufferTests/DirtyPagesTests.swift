import RedoubtCore
import RedoubtLog
import RedoubtPolicy
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: the counts of dirty pages by age are those of the flush list at any time, and a scan of the list sees every
/// page once, whatever leaves meanwhile.
///
/// Method: seeded random insertions and removals against a recount; scans in stretches with removals at, before and
/// behind the place where they stand.
@Suite struct DirtyPagesTests {
    private func recount(_ instance: PoolInstance, redoCapacity: Int) -> DirtyAges {
        var ages = DirtyAges(redoCapacity: redoCapacity)
        let list = instance.flushList
        var index = list.tail
        while index != FrameState.noFrame {
            ages.add(instance.frame(index).oldestModification.rawValue)
            index = list.previous(instance.frame(index))
        }
        return ages
    }

    private func expectEqual(_ left: DirtyAges, _ right: DirtyAges) {
        #expect(left.bucketWidth == right.bucketWidth && left.total == right.total)
        #expect(left.counts.indices.allSatisfy { left.counts[$0] == right.counts[$0] })
    }

    @Test("Ages equal a recount after random changes, drops, writes and a new redo capacity")
    func ages() throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        let fixture = try PoolFixture(pageCount: 64)
        defer { fixture.close() }
        let instance = fixture.pool.instances[0]
        var capacity = PoolFixture.small.redoLog.capacity.rawValue
        for step in 0..<600 {
            switch random.below(20) {
            case 0: try fixture.flushing.flush(below: fixture.log.currentLSN, count: 1 + random.below(20))
            case 1: capacity = (2 << 20) << random.below(8)
            case 2 where step % 100 == 99: fixture.pool.discard(space: SpaceID(rawValue: 8))
            default: try fixture.change(page(UInt32(random.below(64))), to: UInt32(step))
            }
            expectEqual(instance.dirtyAges(redoCapacity: capacity), recount(instance, redoCapacity: capacity))
        }
        try fixture.flushing.flushAll()
        #expect(instance.dirtyAges(redoCapacity: capacity).total == 0)
    }

    @Test("Ages stay exact while threads change pages and others write them")
    func threads() throws {
        let fixture = try PoolFixture(pageCount: 64)
        defer { fixture.close() }
        try onThreads(3) { thread in
            var random = SeededRandom(seed: UInt64(thread))
            for round in 0..<400 {
                if thread == 0 {
                    try fixture.flushing.flush(below: fixture.log.currentLSN, count: 10)
                } else {
                    try fixture.change(page(UInt32(random.below(64))), to: UInt32(round))
                }
            }
        }
        let instance = fixture.pool.instances[0]
        let capacity = PoolFixture.small.redoLog.capacity.rawValue
        expectEqual(instance.dirtyAges(redoCapacity: capacity), recount(instance, redoCapacity: capacity))
    }

    @Test("A scan in stretches sees each page that stays once, and ends", arguments: 0..<30 as Range<UInt64>)
    func scan(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let arena = try FrameArena(count: 120)
        var list = unsafe FlushList(controls: arena.controls)
        for index in 0..<100 { list.insert(arena[index], oldest: UInt64(1000 + index)) }
        list.beginScan()
        var seen: [UInt32] = []
        var gone: Set<UInt32> = []
        var inserted = 100
        for _ in 0..<1000 {
            let before = seen.count
            if list.scanOn(limit: .max, window: 0, count: .max, steps: 1 + random.below(7), into: &seen) { break }
            #expect(seen.count > before)
            for _ in 0..<random.below(6) {
                // Often the very page that the scan stands at.
                let victim = random.below(2) == 0 ? list.scan : UInt32(random.below(inserted))
                guard victim != FrameState.noFrame, gone.insert(victim).inserted else { continue }
                list.remove(arena[Int(victim)])
            }
            if random.below(4) == 0 && inserted < 120 {
                list.insert(arena[inserted], oldest: UInt64(1000 + inserted))
                inserted += 1
            }
        }
        #expect(list.scan == FrameState.noFrame)
        #expect(Set(seen).count == seen.count && seen == seen.sorted())
        for index in 0..<UInt32(100) where !gone.contains(index) { #expect(seen.contains(index)) }
    }

    @Test("A scan ends at the limit, but a window beyond it only where the order is loose")
    func limit() throws {
        let arena = try FrameArena(count: 6)
        var list = unsafe FlushList(controls: arena.controls)
        for (index, oldest) in [1000, 1200, 1100, 1300, 1250, 1600].enumerated() {
            list.insert(arena[index], oldest: UInt64(oldest))
        }
        var chosen: [UInt32] = []
        list.beginScan()
        #expect(list.scanOn(limit: 1260, window: 200, count: .max, steps: .max, into: &chosen))
        #expect(chosen == [0, 1, 2, 4])
        chosen = []
        list.beginScan()
        #expect(list.scanOn(limit: 1150, window: 0, count: .max, steps: .max, into: &chosen))
        #expect(chosen == [0])
    }
}
