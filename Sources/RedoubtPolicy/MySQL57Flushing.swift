import RedoubtCore

/// MySQL 5.7: the formulas of 8.0 with older limits and integer factors; nothing at all while the log stands still.
///
/// Differences from ``MySQL80Flushing``: the age counts to the end of the log, against 5.7's own limits
/// (``ClassicRedoLimits``); the factor of the age is an integer; the count of due pages has no bound; when the redo is
/// nearly full all pages below the limit are written, without a recommendation; idle flushing runs at full capacity
/// (`idlePercent` was added in 8.0).
package struct MySQL57Flushing: FlushingDecisions, Hashable {
    private var averages = FlushingAverages()
    private var lastLSN: UInt64 = 0

    /// Creates a policy that has seen nothing.
    package init() {}

    package mutating func decide(_ inputs: FlushingInputs) -> FlushingRecommendation {
        var result = FlushingRecommendation(
            instanceCount: inputs.instances.count,
            lruPages: max(1, inputs.freeFrameTarget)
        )
        if inputs.options.flushSync, let limit = inputs.syncFlushLSN, inputs.dirtyPageCount > 0 {
            result.mode = .sync
            result.lsnLimit = limit + 3 * UInt64(max(0, averages.lsnRate))
            result.nextRound = 0
            result.listPages = inputs.instances.map(\.dirtyPageCount)
        } else if !inputs.isIdle {
            recommend(inputs, &result)
        } else if inputs.dirtyPageCount > 0 {
            result.mode = .idle
            result.listPages = inputs.evenly(inputs.ioCapacity)
        }
        result.figures.averagePageRate = averages.pageRate
        result.figures.averageLSNRate = averages.lsnRate
        return result
    }

    private mutating func recommend(_ inputs: FlushingInputs, _ result: inout FlushingRecommendation) {
        let lsn = inputs.currentLSN
        guard averages.hasStarted, lsn != lastLSN else {
            if !averages.hasStarted {
                averages.restart(now: inputs.now, lsn: lsn, pagesWritten: inputs.listPagesWritten)
            }
            lastLSN = lsn
            return
        }
        lastLSN = lsn
        averages.update(
            now: inputs.now,
            lsn: lsn,
            pagesWritten: inputs.listPagesWritten,
            loops: inputs.options.averagingLoops
        )
        guard let oldest = inputs.oldestModification, inputs.dirtyPageCount > 0 else { return }
        let formulas = AdaptiveFlushing(inputs)
        let forDirty = formulas.capacityPercent(forDirtyPagePercent: inputs.dirtyPagePercent)
        let forAge = Self.percentForAge(Int(lsn - min(lsn, oldest)), inputs, formulas)
        result.figures.percentForDirty = forDirty
        result.figures.percentForAge = forAge
        let target = oldest + 3 * UInt64(max(0, averages.lsnRate))
        let due = inputs.instances.map { $0.ages.count(through: target, from: oldest) }
        let dueCount = due.reduce(0, +)
        let count = formulas.pageCount(
            percent: max(forDirty, forAge),
            averageRate: averages.pageRate,
            dueCount: dueCount
        )
        guard count > 0 else { return }
        result.mode = .active
        let sum = max(1, dueCount / 3)
        result.listPages =
            forAge > 30
            ? due.map { ($0 / 3 + 1) * count / sum + 1 }
            : inputs.instances.map { _ in
                count / inputs.instances.count
            }
    }

    /// The percentage of the capacity for an age, with 5.7's limits.
    static func percentForAge(_ age: Int, _ inputs: FlushingInputs, _ formulas: AdaptiveFlushing) -> Int {
        // Two files with 2048 bytes of header each.
        let limits = ClassicRedoLimits(payload: inputs.limits.capacity - 2 * 2048)
        if age < limits.total * formulas.redoAgePercentLowWater / 100 { return 0 }
        if age < limits.asyncAge && !formulas.isAdaptive { return 0 }
        return formulas.agePercent(factor: Double(limits.asyncPercent(of: age)))
    }
}
