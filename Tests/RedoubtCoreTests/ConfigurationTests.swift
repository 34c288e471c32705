import RedoubtCore
import Testing

/// Goal: every option out of its range is refused by name, the defaults and the edges pass.
/// Method: each option in turn set to its edges and one step beyond.
@Suite struct ConfigurationTests {
    private typealias Change = (inout Configuration, Int) -> Void

    private func error(of change: (inout Configuration) -> Void) -> RedoubtError? {
        var configuration = Configuration()
        change(&configuration)
        do throws(RedoubtError) {
            try configuration.validate()
            return nil
        } catch {
            return error
        }
    }

    @Test("the defaults are valid")
    func defaults() {
        #expect(error { _ in } == nil)
    }

    @Test("each option passes at its edges and is refused by name beyond them")
    func ranges() {
        let options: [(name: String, low: Int, high: Int?, set: Change)] = [
            ("memory", 8 << 20, 32 << 40, { $0.memory = .bytes($1) }),
            ("memoryMaximum", 256 << 20, 32 << 40, { $0.memoryMaximum = .bytes($1) }),
            ("bufferPool.instanceCount", 0, 64, { $0.bufferPool.instanceCount = $1 }),
            ("bufferPool.oldSublistPercent", 5, 95, { $0.bufferPool.oldSublistPercent = $1 }),
            ("bufferPool.oldSublistMilliseconds", 0, nil, { $0.bufferPool.oldSublistMilliseconds = $1 }),
            ("bufferPool.lruScanDepth", 16, nil, { $0.bufferPool.lruScanDepth = $1 }),
            ("bufferPool.readAheadThreshold", 0, 64, { $0.bufferPool.readAheadThreshold = $1 }),
            ("redoLog.capacity", 2 << 20, 128 << 30, { $0.redoLog.capacity = .bytes($1) }),
            ("redoLog.fileCount", 4, 32, { $0.redoLog.fileCount = $1 }),
            ("redoLog.bufferCapacity", 256 << 10, nil, { $0.redoLog.bufferCapacity = .bytes($1) }),
            ("redoLog.writeAheadSize", 512, 16384, { $0.redoLog.writeAheadSize = .bytes($1) }),
            ("redoLog.checkpointIntervalMilliseconds", 10, nil, { $0.redoLog.checkpointIntervalMilliseconds = $1 }),
            ("redoLog.deferredFlushMilliseconds", 1, nil, { $0.redoLog.deferredFlushMilliseconds = $1 }),
            ("flushing.ioCapacity", 100, nil, { $0.flushing.ioCapacity = .pagesPerSecond($1) }),
            ("flushing.ioCapacityMaximum", 2000, nil, { $0.flushing.ioCapacityMaximum = $1 }),
            ("flushing.dirtyPagePercentMaximum", 10, 99, { $0.flushing.dirtyPagePercentMaximum = $1 }),
            ("flushing.dirtyPagePercentLowWater", 0, 90, { $0.flushing.dirtyPagePercentLowWater = $1 }),
            ("flushing.idlePercent", 0, 100, { $0.flushing.idlePercent = $1 }),
            ("flushing.redoAgePercentLowWater", 0, 70, { $0.flushing.redoAgePercentLowWater = $1 }),
            ("flushing.averagingLoops", 1, 1000, { $0.flushing.averagingLoops = $1 }),
            ("flushing.cleanerThreads", 1, 64, { $0.flushing.cleanerThreads = $1 }),
            ("flushing.targetRecoveryTime", 1, 3600, { $0.flushing.targetRecoveryTime = .seconds($1) }),
            ("bufferPool.dumpPercent", 1, 100, { $0.bufferPool.dumpPercent = $1 }),
            ("flushing.doublewriteBatchPages", 1, 512, { $0.flushing.doublewriteBatchPages = $1 }),
            ("storage.queueDepth", 1, 1024, { $0.storage.queueDepth = $1 }),
        ]
        for option in options {
            #expect(error { option.set(&$0, option.low) } == nil, "\(option.name)")
            if let high = option.high {
                #expect(error { option.set(&$0, high) } == nil, "\(option.name)")
            }
            for value in [option.low - 1, option.high.map { $0 + 1 }].compactMap({ $0 }) {
                // The limits that depend on another option are reported under the name of the dependent one.
                let names = [option.name, "flushing.dirtyPagePercentLowWater"]
                let refusal = error { option.set(&$0, value) }
                #expect(refusal?.code == .invalidConfiguration, "\(option.name) = \(value)")
                #expect(names.contains { refusal?.message.contains($0) == true }, "\(option.name) = \(value)")
                #expect(refusal?.message.contains("\(value)") == true || option.name.hasSuffix("PercentMaximum"))
            }
        }
    }

    @Test("sizes that must be powers of two are refused between them")
    func powersOfTwo() {
        #expect(error { $0.redoLog.bufferCapacity = .kibibytes(384) }?.message.contains("power of two") == true)
        #expect(error { $0.redoLog.writeAheadSize = .bytes(1536) }?.message.contains("power of two") == true)
    }
}
