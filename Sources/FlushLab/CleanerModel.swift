import RedoubtCore
import RedoubtPolicy

// The page cleaner and the LRU flushers, as the engine has them: rounds by decisions, beats by orders.
extension VirtualRun {
    /// The batches that one beat is at most, for an instance.
    private static var batchesPerBeat: Int { 4 }

    /// The pages that one beat is at most, for an instance: MariaDB's cleaner does a whole round, and only then looks
    /// whether a checkpoint can be made.
    private var beatPages: Int {
        scenario.redoLimits == .mariadb ? scenario.options.ioCapacityMaximum : Self.batchesPerBeat * batchPages
    }

    /// What the cleaner sleeps at most while something is dirty, and after a beat in vain, in nanoseconds.
    static var patience: UInt64 { 100_000_000 }
    static var latchPause: UInt64 { 500_000 }

    /// Has the cleaner look around at `time`, or earlier.
    mutating func wakeCleaner(at time: UInt64) {
        guard time < cleanerDue else { return }
        cleanerDue = time
        events.add(.cleaner, at: time)
    }

    /// The cleaner looks around, unless a beat is under way: it will when that has ended.
    mutating func runCleaner(_ now: UInt64) {
        guard now >= cleanerDue else { return }
        cleanerDue = .max
        guard busySlots == 0 else { return }
        let isDue = now >= round.end
        let bound = checkpointBound()
        if CheckpointBound.isWorthwhile(
            bound: bound,
            checkpoint: redo.checkpoint,
            current: redo.end,
            capacity: redo.limits.freeCheckCapacity
        ) {
            beginCheckpoint(now)
        }
        if scenario.redoLimits == .mariadb && !redo.waiters.isEmpty { beginCheckpoint(now) }
        if isDue || isPressed(bound) { decide(now) }
        let count = orders(now)
        if count == 0 {
            let next = min(round.nextBeat(after: now), dirtyCount == 0 ? round.end : now + Self.patience)
            wakeCleaner(at: max(next, now + Self.latchPause / 20))
            return
        }
        busySlots = count
        startSlots(now)
    }

    private func isPressed(_ bound: UInt64) -> Bool {
        guard round.recommendation.mode != .sync, scenario.options.flushSync else { return false }
        if scenario.redoLimits == .mariadb { return redo.end - bound >= UInt64(redo.limits.freeCheckCapacity) }
        guard !isEarly else { return false }
        let limit = UInt64(max(0, redo.limits.syncFlushAge - redo.limits.margin))
        return redo.end - bound > limit
    }

    private mutating func decide(_ now: UInt64) {
        isEarly = now < round.end
        let inputs = inputs(now)
        var recommendation = decisions.decide(inputs)
        if scenario.bug == .idleFlushingLost && recommendation.mode == .idle {
            recommendation.listPages = recommendation.listPages.map { _ in 0 }
        }
        if recommendation.nextRound == 0 && recommendation.listPages.allSatisfy({ $0 == 0 }) {
            recommendation.nextRound = Self.latchPause
        }
        observer?(inputs, recommendation)
        round = CleanerRound(recommendation, at: now)
        policyAdmission = recommendation.admission
        setAdmission(now)
        pump(now)
    }

    /// What the policy decides from.
    private mutating func inputs(_ now: UInt64) -> FlushingInputs {
        var inputs = FlushingInputs()
        inputs.now = now
        inputs.currentLSN = redo.end
        inputs.closedLSN = redo.end
        inputs.checkpointLSN = redo.checkpoint
        inputs.instances = pool.instances.map { source in
            var instance = FlushingInputs.Instance(ages: source.ages)
            instance.dirtyPageCount = source.dirtyCount
            instance.pageCount = pool.isRoomy ? pool.residentCount / pool.instances.count : source.pageCount
            instance.freeFrameCount = source.free
            instance.freeFrameTarget = pool.freeTarget
            instance.framesTaken = source.framesTaken
            instance.frameWaits = source.frameWaits
            return instance
        }
        inputs.oldestModification = oldestModification
        inputs.listPagesWritten = listPagesWritten
        inputs.lruPagesWritten = lruPagesWritten
        inputs.writesInFlight = writesInFlight
        inputs.writeLatency.mean = UInt64(latency.mean)
        inputs.writeLatency.minimum = latency.minimum(at: now)
        inputs.limits = redo.limits
        inputs.replayRate = scenario.replayRate
        inputs.options = scenario.options
        inputs.options.policy = policy
        if scenario.bug == .dirtyLowWaterZero { inputs.options.dirtyPagePercentLowWater = 0 }
        if scenario.bug == .ageLowWaterIgnored { inputs.options.adaptive = false }
        inputs.ioCapacity = scenario.options.ioCapacity.pagesPerSecond ?? measuredCapacity
        inputs.hasPendingReads = pagesRead != readsSeen
        readsSeen = pagesRead
        if redo.end != endSeen { (endSeen, lastChange) = (redo.end, now) }
        inputs.isIdle = now - lastChange >= 40_000_000
        return inputs
    }

    /// Tells the slots what to do; returns how many have something to do.
    private mutating func orders(_ now: UInt64) -> Int {
        let most = beatPages
        let isHeard = scenario.bug != .requestsUnheard || now >= round.end
        let isUrgent = urgentLSN > 0 && isHeard
        let due = isUrgent ? nil : round.due(at: now, most: most)
        beatIsUrgent = isUrgent
        beatLimit = isUrgent ? urgentLSN : round.recommendation.lsnLimit
        let reason: WriteReason =
            switch round.recommendation.mode {
            case .none, .active: isUrgent ? .sync : .active
            case .idle: isUrgent ? .sync : .idle
            case .sync: .sync
            }
        var count = 0
        for index in pool.instances.indices {
            let listPages = due?[index] ?? most
            let lruPages = lruPages(index, most: most, beside: listPages)
            guard listPages > 0 || lruPages > 0 else { continue }
            let lruFirst = round.recommendation.flushesLRUFirst
            let stages: [ServiceModel.Stage] =
                lruPages == 0 ? [.list] : listPages == 0 ? [.lru] : lruFirst ? [.lru, .list] : [.list, .lru]
            services[index].following = stages.count > 1 ? stages[1] : .none
            services[index].lruPages = lruPages
            services[index].lruTarget = pool.freeTarget
            services[index].listPages = listPages
            services[index].limit = beatLimit
            services[index].reason = reason
            slotsWaiting.append((index, stages[0]))
            orderedPages[index] = listPages
            count += 1
        }
        return count
    }

    /// The pages that the LRU batch of an instance may write, 0 if it needs none.
    private func lruPages(_ index: Int, most: Int, beside listPages: Int) -> Int {
        let free = pool.instances[index].free
        guard !usesLRUThreads, free < pool.freeTarget else { return 0 }
        let pages = max(1, min(round.recommendation.lruPages, most))
        switch scenario.bug {
        case .lruWaitsForEmpty: return free == 0 ? pages : 0
        case .syncSkipsLRU: return round.recommendation.mode == .sync ? 0 : pages
        case .listTakesLRUBudget: return max(0, pages - round.recommendation.listPages[index])
        default: return pages
        }
    }

    private mutating func startSlots(_ now: UInt64) {
        while runningSlots < max(1, scenario.options.cleanerThreads), !slotsWaiting.isEmpty {
            let (index, stage) = slotsWaiting.removeFirst()
            runningSlots += 1
            services[index].stage = stage
            begin(index, now: now)
        }
    }

    /// A service has done what it was told.
    mutating func serviceEnded(_ service: Int, _ now: UInt64) {
        if service >= pool.instances.count {
            flusherEnded(service - pool.instances.count, now)
            return
        }
        runningSlots -= 1
        busySlots -= 1
        beatListWritten += services[service].listWritten
        beatOtherWork += services[service].lruWritten + services[service].freed
        beatSkipped += services[service].skipped
        let isAtEnd =
            services[service].listWritten == 0 && services[service].skipped == 0 && orderedPages[service] > 0
            && beatLimit >= round.recommendation.lsnLimit
        round.note(service, written: services[service].listWritten, isAtEnd: isAtEnd)
        orderedPages[service] = 0
        if busySlots > 0 {
            startSlots(now)
            return
        }
        endBeat(now)
    }

    private mutating func endBeat(_ now: UInt64) {
        let isExhausted = beatListWritten == 0 && beatSkipped == 0
        let isVain = beatListWritten == 0 && beatOtherWork == 0
        let hasSkipped = beatSkipped > 0
        let isCheckpointDue = round.recommendation.mode == .sync || beatIsUrgent || scenario.redoLimits == .mariadb
        if isCheckpointDue { beginCheckpoint(now) }
        if beatIsUrgent && isExhausted { urgentLSN = 0 }
        (beatListWritten, beatOtherWork, beatSkipped) = (0, 0, 0)
        let pause = now + Self.latchPause
        let later = hasSkipped ? pause : max(pause, min(round.nextBeat(after: now), now + 20 * Self.latchPause))
        wakeCleaner(at: isVain ? later : now)
    }

    // MARK: LRU flushers

    /// The LRU flusher of an instance looks around.
    mutating func runFlusher(_ index: Int, _ now: UInt64) {
        let service = pool.instances.count + index
        guard now >= flushers[index].due else { return }
        flushers[index].due = .max
        // It looks around again when it has ended what it does.
        guard !services[service].isBusy else { return }
        let recommendation = flushers[index].next
        services[service].lruPages = recommendation.pages
        services[service].lruTarget = recommendation.freeTarget
        services[service].following = .none
        services[service].stage = .lru
        begin(service, now: now)
    }

    /// Wakes the LRU flusher of an instance at `time`, or earlier.
    mutating func wakeFlusher(_ index: Int, at time: UInt64) {
        guard time < flushers[index].due else { return }
        flushers[index].due = time
        events.add(.flusher, index, at: time)
    }

    private mutating func flusherEnded(_ index: Int, _ now: UInt64) {
        let service = pool.instances.count + index
        flushers[index].inputs.lastWritten = services[service].lruWritten
        flushers[index].inputs.lastEvicted = services[service].freed
        decideLRU(index, now)
    }

    /// Asks the policy what the LRU flusher of an instance should do next.
    mutating func decideLRU(_ index: Int, _ now: UInt64) {
        var inputs = flushers[index].inputs
        let instance = pool.instances[index]
        inputs.now = now
        inputs.freeFrameCount = instance.free
        inputs.freeFrameTarget = pool.freeTarget
        inputs.pageCount = instance.pageCount
        inputs.framesTaken = instance.framesTaken
        inputs.frameWaits = instance.frameWaits
        inputs.options = scenario.options
        flushers[index].inputs = inputs
        let found = flushers[index].decisions.decideLRU(inputs)
        flushers[index].next = found
        pool.instances[index].roomMark = max(pool.freeTarget, found.freeTarget) / 2
        let isVain = inputs.lastWritten == 0 && inputs.lastEvicted == 0
        let sleep = isVain ? max(found.sleep, 500_000) : found.sleep
        let isShort = !isVain && instance.free < pool.instances[index].roomMark
        flushers[index].due = .max
        wakeFlusher(index, at: isShort ? now : now + sleep)
    }
}

/// The LRU flusher of one instance.
struct FlusherModel {
    var decisions: any FlushingDecisions
    var inputs = LRUInputs()
    var next = LRURecommendation(pages: 1, freeTarget: 1, sleep: 0)
    var due = UInt64.max
}
