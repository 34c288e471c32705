import RedoubtCore
import Testing

@testable import RedoubtPolicy

/// Goal: what `redoubt` decides besides the redo age is right: frames, the window of writes, idle time, instances.
/// Method: one situation for each rule, in virtual time.
@Suite struct RedoubtFlushingTests {
    @Test func `an LRU flusher keeps a reserve through steps of demand`() {
        for policy in [FlushingPolicy.redoubt, .perconaLRU] {
            let worst = simulateLRU(policy, demand: [0, 200, 4000, 1000, 8000, 0, 3000])
            print("\(policy): least free frames by phase \(worst.least), most writes in 10 ms \(worst.burst)")
            guard policy == .redoubt else { continue }
            #expect(worst.least.allSatisfy { $0 > 0 })
            // 80 frames are taken in 10 ms; a reserve that grows takes more for a while.
            #expect(worst.burst < 320)
        }
    }

    @Test func `demand that stops lets the flusher sleep, and waiting threads get all at once`() {
        var reserve = LRUReserve()
        var inputs = LRUInputs()
        (inputs.freeFrameTarget, inputs.freeFrameCount, inputs.pageCount) = (256, 256, 8192)
        var sleep: UInt64 = 0
        for round in 0..<20 {
            inputs.now = UInt64(round) * 1_000_000_000
            sleep = reserve.decide(inputs).sleep
        }
        #expect(sleep == LRUReserve.longest)
        inputs.now += 10_000_000
        (inputs.freeFrameCount, inputs.framesTaken, inputs.frameWaits) = (0, 256, 3)
        let found = reserve.decide(inputs)
        #expect(found.pages >= 64)
        #expect(found.sleep == LRUReserve.shortest)
    }

    @Test func `a flusher whose batches take longer than its sleep still keeps up`() {
        var reserve = LRUReserve()
        var inputs = LRUInputs()
        (inputs.freeFrameTarget, inputs.freeFrameCount, inputs.pageCount) = (700, 700, 6000)
        var least = Int.max
        for round in 0..<400 {
            let decision = reserve.decide(inputs)
            // 12000 frames a second are taken while the batch is written, and while the flusher sleeps.
            let taken = Int((20_000_000 + decision.sleep) * 12000 / 1_000_000_000)
            inputs.now += 20_000_000 + decision.sleep
            inputs.framesTaken += UInt64(taken)
            inputs.freeFrameCount = max(0, inputs.freeFrameCount + decision.pages - taken)
            if round >= 50 { least = min(least, inputs.freeFrameCount) }
        }
        #expect(least > 100)
    }

    @Test func `the window finds the device's depth and leaves it when writes queue`() {
        var window = WriteWindow()
        var size = 16
        for _ in 0..<100 { size = window.update(minimumLatency: 100_000, inFlight: size, isUrgent: false) }
        #expect(size == 116)
        for _ in 0..<100 { size = window.update(minimumLatency: 100_000, inFlight: 40, isUrgent: false) }
        #expect(size == 116, "not used, so not grown")
        for _ in 0..<3 { size = window.update(minimumLatency: 300_000, inFlight: size, isUrgent: false) }
        #expect(size == 39)
        #expect(window.update(minimumLatency: 300_000, inFlight: 39, isUrgent: true) == 40)
        for _ in 0..<30 { size = window.update(minimumLatency: 5_000_000, inFlight: size, isUrgent: true) }
        #expect(size == Int(WriteWindow.minimum))
    }

    @Test func `instances give pages by how many old ones they have`() {
        var policy = RedoubtFlushing()
        var inputs = FlushingInputs.sample()
        inputs.addDirty(1000, age: 82_000_000, youngest: 60_000_000)
        // The second instance's pages are young.
        inputs.instances[1].ages = DirtyAges(redoCapacity: 100 << 20)
        for _ in 0..<1000 { inputs.instances[1].ages.add(inputs.currentLSN - 1_000_000) }
        var pages = [0, 0]
        for _ in 0..<50 {
            inputs = inputs.later(seconds: 0.02, redo: 4000)
            let found = policy.decide(inputs)
            pages = zip(pages, found.listPages).map { $0 + $1 }
            #expect(found.isPaced && found.nextRound == RedoubtFlushing.round)
        }
        #expect(pages[0] > 20)
        #expect(pages[1] == 0)
    }

    @Test func `pages that are all on their way still bound what is admitted`() {
        var inputs = FlushingInputs.sample()
        let limit = RedoubtFlushing.ageLimit(inputs)
        inputs.oldestModification = inputs.currentLSN - UInt64(0.9 * limit)
        var policy = RedoubtFlushing()
        let admission = policy.decide(inputs).admission
        let most = 0.1 * limit / (2 * AgeControl.round) + 100
        #expect(admission.map { $0 > 0 && $0 <= most } == true, "\(String(describing: admission)), at most \(most)")
    }

    @Test func `idle flushing begins after a second and honours its share`() {
        var policy = RedoubtFlushing()
        var inputs = FlushingInputs.sample()
        inputs.addDirty(2000, age: 1_000_000)
        inputs.isIdle = true
        inputs.options.idlePercent = 40
        var modes: [FlushingRecommendation.Mode] = []
        var last = policy.decide(inputs)
        for _ in 0..<40 {
            inputs = inputs.later(seconds: 0.05)
            last = policy.decide(inputs)
            modes.append(last.mode)
        }
        #expect(!modes.prefix(15).contains(.idle))
        #expect(modes.last == .idle)
        #expect(last.listPageCount == 8, "40 % of 1000 pages a second, in a 50th")
        inputs.hasPendingReads = true
        #expect(policy.decide(inputs.later(seconds: 0.05)).mode != .idle)
    }

    @Test func `too large a dirty share is written down within a second`() {
        var policy = RedoubtFlushing()
        var inputs = FlushingInputs.sample()
        inputs.addDirty(4096, age: 10_000_000)
        inputs.instances[0].freeFrameCount = 0
        inputs.instances[1].freeFrameCount = 0
        var sum = 0
        for _ in 0..<50 {
            inputs = inputs.later(seconds: 0.02, redo: 40)
            sum += policy.decide(inputs).listPageCount
        }
        #expect((700...1000).contains(sum), "a tenth of 8192 pages; \(sum)")
    }

    /// Takes frames at each of the rates for five seconds, with a flusher that asks the policy; returns the least free
    /// frames of each phase but its first half second, and the largest batch.
    private func simulateLRU(_ policy: FlushingPolicy, demand: [Int]) -> (least: [Int], burst: Int) {
        var decisions = makeDecisions(policy)
        var inputs = LRUInputs()
        (inputs.freeFrameTarget, inputs.freeFrameCount, inputs.pageCount) = (256, 256, 16384)
        var (wake, earliest) = (0, 0)
        var plan = decisions.decideLRU(inputs)
        var least: [Int] = []
        var burst = 0
        for (phase, rate) in demand.enumerated() {
            least.append(.max)
            for step in 0..<5000 {
                let now = phase * 5000 + step
                inputs.now = UInt64(now) * 1_000_000
                let wanted = rate * (step + 1) / 1000 - rate * step / 1000
                let taken = min(wanted, inputs.freeFrameCount)
                inputs.freeFrameCount -= taken
                inputs.framesTaken += UInt64(taken)
                if taken < wanted { inputs.frameWaits += 1 }
                // Whoever finds few frames wakes the flusher.
                let isShort = inputs.freeFrameCount < plan.freeTarget / 2
                if taken < wanted || (taken > 0 && isShort) { wake = min(wake, now) }
                if now >= wake && now >= earliest {
                    let pages = max(0, min(plan.pages, plan.freeTarget - inputs.freeFrameCount))
                    burst = max(burst, pages)
                    inputs.freeFrameCount += pages
                    inputs.lastWritten = pages
                    plan = decisions.decideLRU(inputs)
                    wake = now + max(1, Int(plan.sleep / 1_000_000))
                    earliest = now + 5
                }
                // The first half second of a step finds a flusher that sleeps, or a reserve for another demand.
                if step >= 500 { least[phase] = min(least[phase], inputs.freeFrameCount) }
            }
        }
        return (least, burst)
    }
}
