import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: options changed while the engine is open reach what they govern; a refused change changes nothing.
///
/// Method: each option is changed and looked for where it is used; intervals are changed from hours to milliseconds,
/// and what they pace must then happen.
@Suite struct OptionsTests {
    private static let threads = 4

    @Test("The pool and the policies see what was changed")
    func mechanisms() throws {
        let engine = try EngineFixture.open(SimulatedStorage())
        let pool = engine.kernel.pool
        let instance = pool.instances[0]
        #expect(instance.freeTarget == instance.frameCount / 8)
        try engine.change {
            $0.bufferPool.lruScanDepth = 16
            $0.bufferPool.oldSublistPercent = 50
            $0.bufferPool.oldSublistMilliseconds = 7
            $0.bufferPool.readAheadThreshold = 9
            $0.bufferPool.randomReadAhead = true
            $0.flushing.neighbours = .extent
            $0.flushing.policy = .textbook
            $0.flushing.ioCapacity = 333
            $0.durability = .deferred
        }
        #expect(instance.freeTarget == 16 && instance.lru.oldRatio == 512)
        #expect(pool.options.oldSublistMilliseconds.load(ordering: .relaxed) == 7)
        #expect(pool.options.readAheadThreshold.load(ordering: .relaxed) == 9)
        let readsAheadAtRandom = pool.options.readsAheadAtRandom.load(ordering: .relaxed)
        #expect(readsAheadAtRandom)
        #expect(pool.configuration.flushing.neighbours == .extent)
        #expect(engine.kernel.configuration.flushing.policy == .textbook)
        #expect(engine.kernel.configuration.flushing.ioCapacity == 333)
        #expect(engine.defaultDurability == .deferred && engine.configuration.durability == .deferred)
        #expect(engine.kernel.options.version == 1)
        try engine.close()
    }

    @Test("The redo capacity changes with the option")
    func redoCapacity() throws {
        let engine = try EngineFixture.open(SimulatedStorage())
        try engine.change { $0.redoLog.capacity = .mebibytes(3) }
        #expect(engine.configuration.redoLog.capacity == .mebibytes(3))
        #expect(engine.statistics().redoCapacity == .mebibytes(3))
        try engine.close()
    }

    @Test("What is out of range, or fixed, is refused by name, and all else that was asked for with it")
    func refusals() throws {
        let engine = try EngineFixture.open(SimulatedStorage())
        let before = engine.configuration
        let changes: [(String, (inout Configuration) -> Void)] = [
            ("memory", { $0.memory = .mebibytes(16) }),
            ("flushing.cleanerThreads", { $0.flushing.cleanerThreads = 1 }),
            ("flushing.idlePercent", { $0.flushing.idlePercent = 101 }),
            ("flushing.doublewrite", { $0.flushing.doublewrite = .off }),
            ("redoLog.capacity", { $0.redoLog.capacity = .mebibytes(1) }),
        ]
        for (name, change) in changes {
            do throws(RedoubtError) {
                try engine.change {
                    $0.flushing.ioCapacity = 999
                    change(&$0)
                }
                Issue.record("\(name) was accepted")
            } catch {
                #expect(error.code == .invalidConfiguration && error.message.contains(name), "\(error.message)")
            }
        }
        #expect(engine.configuration == before && engine.kernel.options.version == 0)
        try engine.close()
        #expect(throws: RedoubtError.self) { try engine.change { $0.flushing.ioCapacity = 999 } }
    }

    @Test("Threads that change the same option lose no change")
    func concurrentChanges() throws {
        let engine = try EngineFixture.open(SimulatedStorage())
        try engine.change { $0.flushing.ioCapacity = 100 }
        try onThreads(Self.threads, within: 60) { _ in
            for _ in 0..<200 {
                try engine.change { options in
                    let present = options.flushing.ioCapacity.pagesPerSecond ?? 0
                    options.flushing.ioCapacity = .pagesPerSecond(present + 1)
                }
            }
        }
        #expect(engine.configuration.flushing.ioCapacity == .pagesPerSecond(100 + 200 * Self.threads))
        try engine.close()
    }

    @Test("An interval of hours that is cut to milliseconds counts soon", .timeLimit(.minutes(20)))
    func intervals() throws {
        let engine = try EngineFixture.open(SimulatedStorage(), threads: true) {
            $0.redoLog.checkpointIntervalMilliseconds = 3_600_000
            $0.redoLog.deferredFlushMilliseconds = 3_600_000
        }
        let tree = engine.tree(try engine.createKeyspace("k"))
        let result = try unsafe [UInt8](repeating: 1, count: 8).withUnsafeBytes { unsafe try tree.put($0, $0) }
        let end = try #require(result.end)
        #expect(engine.kernel.log.flushedLSN < end)
        try engine.change { $0.redoLog.deferredFlushMilliseconds = 5 }
        #expect(spin(within: 20) { engine.kernel.log.flushedLSN >= end })
        try engine.put("k", "more", [1])
        try engine.flushing.flushAll()
        try engine.change { $0.redoLog.checkpointIntervalMilliseconds = 10 }
        #expect(spin(within: 20) { engine.kernel.log.checkpointLSN > end })
        try engine.close()
    }
}
