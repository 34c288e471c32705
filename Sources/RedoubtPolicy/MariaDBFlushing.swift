import RedoubtCore

/// MariaDB 10.6 and later: one cleaner that fills up the free list after each flush-list batch, with two targets: a
/// soft one, at which it flushes ahead at the maximum rate, and a furious one, at which it does not pause.
///
/// The pool counts as one; its pages are shared out evenly. The log asks for the targets: the soft one when the age
/// passes the asynchronous limit, the furious one when it passes the limit at which writers wait
/// (``ClassicRedoLimits``). Both lie the asynchronous age before the end of the log, and a target stays until the
/// oldest change has passed it: a furious flush goes on until the age is an eighth below the limit, and then nothing is
/// written until the next second or the next request.
///
/// ## References
/// MariaDB 11.8: `buf_flush_page_cleaner`, `buf_flush_ahead`, `page_cleaner_flush_pages_recommendation`.
package struct MariaDBFlushing: FlushingDecisions, Hashable {
    private var averages = FlushingAverages()
    private var softTarget: UInt64 = 0
    private var furiousTarget: UInt64 = 0
    private var wasFurious = false

    /// Creates a policy that has seen nothing.
    package init() {}

    package mutating func decide(_ inputs: FlushingInputs) -> FlushingRecommendation {
        let most = inputs.ioCapacityMaximum
        var result = FlushingRecommendation(
            instanceCount: inputs.instances.count,
            lruPages: Self.lruPages(inputs, flushed: 0)
        )
        result.flushesLRUFirst = false
        guard let oldest = inputs.oldestModification, inputs.dirtyPageCount > 0 else {
            (softTarget, furiousTarget, wasFurious) = (0, 0, false)
            return result
        }
        updateTargets(inputs, oldest: oldest)
        if furiousTarget > 0 {
            result.mode = .sync
            result.lsnLimit = furiousTarget
            result.nextRound = 0
            // Whoever waits for a frame may hold latches that these pages need: frames come first.
            result.flushesLRUFirst = Self.needsEviction(inputs)
            result.listPages = inputs.evenly(most)
        } else if wasFurious {
            // The cleaner waits for its next second, or to be called again.
        } else if softTarget > 0 {
            result.mode = .active
            result.lsnLimit = softTarget
            result.listPages = inputs.evenly(most)
        } else if let (count, mode) = backgroundCount(inputs, oldest: oldest, figures: &result.figures) {
            result.mode = mode
            result.listPages = inputs.evenly(count)
        }
        wasFurious = furiousTarget > 0
        result.lruPages = Self.lruPages(inputs, flushed: result.listPages.reduce(0, +))
        result.figures.averagePageRate = averages.pageRate
        result.figures.averageLSNRate = averages.lsnRate
        return result
    }

    private mutating func updateTargets(_ inputs: FlushingInputs, oldest: UInt64) {
        let limits = Self.limits(inputs)
        let age = Int(inputs.currentLSN - min(inputs.currentLSN, inputs.available))
        if age > limits.asyncAge {
            let target = inputs.currentLSN - UInt64(limits.asyncAge)
            softTarget = max(softTarget, target)
            if age >= limits.checkpointAge && inputs.options.flushSync { furiousTarget = max(furiousTarget, target) }
        }
        if oldest >= furiousTarget { furiousTarget = 0 }
        if oldest >= softTarget { softTarget = 0 }
    }

    /// The pages for a second without targets, nil if none are to be written.
    private mutating func backgroundCount(
        _ inputs: FlushingInputs,
        oldest: UInt64,
        figures: inout FlushingRecommendation.Figures
    ) -> (Int, FlushingRecommendation.Mode)? {
        let options = inputs.options
        let share = inputs.dirtyPagePercent
        let low = options.dirtyPagePercentLowWater
        let age = Int(inputs.currentLSN - min(inputs.currentLSN, oldest))
        let isOld = age > Self.limits(inputs).total / 100 * options.redoAgePercentLowWater
        if inputs.isIdle && low != 0 {
            return inputs.hasPendingReads && !isOld ? nil : (inputs.ioCapacity, .idle)
        }
        let start = low == 0 ? options.dirtyPagePercentMaximum : low
        guard share >= Double(start) || isOld else { return nil }
        guard options.adaptive else { return (inputs.ioCapacity, .active) }
        return (recommendation(inputs, oldest: oldest, share: share, age: age, figures: &figures), .active)
    }

    private mutating func recommendation(
        _ inputs: FlushingInputs,
        oldest: UInt64,
        share: Double,
        age: Int,
        figures: inout FlushingRecommendation.Figures
    ) -> Int {
        let lsn = inputs.currentLSN
        let forAge = Self.percentForAge(age, inputs)
        let most = inputs.ioCapacityMaximum
        let wanted = share / Double(max(1, inputs.options.dirtyPagePercentMaximum))
        figures.percentForAge = forAge
        figures.percentForDirty = Int(100 * wanted)
        guard averages.hasStarted, forAge > 0 else {
            averages.restart(now: inputs.now, lsn: lsn, pagesWritten: inputs.listPagesWritten)
            let dirty = inputs.dirtyPageCount
            if dirty <= inputs.ioCapacity { return dirty }
            return wanted * Double(inputs.ioCapacity) < Double(dirty) ? inputs.ioCapacity : min(most, dirty)
        }
        averages.update(
            now: inputs.now,
            lsn: lsn,
            pagesWritten: inputs.listPagesWritten,
            loops: inputs.options.averagingLoops
        )
        let ratio = inputs.options.dirtyPagePercentLowWater == 0 ? 1 : max(Double(forAge) / 100, wanted)
        let target = oldest + 3 * UInt64(max(0, averages.lsnRate))
        let due = inputs.instances.reduce(0) { $0 + $1.ages.count(through: target, from: oldest) }
        let pages = Double(inputs.ioCapacity) * ratio + Double(averages.pageRate + max(1, min(due, most) / 3))
        return Int(min(Double(most), pages / 3))
    }

    /// The percentage of the capacity for an age, with MariaDB's limits and its order of integer operations.
    static func percentForAge(_ age: Int, _ inputs: FlushingInputs) -> Int {
        let limits = limits(inputs)
        if age < limits.total * inputs.options.redoAgePercentLowWater / 100 { return 0 }
        if age < limits.asyncAge && !inputs.options.adaptive { return 0 }
        let factor = limits.asyncPercent(of: age)
        let ratio = inputs.ioCapacityMaximum / max(1, inputs.ioCapacity)
        return Int(min(1e9, Double(ratio) * Double(factor) * Double(factor).squareRoot() / 7.5))
    }

    /// The budget of an LRU batch: what flush lists leave, and never less than the smaller of depth and maximum.
    static func lruPages(_ inputs: FlushingInputs, flushed: Int) -> Int {
        let most = inputs.ioCapacityMaximum
        return max(1, most - flushed, min(most, inputs.freeFrameTarget))
    }

    /// Whether an instance has less than half of the frames free that it should.
    static func needsEviction(_ inputs: FlushingInputs) -> Bool {
        inputs.instances.contains { $0.freeFrameCount < $0.freeFrameTarget / 2 }
    }

    /// One file with a header of 12288 bytes.
    static func limits(_ inputs: FlushingInputs) -> ClassicRedoLimits {
        ClassicRedoLimits(payload: inputs.limits.capacity - 12288)
    }
}
