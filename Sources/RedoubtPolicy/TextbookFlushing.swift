import RedoubtCore

/// The textbook: pages per second are a percentage of the capacity, the larger of what the dirty share and what the
/// redo age asks for.
///
/// `F1 = min(100, 100 x dirty share / maximum)`; `F2 = min(100, 100 x age / asynchronous limit)` from the low-water
/// mark on; `R = max(F1, F2)`; pages per second are `ioCapacity x R %`. Nothing is averaged. Idle flushing is
/// unlimited, and so is flushing when the redo is nearly full.
package struct TextbookFlushing: FlushingDecisions, Hashable {
    /// Creates the policy.
    package init() {}

    package mutating func decide(_ inputs: FlushingInputs) -> FlushingRecommendation {
        var result = FlushingRecommendation(
            instanceCount: inputs.instances.count,
            lruPages: max(1, inputs.freeFrameTarget)
        )
        guard inputs.dirtyPageCount > 0 else { return result }
        let forDirty = Self.percentForDirty(inputs)
        let forAge = Self.percentForAge(inputs)
        result.figures.percentForDirty = forDirty
        result.figures.percentForAge = forAge
        let percent = max(forDirty, forAge)
        if inputs.options.flushSync, let limit = inputs.syncFlushLSN {
            result.mode = .sync
            result.lsnLimit = limit
            result.nextRound = 0
            result.listPages = inputs.instances.map(\.dirtyPageCount)
        } else if inputs.isIdle && inputs.options.idlePercent > 0 {
            result.mode = .idle
            result.listPages = inputs.instances.map(\.dirtyPageCount)
        } else if percent > 0 {
            result.mode = .active
            result.listPages = inputs.evenly(max(1, inputs.ioCapacity * percent / 100))
        }
        return result
    }

    /// F1.
    static func percentForDirty(_ inputs: FlushingInputs) -> Int {
        min(100, Int(100 * inputs.dirtyPagePercent / Double(max(1, inputs.options.dirtyPagePercentMaximum))))
    }

    /// F2.
    static func percentForAge(_ inputs: FlushingInputs) -> Int {
        let limits = inputs.limits
        let age = inputs.age
        if age < limits.freeCheckCapacity / 100 * inputs.options.redoAgePercentLowWater { return 0 }
        if !inputs.options.adaptive && age < limits.dirtyPageAge { return 0 }
        return min(100, Int(100 * Double(age) / Double(max(1, limits.dirtyPageAge))))
    }
}
