extension Configuration {
    /// The least that ``memory`` can be, in bytes.
    package static let memoryMinimum = 8 << 20
    /// The most that ``memory`` and ``memoryMaximum`` can be, in bytes: frames have numbers of 32 bits.
    package static let memoryLimit = 32 << 40

    /// Checks every range and relation.
    ///
    /// - Throws: `.invalidConfiguration` that names the option, its value and its range.
    public func validate() throws(RedoubtError) {
        try require("memory", memory.rawValue, in: Self.memoryMinimum...Self.memoryLimit)
        if let memoryMaximum {
            try require("memoryMaximum", memoryMaximum.rawValue, in: Self.memoryMinimum...Self.memoryLimit)
            guard memory <= memoryMaximum else {
                throw RedoubtError(
                    .invalidConfiguration,
                    "memory is \(memory.rawValue), but must be in \(Self.memoryMinimum)...\(memoryMaximum.rawValue), "
                        + "the end being memoryMaximum"
                )
            }
        }
        try require("bufferPool.instanceCount", bufferPool.instanceCount, in: 0...64)
        try require("bufferPool.oldSublistPercent", bufferPool.oldSublistPercent, in: 5...95)
        try require("bufferPool.oldSublistMilliseconds", bufferPool.oldSublistMilliseconds, in: 0...Int(UInt32.max))
        try require("bufferPool.lruScanDepth", bufferPool.lruScanDepth, in: 16...Int(UInt32.max))
        try require("bufferPool.readAheadThreshold", bufferPool.readAheadThreshold, in: 0...64)
        try require("bufferPool.dumpPercent", bufferPool.dumpPercent, in: 1...100)
        try require("redoLog.capacity", redoLog.capacity.rawValue, in: 2 << 20...128 << 30)
        try require("redoLog.fileCount", redoLog.fileCount, in: 4...32)
        try requirePowerOfTwo("redoLog.bufferCapacity", redoLog.bufferCapacity.rawValue, in: 256 << 10...1 << 32)
        try requirePowerOfTwo("redoLog.writeAheadSize", redoLog.writeAheadSize.rawValue, in: 512...16384)
        try require(
            "redoLog.checkpointIntervalMilliseconds",
            redoLog.checkpointIntervalMilliseconds,
            in: 10...Int(Int32.max)
        )
        try require("redoLog.deferredFlushMilliseconds", redoLog.deferredFlushMilliseconds, in: 1...Int(Int32.max))
        let ioCapacity = flushing.ioCapacity.pagesPerSecond ?? 100
        try require("flushing.ioCapacity", ioCapacity, in: 100...Int(Int32.max))
        try require("flushing.ioCapacityMaximum", flushing.ioCapacityMaximum, in: ioCapacity...Int(Int32.max))
        try require("flushing.dirtyPagePercentMaximum", flushing.dirtyPagePercentMaximum, in: 1...99)
        try require(
            "flushing.dirtyPagePercentLowWater",
            flushing.dirtyPagePercentLowWater,
            in: 0...flushing.dirtyPagePercentMaximum
        )
        try require("flushing.idlePercent", flushing.idlePercent, in: 0...100)
        try require("flushing.redoAgePercentLowWater", flushing.redoAgePercentLowWater, in: 0...70)
        try require("flushing.averagingLoops", flushing.averagingLoops, in: 1...1000)
        try require("flushing.cleanerThreads", flushing.cleanerThreads, in: 1...64)
        let recovery = flushing.targetRecoveryTime
        guard (.seconds(1) ... .seconds(3600)).contains(recovery) else {
            // Not the description of a duration, which says 3600.9999999999995 for 3601.
            let (seconds, rest) = recovery.components
            let milliseconds = rest == 0 ? "" : " and \(rest / 1_000_000_000_000_000) ms"
            throw RedoubtError(
                .invalidConfiguration,
                "flushing.targetRecoveryTime is \(seconds) s\(milliseconds), but must be in 1...3600 s"
            )
        }
        try require("flushing.doublewriteBatchPages", flushing.doublewriteBatchPages, in: 1...512)
        try require("storage.queueDepth", storage.queueDepth, in: 1...1024)
    }

    private func require(_ option: String, _ value: Int, in range: ClosedRange<Int>) throws(RedoubtError) {
        guard range.contains(value) else {
            throw RedoubtError(
                .invalidConfiguration,
                "\(option) is \(value), but must be in \(range.lowerBound)...\(range.upperBound)"
            )
        }
    }

    private func requirePowerOfTwo(
        _ option: String,
        _ value: Int,
        in range: ClosedRange<Int>
    ) throws(RedoubtError) {
        try require(option, value, in: range)
        guard value & (value - 1) == 0 else {
            throw RedoubtError(
                .invalidConfiguration,
                "\(option) is \(value), but must be a power of two in \(range.lowerBound)...\(range.upperBound)"
            )
        }
    }
}
