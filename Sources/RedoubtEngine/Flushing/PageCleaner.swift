import RedoubtCore
import RedoubtLog
import RedoubtPolicy
import RedoubtSystem

/// The coordinator of the page cleaner: asks the policy, has its rounds served by the slots, and serves along.
///
/// It looks at the world before each beat, so what is urgent waits for one beat at most:
///
/// - *timer*: the next decision or the next beat of a paced round is due;
/// - *frames*: an instance is short of free frames (`cleanerNeeded`), unless LRU flushers serve;
/// - *redo*: somebody waits for redo capacity (`requestFlush`), or the age has passed the limit of sync flushing, for
///   which the policy is asked early;
/// - *call*: somebody wants everything written, at shutdown for example.
///
/// What failed, a write that found no space above all, is left alone for a while, whoever calls meanwhile; then writes
/// that found no space are tried again before anything else.
struct PageCleaner {
    private let flushing: Flushing
    private var sensors: FlushingSensors
    private var decisions: any FlushingDecisions
    private var policy: FlushingPolicy
    private var round: CleanerRound
    private var flushers: LRUFlushers
    // Whether this round was decided early already.
    private var isEarly = false
    // Until when nothing is done after a failure.
    private var pauseEnd: UInt64 = 0

    /// The coordinator sleeps no longer than this, in nanoseconds, while pages are dirty: nobody wakes it for an age.
    private static var patience: UInt64 { 100_000_000 }
    /// How long it sleeps when all pages it wants are latched, and when a write failed.
    private static var latchPause: UInt64 { 500_000 }
    private static var errorPause: UInt64 { 100_000_000 }
    /// The writer's batches of an instance in one beat.
    private static var batchesPerBeat: Int { 4 }

    private init(_ flushing: Flushing) {
        self.flushing = flushing
        sensors = FlushingSensors(flushing)
        policy = flushing.options.policy
        decisions = makeDecisions(policy)
        flushers = LRUFlushers(flushing)
        var nothing = FlushingRecommendation(instanceCount: flushing.pool.instances.count, lruPages: 1)
        nothing.nextRound = 0
        round = CleanerRound(nothing, at: Scheduling.now().nanoseconds)
    }

    /// Works until flushing stops or the engine is fenced.
    ///
    /// Waits.
    static func run(_ flushing: Flushing) {
        var cleaner = PageCleaner(flushing)
        var withdrawal = FrameWithdrawal(flushing)
        let needed = flushing.pool.cleanerNeeded
        while !flushing.isStopping && !flushing.kernel.health.isFenced {
            let ticket = needed.ticket
            let now = Scheduling.now().nanoseconds
            let next = min(cleaner.step(at: now), withdrawal.step(at: now))
            if next > now && !flushing.isStopping { needed.wait(ticket, deadline: EngineInstant(nanoseconds: next)) }
        }
        flushing.kernel.log.admission.setRate(nil)
        flushing.table.workWanted.signal()
        flushing.progress.signal()
        cleaner.flushers.join()
    }

    /// Serves a beat if anything is due; returns when to look again.
    private mutating func step(at now: UInt64) -> UInt64 {
        if now < pauseEnd { return pauseEnd }
        do throws(RedoubtError) {
            if !flushing.breaks(.forgetsRefusedWrites) { try flushing.retryWrites() }
        } catch {
            return pause()
        }
        let isDue = now >= round.end
        let bound = flushing.checkpointBound()
        askForCheckpoint(at: bound)
        if isDue || isPressed(bound) { decide(at: now) }
        if flushing.breaks(.finishesRounds) && !isDue { return round.end }
        if flushing.breaks(.takesRedoCredit) && flushing.urgentLSN > 0 { takeRedoCredit() }
        let (orders, terms) = orders(at: now)
        guard orders.contains(where: { !$0.isEmpty }) else {
            let isClean = flushing.pool.dirtyCount == 0
            return min(round.nextBeat(after: now), isClean ? round.end : now + Self.patience)
        }
        flushing.statistics.noteBatch()
        let events = flushing.kernel.events
        let listPages = orders.reduce(0) { $0 + $1.listPages }
        let reason = listPages > 0 ? terms.reason : .lru
        events.post(.flushBatchBegan(reason, pages: listPages + orders.reduce(0) { $0 + $1.lruPages }))
        let outcomes = flushing.table.run(orders, terms) { [flushing] in flushing.serve($0, flushing.writer) }
        let written = outcomes.reduce(0) { $0 + $1.listWritten + $1.lruWritten }
        let elapsed = Scheduling.now().nanoseconds - now
        events.post(.flushBatchEnded(reason, pages: written, nanoseconds: elapsed))
        return note(outcomes, orders, terms, at: now)
    }

    /// Whether the policy should be asked before its time, because the redo age passed the limit of sync flushing.
    private func isPressed(_ bound: LogSequenceNumber) -> Bool {
        guard !isEarly, round.recommendation.mode != .sync, flushing.options.flushSync else { return false }
        let log = flushing.kernel.log
        let limit = UInt64(max(0, log.limits.syncFlushAge - log.limits.margin))
        return log.currentLSN.rawValue - bound.rawValue > limit
    }

    /// Has a checkpoint written if writers would soon stop for redo that is no longer needed.
    private func askForCheckpoint(at bound: LogSequenceNumber) {
        let log = flushing.kernel.log
        let isWorthwhile = CheckpointBound.isWorthwhile(
            bound: bound.rawValue,
            checkpoint: log.checkpointLSN.rawValue,
            current: log.currentLSN.rawValue,
            capacity: log.limits.freeCheckCapacity
        )
        if isWorthwhile { flushing.askForCheckpoint() }
    }

    private mutating func decide(at now: UInt64) {
        let options = flushing.options
        if options.policy != policy {
            policy = options.policy
            decisions = makeDecisions(policy)
        }
        isEarly = now < round.end
        flushing.pool.updateClock()
        flushers.setServing(decisions.usesLRUThreads, at: now)
        var recommendation = decisions.decide(sensors.read(options, at: now))
        if flushing.breaks(.losesIdleFlushing) && recommendation.mode == .idle {
            recommendation.listPages = recommendation.listPages.map { _ in 0 }
        }
        if recommendation.nextRound == 0 && recommendation.listPages.allSatisfy({ $0 == 0 }) {
            recommendation.nextRound = Self.latchPause
        }
        announce(recommendation.mode)
        round = CleanerRound(recommendation, at: now)
        flushing.kernel.log.admission.setRate(recommendation.admission)
        flushing.setWriteWindow(recommendation.writeWindow)
        var noted = FlushingStatistics.Recommendation()
        noted.mode = recommendation.mode
        noted.requestedPages = recommendation.listPages.reduce(0, +)
        noted.lsnLimit = recommendation.lsnLimit
        noted.admission = recommendation.admission
        noted.roundNanoseconds = recommendation.nextRound
        noted.figures = recommendation.figures
        flushing.statistics.note(noted)
    }

    /// Posts that flushing at full speed begins or ends.
    private func announce(_ mode: FlushingRecommendation.Mode) {
        guard (mode == .sync) != (round.recommendation.mode == .sync) else { return }
        let log = flushing.kernel.log
        let bound = flushing.checkpointBound()
        let age = log.currentLSN.rawValue - bound.rawValue
        flushing.kernel.events.post(mode == .sync ? .syncFlushEntered(age: age) : .syncFlushLeft(age: age))
    }

    /// What the slots shall do now: the LRU batches that are needed, and from the flush lists what is called for or
    /// urgent, else what the round is due.
    private func orders(at now: UInt64) -> ([CleanerSlots.Order], CleanerSlots.Terms) {
        let pool = flushing.pool
        let most = Self.batchesPerBeat * flushing.writer.batchPages
        var terms = CleanerSlots.Terms()
        terms.flushesLRUFirst = round.recommendation.flushesLRUFirst
        let (urgent, called) = (flushing.urgentLSN, flushing.calledLSN)
        let pages: [Int]
        if urgent > 0 || called > 0 {
            pages = [Int](repeating: most, count: pool.instances.count)
            terms.lsnLimit = max(urgent, called)
            terms.servesRequests = true
            terms.reason = called < urgent ? .sync : flushing.isClosing ? .close : .request
        } else {
            pages = round.due(at: now, most: most)
            terms.lsnLimit = round.recommendation.lsnLimit
            terms.reason = Self.reason(round.recommendation.mode)
        }
        var orders = pages.map { CleanerSlots.Order(lruPages: 0, listPages: $0) }
        guard !pool.lruFlushersServe else { return (orders, terms) }
        for instance in pool.instances where instance.freeCount < instance.freeTarget {
            let number = instance.number
            // Whatever the flush lists take, frames come free.
            orders[number].lruPages = max(1, min(round.recommendation.lruPages, most))
            if flushing.breaks(.listTakesLRUBudget) { orders[number].lruPages -= orders[number].listPages }
            if flushing.breaks(.framesStarveRedo) { orders[number].listPages = 0 }
        }
        return (orders, terms)
    }

    /// Leaves everything alone for a while; returns until when.
    private mutating func pause() -> UInt64 {
        pauseEnd = Scheduling.now().nanoseconds + Self.errorPause
        return pauseEnd
    }

    /// What the cleaner must never do: wait for what only its own work gives back.
    private func takeRedoCredit() {
        let log = flushing.kernel.log
        do throws(RedoubtError) {
            try log.acquireCapacity(bytes: 32768)
            log.releaseCapacity(bytes: 32768)
        } catch {
            return
        }
    }

    private static func reason(_ mode: FlushingRecommendation.Mode) -> FlushReason {
        switch mode {
        case .none, .active: .adaptive
        case .idle: .idle
        case .sync: .sync
        }
    }

    /// Notes what a beat came to; returns when to look again.
    private mutating func note(
        _ outcomes: [CleanerSlots.Outcome],
        _ orders: [CleanerSlots.Order],
        _ terms: CleanerSlots.Terms,
        at now: UInt64
    ) -> UInt64 {
        var sum = CleanerSlots.Outcome()
        for (number, outcome) in outcomes.enumerated() {
            sum.add(outcome)
            // A request that finds nothing says nothing about the younger pages that the round may want.
            let isAtEnd =
                outcome.listWritten == 0 && outcome.skipped == 0 && orders[number].listPages > 0
                && terms.lsnLimit >= round.recommendation.lsnLimit
            round.note(number, written: outcome.listWritten, isAtEnd: isAtEnd)
        }
        // A fence ends the loop; anything else, such as a full disk, may pass.
        if sum.failure != nil { return pause() }
        let isExhausted = sum.listWritten == 0 && sum.skipped == 0
        if terms.reason == .sync || (terms.servesRequests && isExhausted) { flushing.askForCheckpoint() }
        // Not what came meanwhile: nobody has looked for that.
        if terms.servesRequests && isExhausted { flushing.endRequests(below: terms.lsnLimit) }
        let isVain = sum.listWritten == 0 && sum.lruWritten == 0 && sum.freed == 0
        if !isVain { return now }
        let pause = Scheduling.now().nanoseconds + Self.latchPause
        return sum.skipped > 0 ? pause : max(pause, min(round.nextBeat(after: now), now + 20 * Self.latchPause))
    }
}
