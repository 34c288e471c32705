import RedoubtCore
import Testing

@testable import RedoubtPolicy

/// Goal: no policy repeats the cleaner bugs that MariaDB had to fix between 2021 and 2026. Method: for each, the
/// situation that exposed it, put to every policy; rounds go on until the policy has settled.
@Suite struct HistoricCleanerBugsTests {
    /// MDEV-24949: after the server went idle, dirty pages stayed dirty for ever.
    @Test(arguments: FlushingPolicy.allCases)
    func `idle flushing lost`(policy: FlushingPolicy) {
        var inputs = FlushingInputs.sample()
        // So few and so young that nothing else asks for them.
        inputs.addDirty(50, age: 1_000_000)
        inputs.isIdle = true
        let last = settle(policy, inputs)
        #expect(last.mode == .idle)
        #expect(last.listPageCount > 0)
    }

    /// MDEV-25093: the low-water mark of the redo age was only looked at once the dirty share had reached its own.
    @Test(arguments: FlushingPolicy.allCases)
    func `the age alone did not start flushing`(policy: FlushingPolicy) {
        var inputs = FlushingInputs.sample()
        // One percent dirty, but half of the redo old; for `redoubt`, which holds the age at a target, three quarters.
        inputs.addDirty(40, age: policy == .redoubt ? 75_000_000 : 45_000_000)
        #expect(inputs.dirtyPagePercent < Double(inputs.options.dirtyPagePercentLowWater))
        // Short rounds ask for less than a page each.
        #expect(pagesAskedFor(policy, inputs, redo: 1_000_000) > 0)
        var young = FlushingInputs.sample()
        young.addDirty(40, age: 1_000_000)
        guard policy == .mysql80 || policy == .mysql57 || policy == .mariadb else { return }
        let last = settle(policy, young, redo: 1000)
        #expect(last.figures.percentForAge == 0, "below the mark the age asks for nothing")
    }

    /// MDEV-31939: the low-water mark of the dirty share reached the formula as 0, which means off.
    @Test(arguments: [FlushingPolicy.mysql80, .mysql57, .mariadb, .perconaLRU])
    func `the low-water mark passed as zero`(policy: FlushingPolicy) {
        var inputs = FlushingInputs.sample()
        inputs.addDirty(1600, age: 1_000_000)
        inputs.options.adaptive = policy != .mariadb
        inputs.options.dirtyPagePercentLowWater = 10
        let with = settle(policy, inputs, redo: 1000)
        inputs.options.dirtyPagePercentLowWater = 0
        let without = settle(policy, inputs, redo: 1000)
        #expect(with.listPageCount > 2 * without.listPageCount + 20, "\(with.listPages) and \(without.listPages)")
    }

    /// MDEV-33053: LRU flushing did not run until the pool was empty.
    @Test(arguments: FlushingPolicy.allCases)
    func `LRU flushing not run until the pool was empty`(policy: FlushingPolicy) {
        var inputs = FlushingInputs.sample()
        inputs.addDirty(200, age: 1_000_000)
        // One frame less than there should be.
        for index in inputs.instances.indices { inputs.instances[index].freeFrameCount -= 1 }
        #expect(settle(policy, inputs).lruPages > 0)
        var decisions = makeDecisions(policy)
        var lru = LRUInputs()
        (lru.freeFrameTarget, lru.freeFrameCount, lru.pageCount) = (256, 10, 4096)
        var sleep: UInt64 = .max
        for round in 1...100 {
            lru.now = UInt64(round) * 100_000_000
            lru.framesTaken += 200
            lru.lastWritten = 100
            let found = decisions.decideLRU(lru)
            #expect(found.pages > 0)
            #expect(found.freeTarget > 10)
            sleep = found.sleep
        }
        #expect(sleep <= 1_000_000_000, "frames run out, and the flusher sleeps")
        if decisions.usesLRUThreads { #expect(sleep <= 50_000_000) }
    }

    /// MDEV-34265: furious flushing skipped LRU eviction, while who held the latches of its pages waited for a frame.
    @Test(arguments: FlushingPolicy.allCases)
    func `furious flushing without LRU eviction was a deadlock`(policy: FlushingPolicy) {
        var inputs = FlushingInputs.sample()
        inputs.addDirty(4000, age: 86_000_000)
        for index in inputs.instances.indices {
            inputs.instances[index].freeFrameCount = 0
            inputs.instances[index].frameWaits = 1
        }
        let last = settle(policy, inputs, redo: 1000)
        #expect(last.mode == .sync)
        #expect(last.lruPages > 0)
        #expect(last.flushesLRUFirst, "frames come first: the pages to write may be latched by who waits for one")
    }

    /// MDEV-36226: flush-list batches used up the whole budget of a round, and nothing was left for LRU batches.
    @Test(arguments: FlushingPolicy.allCases)
    func `flush lists took the budget of LRU batches`(policy: FlushingPolicy) {
        for age in [1_000_000, 40_000_000, 75_000_000, 86_000_000] {
            for isIdle in [false, true] {
                var inputs = FlushingInputs.sample()
                inputs.addDirty(4000, age: age)
                inputs.isIdle = isIdle
                inputs.options.ioCapacityMaximum = inputs.ioCapacity
                for index in inputs.instances.indices { inputs.instances[index].freeFrameCount = 0 }
                let last = settle(policy, inputs, redo: isIdle ? 0 : 100_000)
                #expect(last.lruPages >= 256, "age \(age), idle \(isIdle): \(last)")
            }
        }
    }

    /// MDEV-39600: writers contended for a lock to tell the cleaner its target. Here a policy sees the age itself: the
    /// target follows from the inputs of one round, and nobody tells it anything.
    @Test(arguments: FlushingPolicy.allCases)
    func `writers had to tell the cleaner its target`(policy: FlushingPolicy) {
        var decisions = makeDecisions(policy)
        var calm = FlushingInputs.sample()
        calm.addDirty(100, age: 1_000_000)
        _ = decisions.decide(calm)
        var inputs = FlushingInputs.sample(now: 2_000_000_000)
        inputs.addDirty(4000, age: 86_000_000)
        let found = decisions.decide(inputs)
        #expect(found.mode == .sync)
        #expect(found.lsnLimit > inputs.oldestModification ?? 0)
        #expect(found.listPageCount > 0)
    }

    /// Puts the inputs to the policy until it has settled; `redo` bytes are added each second.
    private func settle(_ policy: FlushingPolicy, _ inputs: FlushingInputs, redo: UInt64 = 0) -> FlushingRecommendation
    {
        run(policy, inputs, redo: redo, rounds: 60).last
    }

    private func pagesAskedFor(_ policy: FlushingPolicy, _ inputs: FlushingInputs, redo: UInt64) -> Int {
        run(policy, inputs, redo: redo, rounds: 300).pages
    }

    private func run(
        _ policy: FlushingPolicy,
        _ inputs: FlushingInputs,
        redo: UInt64,
        rounds: Int
    ) -> (last: FlushingRecommendation, pages: Int) {
        var decisions = makeDecisions(policy)
        var present = inputs
        var last = decisions.decide(present)
        var pages = 0
        for _ in 0..<rounds {
            let nanoseconds = max(50_000_000, last.nextRound)
            present = present.later(seconds: Double(nanoseconds) / 1e9, redo: redo * nanoseconds / 1_000_000_000)
            last = decisions.decide(present)
            pages += last.listPageCount
        }
        return (last, pages)
    }
}
