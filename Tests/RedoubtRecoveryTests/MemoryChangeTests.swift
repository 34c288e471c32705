import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import TestSupport
import Testing

@testable import RedoubtEngine
@testable import RedoubtSiege

/// Goal: a change of the memory leaves nothing behind that an opening would notice, whenever power is cut; a change
/// that cannot be made changes nothing.
///
/// Method: an engine without threads, so that the change does all of its work, over a recorded disk.
@Suite struct MemoryChangeTests {
    private func open(_ storage: SimulatedStorage) throws -> Engine {
        try EngineFixture.open(storage) { $0.memoryMaximum = .mebibytes(16) }
    }

    @Test func `every power cut during a shrink leaves a database that opens with all rows`() throws {
        let storage = SimulatedStorage()
        let engine = try open(storage)
        try engine.change { $0.memory = .mebibytes(16) }
        _ = try engine.createKeyspace("k")
        for row in 0..<40 { try engine.put("k", "row \(row)", [UInt8](repeating: 1, count: 3000)) }
        try engine.flushing.checkpointNow()
        for row in 0..<40 { try engine.put("k", "row \(row)", [UInt8](repeating: 2, count: 3000)) }
        let written = engine.statistics()[.pagesWritten]
        var options = CrashExplorer.Options()
        options.firstEvent = storage.trace.count
        options.statesPerPoint = 4
        options.seededSubsetCount = 4
        options.tearLimit = 4
        try engine.change { $0.memory = .mebibytes(8) }
        #expect(engine.poolResizeStatus.phase == .none)
        #expect(engine.statistics()[.pagesWritten] > written, "dirty pages had to leave")
        #expect(FlushTrace(storage).breaches == [])
        let explorer = CrashExplorer(storage, options: options)
        #expect(explorer.stateCount > 10)
        let report = explorer.judge(threadCount: 1) { state in
            let engine = try open(state.storage)
            for row in 0..<40 where try engine.get("k", "row \(row)") != [UInt8](repeating: 2, count: 3000) {
                throw RedoubtError(.corruptPage, "row \(row)")
            }
            guard try engine.check().isEmpty else { throw RedoubtError(.corruptPage, "the check finds something") }
            try engine.close()
            return [0]
        }
        #expect(report.failures.isEmpty && report.isComplete, "\(report)")
        try engine.close()
    }

    @Test func `memory changes with everything that follows it, or not at all`() throws {
        let engine = try open(SimulatedStorage())
        let pool = engine.kernel.pool
        let small = pool.frameCount
        try engine.change {
            $0.memory = .mebibytes(16)
            $0.bufferPool.lruScanDepth = 17
        }
        #expect(pool.frameCount > small && pool.instances[0].freeTarget == 17)
        #expect(engine.statistics()[.memoryLimit] == 16 << 20)
        #expect(engine.statistics()[.poolFrameTarget] == UInt64(pool.frameCount))
        for size in [ByteCount.mebibytes(17), .mebibytes(7)] {
            do throws(RedoubtError) {
                try engine.change {
                    $0.memory = size
                    $0.flushing.ioCapacity = 999
                }
                Issue.record("\(size) was accepted")
            } catch {
                #expect(error.code == .invalidConfiguration && error.message.hasPrefix("memory is \(size.rawValue),"))
            }
        }
        engine.kernel.pool.fence(RedoubtError(.systemCallFailed, "a write failed"))
        do throws(RedoubtError) {
            try engine.change { $0.memory = .mebibytes(8) }
            Issue.record("a fenced engine changed its memory")
        } catch {
            #expect(error.code == .fenced)
        }
        #expect(engine.configuration.memory == .mebibytes(16) && engine.configuration.flushing.ioCapacity != 999)
        #expect(throws: RedoubtError.self) { try engine.close() }
    }
}
