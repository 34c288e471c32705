import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: no thread waits for ever, none is starved, and every bug of this kind that page cleaners are known for would
/// be noticed.
///
/// Method: scenarios in simulated schedules, each with the rule kept and with the rule broken on purpose; tiny pools
/// and redo logs under every policy with threads of the operating system; failing writes under every policy.
@Suite(.timeLimit(.minutes(20))) struct CleanerLivenessTests {
    @Test("A rule that is kept passes, one that is broken is noticed", arguments: CleanerScenario.all)
    func scenario(_ scenario: CleanerScenario) throws {
        for seed: UInt64 in 1...3 {
            var options = scenario.options
            options.seed = seed
            #expect(try CleanerWorld.run(options, breaking: [], scenario.body), "as shipped, seed \(seed)")
        }
        #if REDOUBT_INTERLEAVING
        #expect(try !CleanerWorld.run(scenario.options, breaking: [scenario.rule], scenario.body), "broken")
        #endif
    }

    @Test(
        "64 frames an instance and 2 MiB of redo: 10^5 operations of several threads end, and nothing is lost",
        arguments: FlushingPolicy.allCases,
        [1, 8]
    )
    func tiny(_ policy: FlushingPolicy, _ instances: Int) throws {
        var configuration = try Self.tinyConfiguration(instances: instances)
        configuration.flushing.policy = policy
        let pages = UInt32(3 * 64 * instances)
        let fixture = try PoolFixture(configuration, pageCount: pages)
        #expect(fixture.pool.frameCount == 64 * instances && fixture.pool.instances.count == instances)
        #expect(Int(fixture.log.relaxedOrderWindow) <= fixture.log.limits.capacity.rawValue / 8)
        try fixture.flushing.start()
        let threads = 4
        let share = pages / UInt32(threads)
        let last = Mutex<[UInt32: UInt32]>([:])
        try onThreads(threads, within: 120) { thread in
            var random = SeededRandom(seed: UInt64(thread))
            var values: [UInt32: UInt32] = [:]
            for round in 0..<UInt32(2090) {
                let own = UInt32(thread) * share + UInt32(random.below(Int(share)))
                guard random.below(4) > 0 else {
                    _ = try fixture.value(page(UInt32(random.below(Int(pages)))))
                    continue
                }
                // In the order of pages, as trees do.
                let count = min(1 + UInt32(random.below(3)), UInt32(thread + 1) * share - own)
                var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 4096, pins: 3)
                for number in own..<own + count {
                    let frame = try transaction.latchExclusive(page(number))
                    for offset in 0..<4 { PoolFixture.write(round, at: 100 + 4 * offset, frame, &transaction) }
                    values[number] = round
                }
                transaction.commit()
            }
            last.withLock { $0.merge(values) { $1 } }
        }
        try fixture.flushing.shutDown()
        for (number, value) in last.withLock({ $0 }) { #expect(try fixture.fileValue(page(number)) == value) }
        fixture.close()
    }

    @Test("A request that finds nothing leaves the round its pages", arguments: [UInt64(1), 2, 3])
    func emptyRequest(_ seed: UInt64) throws {
        var options = CleanerWorld.Options()
        options.seed = seed
        options.latencyMicroseconds = 2000
        options.configuration.flushing.idlePercent = 100
        options.configuration.flushing.ioCapacity = 120
        let isServed = try CleanerWorld.run(options, breaking: []) { fixture in
            for number: UInt32 in 0..<100 { try fixture.change(page(number), to: 1) }
            let statistics = fixture.flushing.statistics
            guard fixture.wait(milliseconds: 5000, until: { statistics.pagesWritten(.idle) > 0 }) else { return false }
            let rounds = statistics.rounds
            // Older than any page.
            fixture.flushing.requestFlush(below: LogSequenceNumber(rawValue: 1))
            let isServed = fixture.wait(milliseconds: 5000) { fixture.pool.dirtyCount == 0 }
            return isServed && statistics.rounds == rounds
        }
        #expect(isServed)
    }

    /// The smallest engine: its memory is what gives 64 frames an instance.
    private static func tinyConfiguration(instances: Int) throws -> Configuration {
        var configuration = PoolFixture.small
        configuration.redoLog.capacity = .mebibytes(2)
        configuration.redoLog.checkpointIntervalMilliseconds = 50
        configuration.bufferPool.instanceCount = instances
        configuration.memory = .mebibytes(3)
        while true {
            if let plan = try? MemoryPlan(configuration), plan.frameCount >= 64 * instances,
                plan.instanceCount == instances
            {
                return configuration
            }
            configuration.memory = .bytes(configuration.memory.rawValue + 8192)
            try #require(configuration.memory < .mebibytes(64))
        }
    }

    @Test("A failing write fences under every policy, and all threads end", arguments: FlushingPolicy.allCases)
    func fence(_ policy: FlushingPolicy) throws {
        var configuration = try Self.tinyConfiguration(instances: 4)
        configuration.flushing.policy = policy
        let fixture = try PoolFixture(configuration, pageCount: 600)
        try fixture.flushing.start()
        fixture.storage.inject(SimulatedFault(.write, role: .data, skipping: 40))
        let refused = Atomic<Int>(0)
        try onThreads(4, within: 60) { thread in
            var random = SeededRandom(seed: UInt64(thread))
            while true {
                do {
                    try fixture.change(page(UInt32(150 * thread + random.below(150))), to: 1)
                } catch let error as RedoubtError where error.code == .fenced {
                    refused.wrappingAdd(1, ordering: .relaxed)
                    return
                }
            }
        }
        #expect(refused.load(ordering: .relaxed) == 4)
        #expect(spin { fixture.flushing.liveThreadCount == 0 })
        fixture.close()
    }
}
