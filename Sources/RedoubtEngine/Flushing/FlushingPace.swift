import RedoubtCore
import RedoubtLog

/// How many pages a second to write: the plain pace, a pure function.
enum FlushingPace {
    /// Returns the pages to write in the next second.
    ///
    /// Idle: the idle share of the I/O capacity. Else the larger of two: by the dirty share, from the low-water mark
    /// on, in proportion up to the full capacity; by the redo age, from an eighth of the asynchronous limit on, with
    /// the square of the age up to the maximal capacity.
    static func pagesPerSecond(
        dirtyPercent: Double,
        age: Double,
        limits: LogLimits,
        options: Configuration.Flushing,
        isIdle: Bool
    ) -> Int {
        let capacity = Double(options.ioCapacity)
        if isIdle { return Int(capacity * Double(options.idlePercent) / 100) }
        var pages = 0.0
        let low = Double(options.dirtyPagePercentLowWater)
        if low > 0 && dirtyPercent >= low {
            pages = capacity * min(1, dirtyPercent / Double(options.dirtyPagePercentMaximum))
        }
        let share = min(1, age / Double(max(1, limits.asyncFlushAge)))
        if share > 0.125 { pages = max(pages, Double(options.ioCapacityMaximum) * share * share) }
        return Int(pages)
    }
}
