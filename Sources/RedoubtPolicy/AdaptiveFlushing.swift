import RedoubtCore

/// The formulas by which InnoDB decides how many pages to write in a second: pure functions, inputs in, number out.
///
/// Two percentages of the I/O capacity are computed, one from the share of dirty pages and one from the age of the
/// redo; the larger counts. It is averaged with the rate of the last seconds and with the pages that must go so that
/// the oldest change keeps up with the growth of the log. All divisions truncate where InnoDB's do.
///
/// The age formula is `(maximum / capacity) * f * sqrt(f) / 7.5` with `f` the age in percent of the asynchronous limit:
/// at ratio 1 it reaches 133 % of the capacity at that limit.
///
/// ``MySQL80Flushing`` is built on them, and all other policies are compared with its numbers.
///
/// ## References
/// MySQL 8.0: `page_cleaner_flush_pages_recommendation`, `get_pct_for_dirty`, `get_pct_for_lsn`.
package struct AdaptiveFlushing: Sendable, Hashable {
    /// Pages per second that flushing may count on.
    ///
    /// InnoDB: `innodb_io_capacity`.
    package var ioCapacity: Int
    /// Pages per second under pressure.
    ///
    /// InnoDB: `innodb_io_capacity_max`.
    package var ioCapacityMaximum: Int
    /// The dirty share at which flushing runs at full capacity, in percent.
    ///
    /// InnoDB: `innodb_max_dirty_pages_pct`.
    package var dirtyPagePercentMaximum: Double = 90
    /// The dirty share at which flushing starts; 0 is off.
    ///
    /// InnoDB: `innodb_max_dirty_pages_pct_lwm`.
    package var dirtyPagePercentLowWater: Double = 10
    /// The age at which it starts, in percent of the limit for new work.
    ///
    /// InnoDB: `innodb_adaptive_flushing_lwm`.
    package var redoAgePercentLowWater = 10
    /// Whether age counts below the asynchronous limit.
    ///
    /// InnoDB: `innodb_adaptive_flushing`.
    package var isAdaptive = true

    /// Creates the formulas for a device that writes `ioCapacity` pages a second, or `ioCapacityMaximum` if it must.
    package init(ioCapacity: Int, ioCapacityMaximum: Int) {
        precondition(ioCapacity > 0 && ioCapacityMaximum >= ioCapacity, "\(ioCapacity), at most \(ioCapacityMaximum)")
        self.ioCapacity = ioCapacity
        self.ioCapacityMaximum = ioCapacityMaximum
    }

    /// Creates the formulas with the capacity and the options that `inputs` have.
    package init(_ inputs: FlushingInputs) {
        self.init(ioCapacity: max(1, inputs.ioCapacity), ioCapacityMaximum: inputs.ioCapacityMaximum)
        dirtyPagePercentMaximum = Double(inputs.options.dirtyPagePercentMaximum)
        dirtyPagePercentLowWater = Double(inputs.options.dirtyPagePercentLowWater)
        redoAgePercentLowWater = inputs.options.redoAgePercentLowWater
        isAdaptive = inputs.options.adaptive
    }

    /// Returns the share of dirty pages, in percent.
    package static func dirtyPagePercent(dirtyCount: Int, pageCount: Int, freeCount: Int) -> Double {
        100 * Double(dirtyCount) / Double(1 + pageCount + freeCount)
    }

    /// Returns the percentage of the capacity that a dirty share asks for.
    package func capacityPercent(forDirtyPagePercent share: Double) -> Int {
        if share <= 0 { return 0 }
        if dirtyPagePercentLowWater == 0 { return share >= dirtyPagePercentMaximum ? 100 : 0 }
        guard share >= dirtyPagePercentLowWater else { return 0 }
        // The bound only keeps counts of different moments from overflowing.
        return Int(min(1e9, share * 100 / (dirtyPagePercentMaximum + 1)))
    }

    /// Returns the percentage of the capacity that a redo age asks for.
    ///
    /// - Parameters:
    ///   - age: The distance from the oldest modification to the end of the log, in bytes; 0 if no page is dirty.
    ///   - freeCheckLimit: The age at which new work waits.
    ///   - dirtyAgeLimit: The age at which flushing hurries, less the margin.
    package func capacityPercent(forAge age: Int, freeCheckLimit: Int, dirtyAgeLimit: Int) -> Int {
        if age < redoAgePercentLowWater * freeCheckLimit / 100 { return 0 }
        if age < dirtyAgeLimit && !isAdaptive { return 0 }
        return agePercent(factor: Double(age) * 100 / Double(max(1, dirtyAgeLimit)))
    }

    /// Returns the percentage of the capacity for an age of `factor` percent of the limit.
    package func agePercent(factor: Double) -> Int {
        // The bound only keeps absurd ages from overflowing.
        Int(min(1e9, Double(ioCapacityMaximum / ioCapacity) * factor * factor.squareRoot() / 7.5))
    }

    /// Returns the pages to write in the next second.
    ///
    /// - Parameters:
    ///   - percent: The larger of the two percentages.
    ///   - averageRate: Pages written per second of late.
    ///   - dueCount: The pages whose oldest change lies within three seconds' growth of the oldest of all.
    package func pageCount(percent: Int, averageRate: Int, dueCount: Int) -> Int {
        let due = min(max(1, dueCount / 3), 2 * ioCapacityMaximum)
        return min((ioCapacity * percent / 100 + averageRate + due) / 3, ioCapacityMaximum)
    }

    /// Returns the pages to write when the log is so full that writers wait: all that are due.
    package func pageCountWhenSynchronous(dueCount: Int) -> Int {
        max(min(max(1, dueCount), 2 * ioCapacityMaximum), ioCapacity)
    }
}
