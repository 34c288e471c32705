import RedoubtCore

/// Redoubt's own: every dirty page has a deadline, and pages are written at the least constant rate that meets all of
/// them; fifty times a second, evenly in time.
package struct RedoubtFlushing: FlushingDecisions, Hashable {
    private var redo = MovingRate(seconds: 0.5)
    private var suddenRedo = MovingRate(seconds: 0.1)
    private var lruWrites = MovingRate(seconds: 0.5)
    private var control = AgeControl()
    private var window = WriteWindow()
    private var reserve = LRUReserve()
    private var lastDecision: UInt64?
    private var idleTime: UInt64 = 0
    private var carry = 0.0
    private var frameWaits: UInt64 = 0

    /// Nanoseconds between decisions.
    package static let round: UInt64 = 20_000_000
    /// How long nothing may change before flushing is idle, in nanoseconds.
    package static let idleDelay: UInt64 = 1_000_000_000
    /// More bytes and pages a second than any machine adds or writes; only keep what two decisions in a moment see from
    /// overflowing.
    private static let largestRedoRate = 1e15
    private static let largestPageRate = 1e12

    /// Creates a policy that has seen nothing.
    package init() {}

    package var usesLRUThreads: Bool { true }

    package mutating func decideLRU(_ inputs: LRUInputs) -> LRURecommendation { reserve.decide(inputs) }

    package mutating func decide(_ inputs: FlushingInputs) -> FlushingRecommendation {
        let elapsed = lastDecision.map { inputs.now - min(inputs.now, $0) } ?? Self.round
        let seconds = min(max(0.001, Double(elapsed) / 1e9), 0.2)
        lastDecision = inputs.now
        idleTime = inputs.isIdle ? min(Self.idleDelay, idleTime + min(elapsed, Self.idleDelay)) : 0

        let redoRate = redoRate(inputs)
        let lruRate = lruWrites.update(now: inputs.now, value: Double(inputs.lruPagesWritten))
        let limit = Self.ageLimit(inputs)
        let target = AgeControl.targetShare * limit

        var result = FlushingRecommendation(
            instanceCount: inputs.instances.count,
            lruPages: max(1, inputs.freeFrameTarget)
        )
        result.nextRound = Self.round
        result.isPaced = true
        // As a checkpoint would have it.
        result.figures.targetAge = Int(target) + inputs.limits.relaxedOrderWindow
        result.figures.averageLSNRate = Int(redoRate)
        guard let schedule = Self.schedule(inputs, targetAge: target, redoRate: redoRate) else {
            carry = 0
            // Pages that are on their way count until they are there.
            let oldest = min(inputs.currentLSN, inputs.oldestModification ?? inputs.currentLSN)
            result.admission = AgeControl.largestAdmission(age: Double(inputs.currentLSN - oldest), limit: limit)
            return result
        }
        let byAge = control.decide(
            schedule,
            limit: limit,
            written: Double(inputs.listPagesWritten),
            lruRate: lruRate,
            assumedSpeed: Double(inputs.ioCapacityMaximum),
            now: inputs.now,
            seconds: seconds
        )
        result.admission = byAge.admission
        result.writeWindow = window.update(
            minimumLatency: inputs.writeLatency.minimum,
            inFlight: inputs.writesInFlight,
            isUrgent: byAge.isUrgent || isShort(inputs)
        )
        if byAge.isFlatOut {
            result.isPaced = false
            // Nobody's read waits behind these writes.
            if !inputs.hasPendingReads { result.writeWindow = nil }
        }
        let rate = pageRate(inputs, byAge: byAge.pageRate, isLimitPassed: schedule.age > limit, &result)
        result.figures.averagePageRate = Int(rate)
        result.listPages = share(rate * Double(Self.round) / 1e9, schedule, inputs)
        return result
    }

    /// Bytes of redo per second: a step up counts at once, a step down after half a second.
    private mutating func redoRate(_ inputs: FlushingInputs) -> Double {
        let end = Double(inputs.currentLSN)
        let rate = max(redo.update(now: inputs.now, value: end), suddenRedo.update(now: inputs.now, value: end))
        return min(Self.largestRedoRate, rate)
    }

    /// The deadlines of all dirty pages; nil if there are none.
    private static func schedule(
        _ inputs: FlushingInputs,
        targetAge: Double,
        redoRate: Double
    ) -> DeadlineSchedule? {
        guard let first = inputs.instances.first, inputs.dirtyPageCount > 0 else { return nil }
        var ages = DirtyAges(width: first.ages.bucketWidth)
        for instance in inputs.instances { ages.merge(instance.ages) }
        return DeadlineSchedule(
            ages: ages,
            oldest: inputs.oldestModification ?? inputs.currentLSN,
            end: inputs.currentLSN,
            targetAge: targetAge,
            redoRate: redoRate
        )
    }

    /// The pages per second for the most demanding reason, which it notes.
    private func pageRate(
        _ inputs: FlushingInputs,
        byAge: Double,
        isLimitPassed: Bool,
        _ result: inout FlushingRecommendation
    ) -> Double {
        var rate = max(byAge, Self.rateForDirtyShare(inputs))
        result.mode = rate > 0 ? .active : .none
        let idleRate = Double(inputs.ioCapacity * inputs.options.idlePercent) / 100
        if idleTime >= Self.idleDelay, !inputs.hasPendingReads, idleRate > rate {
            rate = idleRate
            result.mode = .idle
        }
        if inputs.options.flushSync, isLimitPassed {
            // Deadlines have failed: no pacing until the age is below the limit again.
            rate = max(rate, Double(inputs.ioCapacityMaximum))
            result.mode = .sync
            result.isPaced = false
            result.writeWindow = nil
        }
        return min(Self.largestPageRate, rate)
    }

    /// Whether threads wait for frames, or will soon.
    private mutating func isShort(_ inputs: FlushingInputs) -> Bool {
        let waits = inputs.instances.reduce(0) { $0 &+ $1.frameWaits }
        defer { frameWaits = waits }
        return waits != frameWaits || inputs.instances.contains { $0.freeFrameCount < $0.freeFrameTarget / 4 }
    }

    /// The age that must not be reached: where the others flush in panic, or where writers stop, or what recovery may
    /// replay if that is less; less what lists may be out of order, because recovery starts so much earlier.
    ///
    /// Writers stop at an age that counts from the last checkpoint, which follows at a distance.
    static func ageLimit(_ inputs: FlushingInputs) -> Double {
        let limits = inputs.limits
        let byRecovery = inputs.options.targetRecoveryTime / .seconds(1) * inputs.replayRate
        let byLog = min(limits.syncFlushAge, limits.freeCheckCapacity - limits.freeCheckCapacity / 32)
        let limit = min(Double(byLog), max(0, byRecovery))
        return max(65536, limit - Double(limits.relaxedOrderWindow))
    }

    /// Pages per second that bring the dirty share below its maximum within a second.
    private static func rateForDirtyShare(_ inputs: FlushingInputs) -> Double {
        let excess = inputs.dirtyPagePercent - Double(inputs.options.dirtyPagePercentMaximum)
        return max(0, excess / 100 * Double(inputs.instances.reduce(0) { $0 + $1.pageCount }))
    }

    /// Shares `pages` out to the instances that have the oldest.
    private mutating func share(_ pages: Double, _ schedule: DeadlineSchedule, _ inputs: FlushingInputs) -> [Int] {
        carry += pages
        let count = Int(min(carry, Double(inputs.dirtyPageCount)))
        carry = min(carry - Double(count), 1)
        // All that are as old as the pages of the next second.
        let held = min(max(1, schedule.age), max(1, schedule.redoHeld(byOldest: max(64, pages * 20))))
        let horizon = schedule.oldest + UInt64(held)
        let due = inputs.instances.map { Double($0.ages.count(through: horizon, from: schedule.oldest)) }
        let total = max(1, due.reduce(0, +))
        var done = 0.0
        var given = 0
        return due.map { part in
            done += part
            let upTo = Int((Double(count) * done / total).rounded())
            defer { given = upTo }
            return upTo - given
        }
    }
}
