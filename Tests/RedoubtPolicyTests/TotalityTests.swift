import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtPolicy

/// Goal: no numbers that a sensor could ever read make a decision trap, nor ask for what cannot be asked.
/// Method: sequences of decisions on seeded inputs, each drawn from the ends of its range and the middle.
@Suite(.timeLimit(.minutes(20))) struct TotalityTests {
    /// A number of `choices`, or one near it.
    private func near(_ choices: [UInt64], _ random: inout SeededRandom) -> UInt64 {
        choices[random.below(choices.count)] + UInt64(random.below(3))
    }

    private func position(_ random: inout SeededRandom) -> UInt64 {
        near([0, 8204, 1 << 20, 1 << 32, 1 << 40, 1 << 52, 1 << 61], &random)
    }

    private func count(_ random: inout SeededRandom) -> Int {
        Int(near([0, 1, 511, 65536, 1 << 31, 1 << 36], &random))
    }

    private func options(_ random: inout SeededRandom) throws -> Configuration.Flushing {
        var configuration = Configuration()
        let pages = [100, 2000, Int(Int32.max)][random.below(3)]
        configuration.flushing.ioCapacity = random.below(4) == 0 ? .automatic : .pagesPerSecond(pages)
        configuration.flushing.ioCapacityMaximum = random.below(2) == 0 ? pages : Int(Int32.max)
        configuration.flushing.dirtyPagePercentMaximum = [1, 50, 99][random.below(3)]
        configuration.flushing.dirtyPagePercentLowWater = random.below(2)
        configuration.flushing.adaptive = random.below(2) == 0
        configuration.flushing.redoAgePercentLowWater = [0, 10, 70][random.below(3)]
        configuration.flushing.averagingLoops = [1, 30, 1000][random.below(3)]
        configuration.flushing.flushSync = random.below(2) == 0
        configuration.flushing.idlePercent = [0, 100][random.below(2)]
        configuration.flushing.targetRecoveryTime = .seconds([1, 3600][random.below(2)])
        try configuration.validate()
        return configuration.flushing
    }

    private func inputs(_ options: Configuration.Flushing, _ random: inout SeededRandom) -> FlushingInputs {
        var inputs = FlushingInputs()
        inputs.options = options
        // Clocks may stand still; they start anywhere.
        inputs.now = near([0, 1, 1 << 30, 1 << 40, 1 << 62], &random)
        inputs.isIdle = random.below(2) == 0
        inputs.hasPendingReads = random.below(2) == 0
        inputs.currentLSN = position(&random)
        inputs.closedLSN = position(&random)
        inputs.checkpointLSN = position(&random)
        inputs.oldestModification = random.below(3) == 0 ? nil : position(&random)
        inputs.listPagesWritten = position(&random)
        inputs.lruPagesWritten = position(&random)
        inputs.writesInFlight = count(&random)
        inputs.writeLatency.mean = position(&random)
        inputs.writeLatency.minimum = position(&random)
        inputs.replayRate = [0, 1, 1e8, 1e300, .infinity, -.infinity, .nan][random.below(7)]
        inputs.ioCapacity = options.ioCapacity.pagesPerSecond ?? [100, 5_000_000][random.below(2)]
        let capacity = [2 << 20, 128 << 20, 128 << 30][random.below(3)]
        inputs.limits.capacity = capacity
        if random.below(4) > 0 {
            inputs.limits.asyncFlushAge = capacity / 8 * 7
            inputs.limits.syncFlushAge = capacity / 16 * 15
            inputs.limits.freeCheckCapacity = capacity / 4 * 3
            inputs.limits.dirtyPageAge = capacity / 8 * 6
            inputs.limits.margin = capacity / 8
            inputs.limits.relaxedOrderWindow = min(512 << 10, capacity / 8)
        }
        for _ in 0..<1 + random.below(3) {
            var instance = FlushingInputs.Instance(ages: DirtyAges(redoCapacity: capacity))
            instance.dirtyPageCount = count(&random)
            instance.pageCount = count(&random)
            instance.freeFrameCount = count(&random)
            instance.freeFrameTarget = count(&random)
            instance.framesTaken = position(&random)
            instance.frameWaits = position(&random)
            for _ in 0..<random.below(40) { instance.ages.add(position(&random)) }
            inputs.instances.append(instance)
        }
        return inputs
    }

    @Test(arguments: FlushingPolicy.allCases)
    func `every decision on every input is one that can be carried out`(policy: FlushingPolicy) throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            var decisions = makeDecisions(policy)
            var options = try options(&random)
            for _ in 0..<10 {
                if random.below(4) == 0 { options = try self.options(&random) }
                let inputs = inputs(options, &random)
                let result = decisions.decide(inputs)
                #expect(result.listPages.count == inputs.instances.count, "seed \(seed)")
                #expect(result.listPages.allSatisfy { (0...1 << 45).contains($0) }, "seed \(seed): \(result.listPages)")
                #expect(result.lruPages > 0 && result.writeWindow ?? 1 > 0, "seed \(seed)")
                #expect(result.admission.map { $0 >= 0 } ?? true, "seed \(seed)")
                #expect(result.nextRound <= 1_000_000_000, "seed \(seed)")
            }
        }
    }

    @Test(arguments: FlushingPolicy.allCases)
    func `every decision for an LRU list can be carried out`(policy: FlushingPolicy) throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            var decisions = makeDecisions(policy)
            for _ in 0..<10 {
                var inputs = LRUInputs()
                inputs.now = near([0, 1, 1 << 30, 1 << 62], &random)
                inputs.freeFrameCount = count(&random)
                inputs.freeFrameTarget = count(&random)
                inputs.pageCount = count(&random)
                inputs.framesTaken = position(&random)
                inputs.frameWaits = position(&random)
                inputs.lastWritten = count(&random)
                inputs.lastEvicted = count(&random)
                inputs.options = try options(&random)
                let result = decisions.decideLRU(inputs)
                #expect(result.pages >= 0 && result.freeTarget >= 0, "seed \(seed)")
                #expect(result.sleep <= 1_000_000_000, "seed \(seed)")
            }
        }
    }

    @Test func `a log that shrinks below its age stops writers, and has pages written until it fits`() {
        for flushSync in [true, false] {
            var policy = RedoubtFlushing()
            var inputs = FlushingInputs()
            inputs.options.flushSync = flushSync
            inputs.ioCapacity = 100
            for round: UInt64 in 0..<100 {
                // From 128 MiB to 2 MiB, with an age of 100 MiB; the buckets become as much narrower.
                let capacity = round < 50 ? 128 << 20 : 2 << 20
                inputs.now = (1 << 40) + round * RedoubtFlushing.round
                inputs.limits.capacity = capacity
                inputs.limits.syncFlushAge = capacity / 16 * 15
                inputs.limits.freeCheckCapacity = capacity / 4 * 3
                inputs.limits.relaxedOrderWindow = 16 << 10
                inputs.currentLSN = 1 << 30
                inputs.closedLSN = 1 << 30
                inputs.oldestModification = 1 << 30 - 100 << 20
                var instance = FlushingInputs.Instance(ages: DirtyAges(redoCapacity: capacity))
                for page in 0..<6400 { instance.ages.add((1 << 30 - 100 << 20) + UInt64(page) * 16384) }
                instance.dirtyPageCount = 6400
                instance.pageCount = 10_000
                inputs.instances = [instance]
                let result = policy.decide(inputs)
                guard round >= 50 else { continue }
                #expect(result.admission == 0)
                #expect(result.listPages[0] > 0, "round \(round), \(flushSync)")
            }
        }
    }

    @Test func `a throttle without sense in its numbers names no negative rate`() {
        let values = [0, -1, 1, 1e300, .infinity, -.infinity, .nan, .leastNonzeroMagnitude]
        for level in values {
            for target in values {
                for limit in values {
                    for flushRate in values {
                        let gauge = Throttle.Gauge(level: level, target: target, limit: limit)
                        let admission = Throttle(gauges: [gauge], flushRate: flushRate).admission
                        #expect(!(admission ?? 0 < 0), "\(level), \(target), \(limit), \(flushRate)")
                    }
                }
            }
        }
    }
}
