import RedoubtCore
import RedoubtPolicy
import TestSupport
import Testing

@testable import FlushLab

/// Goal: the model of the pool keeps its lists: every resident page is in one part of one LRU list, every dirty page is
/// found by its age, frames are neither lost nor made. Method: a seeded walk, and a plain count of everything.
@Suite struct PoolModelTests {
    private static func scenario(instances: Int) -> Scenario {
        var scenario = Scenario()
        (scenario.pageCount, scenario.frameCount) = (4000, 2000 * instances)
        (scenario.instanceCount, scenario.freeFrameTarget) = (instances, 32)
        if instances > 1 { scenario.pageCount = 12_000 }
        return scenario
    }

    @Test(arguments: [1, 3])
    func `a walk keeps lists, frames and ages`(instances: Int) throws {
        let scenario = Self.scenario(instances: instances)
        var pool = PoolModel(scenario)
        #expect(!pool.isRoomy)
        var random = SeededRandom(seed: 11)
        var lsn: UInt64 = 8204
        for step in 0..<40_000 {
            let page = random.below(scenario.pageCount)
            let index = pool.instance(of: page)
            let millisecond = UInt32(step / 4)
            if pool.pages[page].isResident {
                pool.touch(page, millisecond: millisecond)
                if random.below(2) == 0 {
                    pool.change(page, start: lsn, end: lsn + 100)
                    lsn += 100
                }
            } else if pool.instances[index].free > 0 {
                pool.instances[index].free -= 1
                pool.insert(page, millisecond: millisecond)
            } else {
                let (_, dirty) = pool.sweep(index, wanted: 16, most: 8)
                for page in dirty {
                    _ = pool.take(Int(page))
                    pool.pages[Int(page)].isWriting = false
                    pool.evict(Int(page))
                }
            }
            if step % 97 == 0 {
                for page in pool.chooseOldest(index, below: .max, count: 3).chosen {
                    _ = pool.take(Int(page))
                    pool.pages[Int(page)].isWriting = false
                }
            }
            if step % 1000 == 0 { try check(&pool, scenario) }
        }
        try check(&pool, scenario)
        #expect(pool.dirtyCount > 0)
    }

    private func check(_ pool: inout PoolModel, _ scenario: Scenario) throws {
        var listed = Set<Int>()
        for index in pool.instances.indices {
            let instance = pool.instances[index]
            for part in [instance.young, instance.old] {
                var count = 0
                var newer: Int32 = -1
                var page = part.newest
                while page >= 0 {
                    #expect(listed.insert(Int(page)).inserted)
                    #expect(pool.pages[Int(page)].newer == newer)
                    #expect(pool.instance(of: Int(page)) == index)
                    count += 1
                    newer = page
                    page = pool.pages[Int(page)].older
                }
                #expect(newer == part.oldest)
                #expect(count == part.count)
            }
            #expect(instance.free + instance.pageCount == scenario.frameCount / scenario.instanceCount)
            let dirty = pool.pages.indices.filter { pool.instance(of: $0) == index && pool.pages[$0].oldest != 0 }
            #expect(instance.dirtyCount == dirty.count)
            #expect(instance.ages.total == dirty.count)
            #expect(pool.oldest(index) == dirty.map { pool.pages[$0].oldest }.min())
            if instance.pageCount >= 512 {
                let share = Double(instance.old.count) / Double(instance.pageCount)
                #expect((0.3...0.44).contains(share), "\(share)")
            }
        }
        #expect(listed == Set(pool.pages.indices.filter { pool.pages[$0].isResident }))
        #expect(listed.count == pool.residentCount)
    }

    @Test func `the oldest changes are chosen first and pages being written are left alone`() {
        var pool = PoolModel(Self.scenario(instances: 1))
        for page in 0..<10 {
            pool.instances[0].free -= 1
            pool.insert(page, millisecond: 0)
            pool.change(page, start: UInt64(1000 + page), end: UInt64(1001 + page))
        }
        // A second change does not make a page younger.
        pool.change(0, start: 5000, end: 5001)
        #expect(pool.chooseOldest(0, below: 1005, count: 3).chosen == [0, 1, 2])
        #expect(pool.take(1) == 1001)
        #expect(pool.chooseOldest(0, below: 1005, count: 10).chosen == [0, 2, 3, 4])
        // Changed while it is being written, it is listed again, by that change.
        pool.change(1, start: 6000, end: 6001)
        let (chosen, skipped) = pool.chooseOldest(0, below: .max, count: 100)
        #expect(!chosen.contains(1))
        #expect(skipped == 0, "a page that is being written keeps no request alive")
        pool.pages[2].holders = 1
        #expect(pool.chooseOldest(0, below: .max, count: 100).skipped == 1)
        pool.pages[2].holders = 0
        pool.pages[1].isWriting = false
        #expect(pool.chooseOldest(0, below: .max, count: 100).chosen.last == 1)
    }

    @Test func `a sweep frees clean pages and names dirty ones, oldest use first`() {
        var pool = PoolModel(Self.scenario(instances: 1))
        for page in 0..<1000 {
            pool.instances[0].free -= 1
            pool.insert(page, millisecond: 0)
        }
        let tail = pool.instances[0].old.oldest
        pool.change(Int(tail), start: 9000, end: 9001)
        let (freed, dirty) = pool.sweep(0, wanted: 5, most: 10)
        #expect(freed == 4)
        #expect(dirty == [tail])
        #expect(pool.instances[0].free == 2000 - 1000 + 4)
    }
}
