import RedoubtCore

/// MySQL 8.0: the larger of dirty share and redo age in percent of the capacity, averaged with the rate of late and
/// with the pages that are due; once a second, and back to back while the redo is nearly full.
///
/// ## Differences from InnoDB
/// Nothing dirty is age 0: InnoDB takes the whole log as the age, which is visible in its counters only. Pages due are
/// counted in buckets of ages (``DirtyAges``) instead of by a walk along the flush lists.
///
/// ## References
/// MySQL 8.0.30: `page_cleaner_flush_pages_recommendation`, `buf_flush_page_coordinator_thread`.
package struct MySQL80Flushing: FlushingDecisions, Hashable {
    private var averages = FlushingAverages()
    private var wasActive = true
    private var lastLSN: UInt64 = 0

    /// Creates a policy that has seen nothing.
    package init() {}

    package mutating func decide(_ inputs: FlushingInputs) -> FlushingRecommendation {
        var result = FlushingRecommendation(
            instanceCount: inputs.instances.count,
            lruPages: max(1, inputs.freeFrameTarget)
        )
        let isActive = wasActive || !inputs.isIdle
        wasActive = !inputs.isIdle
        if inputs.options.flushSync, let limit = inputs.syncFlushLSN {
            recommend(inputs, syncLSN: limit, &result)
        } else if isActive {
            recommend(inputs, syncLSN: nil, &result)
        } else if inputs.dirtyPageCount > 0 && inputs.options.idlePercent > 0 {
            result.mode = .idle
            result.listPages = inputs.evenly(max(1, inputs.ioCapacity * inputs.options.idlePercent / 100))
        }
        result.figures.averagePageRate = averages.pageRate
        result.figures.averageLSNRate = averages.lsnRate
        return result
    }

    private mutating func recommend(
        _ inputs: FlushingInputs,
        syncLSN: UInt64?,
        _ result: inout FlushingRecommendation
    ) {
        let lsn = inputs.closedLSN
        let hasAge = lsn != lastLSN || syncLSN != nil
        lastLSN = lsn
        if averages.hasStarted {
            averages.update(
                now: inputs.now,
                lsn: lsn,
                pagesWritten: inputs.listPagesWritten,
                loops: inputs.options.averagingLoops
            )
        } else {
            averages.restart(now: inputs.now, lsn: lsn, pagesWritten: inputs.listPagesWritten)
            if syncLSN == nil { return }
        }
        guard let oldest = inputs.oldestModification, inputs.dirtyPageCount > 0 else { return }
        let formulas = AdaptiveFlushing(inputs)
        let forDirty = formulas.capacityPercent(forDirtyPagePercent: inputs.dirtyPagePercent)
        let forAge =
            hasAge
            ? formulas.capacityPercent(
                forAge: inputs.age,
                freeCheckLimit: inputs.limits.freeCheckCapacity,
                dirtyAgeLimit: inputs.limits.dirtyPageAge
            ) : 0
        result.figures.percentForDirty = forDirty
        result.figures.percentForAge = forAge
        // Three seconds' growth of the log, or all that the redo needs.
        let growth = 3 * UInt64(max(0, averages.lsnRate))
        let target = syncLSN ?? oldest + growth
        let factor = syncLSN == nil ? 3 : 1
        let most = max(1, 2 * formulas.ioCapacityMaximum / inputs.instances.count * factor * 2)
        let due = inputs.instances.map { min(most, $0.ages.count(through: target, from: oldest)) }
        let dueCount = due.reduce(0, +)
        let count: Int
        if let syncLSN {
            result.mode = .sync
            result.lsnLimit = syncLSN + growth
            result.nextRound = 0
            count = formulas.pageCountWhenSynchronous(dueCount: dueCount)
        } else {
            count = formulas.pageCount(
                percent: max(forDirty, forAge),
                averageRate: averages.pageRate,
                dueCount: dueCount
            )
            result.mode = count > 0 ? .active : .none
            if count == 0 { return }
        }
        let shares = due.map { $0 / factor + 1 }
        let sum = max(1, dueCount / factor)
        result.listPages =
            forAge > 30
            ? shares.map { $0 * count / sum + 1 }
            : inputs.instances.map { _ in count / inputs.instances.count + 1 }
    }
}
