import RedoubtCore

/// A thread that does transactions, one after the other.
struct ClientModel {
    /// What it waits for.
    enum Wait: UInt8 {
        /// Nothing: it runs, or it has no work.
        case none
        /// The time of its next transaction.
        case pause
        case frame, redo, admission, read, commit
        /// The moment at which it runs again: what it waited for has happened.
        case waking
        /// Nothing yet: it runs, and will have to wait for admission if that is not granted by then.
        case queueing
    }

    var wait = Wait.none
    /// Whether the present phase has work for it.
    var isActive = false
    var waitBegin: UInt64 = 0
    /// When its next transaction is due, if there is a rate.
    var due: UInt64 = 0
    var isInTransaction = false
    var begin: UInt64 = 0
    var reads = 0
    var changes = 0
    var appends = 0
    /// Its next page; -1 if that is not drawn yet.
    var page: Int32 = -1
    /// The page that it changed last in this transaction, and the one that it holds; -1 is none.
    var changed: Int32 = -1
    var held: Int32 = -1
    /// How far the line of redo must be granted before its next change.
    var ticket = 0.0
    /// Whether the next change has been admitted.
    var isAdmitted = false
    /// Whether the transaction has changed anything.
    var hasChanged = false
    /// Processor time that it has to spend before it goes on, in nanoseconds: that of a page it had read.
    var debt = 0.0
}

// Clients: what transactions do to pool and redo.
extension VirtualRun {
    /// A client works for so long before others are looked at, in nanoseconds.
    private static var slice: UInt64 { 1_000_000 }

    var phase: Scenario.Phase { scenario.phases[phaseIndex] }

    /// Begins a phase: its threads get work, others have none.
    mutating func beginPhase(at now: UInt64) {
        phaseBegin = now
        phaseEnd = now + UInt64(phase.seconds * 1e9)
        let seed = scenario.seed &+ UInt64(phaseIndex) &* 7919
        chooser = PageChooser(phase.workload.pattern, count: scenario.pageCount, seed: seed)
        for index in 0..<phase.threads {
            let spread = interval(now).map { $0 * Double(index) / Double(phase.threads) } ?? 0
            clients[index].due = now + UInt64(spread)
            // Who pauses has an event at the end of the last phase at the latest, which is now.
            if !clients[index].isActive {
                clients[index].isActive = true
                runningCount += 1
                events.add(.client, index, at: now)
            }
        }
        if phase.workload.scanPages > 0 { events.add(.scan, phaseIndex, at: now) }
    }

    /// The time between two transactions of a client in nanoseconds; nil if they follow at once.
    private func interval(_ now: UInt64) -> Double? {
        guard let rate = phase.rate else { return nil }
        let share = Double(now - phaseBegin) / max(1, phase.seconds * 1e9)
        let present = rate + ((phase.endRate ?? rate) - rate) * min(1, share)
        return min(1e11, 1e9 * Double(max(1, phase.threads)) / max(0.001, present))
    }

    /// Has a client wait.
    mutating func suspend(_ client: Int, _ wait: ClientModel.Wait, _ now: UInt64) {
        clients[client].wait = wait
        clients[client].waitBegin = now
        runningCount -= 1
    }

    /// Has a client that waits go on at `time`.
    mutating func resume(_ client: Int, at time: UInt64) {
        attribute(client, time)
        release(client)
        clients[client].wait = .waking
        events.add(.client, client, at: time)
    }

    /// Has a client that waits for a frame hold the page that it changed before.
    mutating func hold(_ client: Int) {
        let page = clients[client].changed
        guard phase.workload.holdsPages, page >= 0 else { return }
        clients[client].held = page
        pool.pages[Int(page)].holders += 1
    }

    private mutating func release(_ client: Int) {
        let page = clients[client].held
        guard page >= 0 else { return }
        clients[client].held = -1
        pool.pages[Int(page)].holders -= 1
    }

    private mutating func attribute(_ client: Int, _ now: UInt64) {
        let begin = clients[client].waitBegin
        let time = Double(now - min(now, begin))
        switch clients[client].wait {
        case .none, .pause, .waking, .queueing: return
        case .frame: sample.waitFrames += time
        case .redo: sample.waitRedo += time
        case .admission: sample.waitAdmission += time
        case .read: sample.waitReads += time
        case .commit: sample.waitCommit += time
        }
        clients[client].waitBegin = max(now, begin)
    }

    /// Adds the waits that last.
    mutating func attributeWaits(_ now: UInt64) {
        for client in clients.indices where clients[client].waitBegin < now { attribute(client, now) }
    }

    /// A client goes on.
    mutating func runClient(_ client: Int, _ now: UInt64) {
        switch clients[client].wait {
        case .none: break
        case .pause, .waking: wake(client)
        case .queueing:
            clients[client].wait = .none
            guard isAdmitted(client, now) else { return }
        case .admission:
            guard isGranted(client, now) else { return }
            attribute(client, now)
            wake(client)
        case .frame, .redo, .read, .commit: return
        }
        var time = now + UInt64(clients[client].debt * slowdown)
        clients[client].debt = 0
        let end = now + Self.slice
        while time < end {
            if !clients[client].isInTransaction {
                guard beginTransaction(client, &time, now) else { return }
            }
            if clients[client].reads > 0 {
                guard acquire(client, time, now) else { return }
                clients[client].reads -= 1
            } else if clients[client].changes > 0 {
                guard admit(client, time, now), acquire(client, time, now) else { return }
                clients[client].changes -= 1
                change(Int(clients[client].page), by: client)
            } else if clients[client].appends > 0 {
                guard admit(client, time, now), extendTail(client, time, now) else { return }
                clients[client].appends -= 1
                change(tailPage, by: client)
            } else if !endTransaction(client, time, now) {
                return
            }
            clients[client].page = -1
        }
        events.add(.client, client, at: time)
    }

    private mutating func wake(_ client: Int) {
        clients[client].wait = .none
        runningCount += 1
    }

    /// Whether a client that works ahead of the others has to stop: what it wants next is shared with them, so it asks
    /// when its time has come.
    mutating func isAhead(_ client: Int, _ time: UInt64, _ now: UInt64) -> Bool {
        guard time > now else { return false }
        events.add(.client, client, at: time)
        return true
    }

    private mutating func beginTransaction(_ client: Int, _ time: inout UInt64, _ now: UInt64) -> Bool {
        guard client < phase.threads else {
            clients[client].isActive = false
            runningCount -= 1
            return false
        }
        if let interval = interval(time) {
            if clients[client].due > time {
                if isAhead(client, time, now) { return false }
                suspend(client, .pause, time)
                events.add(.client, client, at: min(clients[client].due, max(time + 1, phaseEnd)))
                return false
            }
            // Ten transactions late are made good, more are lost.
            let late = time - min(time, UInt64(10 * interval))
            clients[client].due = max(clients[client].due, late) + UInt64(interval)
        }
        let workload = phase.workload
        clients[client].isInTransaction = true
        clients[client].begin = time
        clients[client].reads = whole(workload.reads)
        clients[client].changes = whole(workload.changes)
        clients[client].appends = whole(workload.appends)
        time += UInt64(workload.processorTime * slowdown)
        return true
    }

    /// A whole number whose mean is `count`.
    private mutating func whole(_ count: Double) -> Int {
        let floor = count.rounded(.down)
        if floor == count { return Int(count) }
        return Int(floor) + (Double(fractions.next() >> 11) / Double(1 << 53) < count - floor ? 1 : 0)
    }

    /// Whether the transaction has ended; otherwise the client waits until it is durable.
    private mutating func endTransaction(_ client: Int, _ time: UInt64, _ now: UInt64) -> Bool {
        if phase.workload.isDurable && clients[client].hasChanged && redo.flushed < redo.end {
            if isAhead(client, time, now) { return false }
            clients[client].hasChanged = false
            redo.commits.append((Int32(client), redo.end))
            wantRedo(redo.end, now: time)
            suspend(client, .commit, time)
            return false
        }
        durations.add(time - min(time, clients[client].begin))
        clients[client].isInTransaction = false
        clients[client].page = -1
        clients[client].changed = -1
        clients[client].hasChanged = false
        return true
    }

    /// Whether a change may be made now; otherwise the client waits for room in the redo, or for its turn.
    private mutating func admit(_ client: Int, _ time: UInt64, _ now: UInt64) -> Bool {
        if redo.isFull {
            if isAhead(client, time, now) { return false }
            redo.waiters.append(Int32(client))
            suspend(client, .redo, time)
            askForCapacity(time)
            return false
        }
        guard admission != nil, !clients[client].isAdmitted else { return true }
        advanceAdmission(time)
        admissionCharged += phase.workload.redoPerChange
        clients[client].ticket = admissionCharged
        clients[client].isAdmitted = true
        if admissionGranted >= admissionCharged { return true }
        if time > now {
            // Until then it works.
            clients[client].wait = .queueing
            events.add(.client, client, at: time)
            return false
        }
        return isAdmitted(client, now)
    }

    /// Whether a client may make its change, which has been charged; otherwise it waits for its turn.
    private mutating func isAdmitted(_ client: Int, _ now: UInt64) -> Bool {
        advanceAdmission(now)
        if admissionGranted >= clients[client].ticket { return true }
        suspend(client, .admission, now)
        events.add(.client, client, at: admissionTime(client, now))
        return false
    }

    /// Grants what the rate allows up to `time`; what is granted but not drawn is at most 10 ms worth.
    mutating func advanceAdmission(_ time: UInt64) {
        guard let admission else {
            admissionGranted = admissionCharged
            return
        }
        let elapsed = Double(time - min(time, admissionMark)) / 1e9
        admissionGranted = min(admissionGranted + admission * elapsed, admissionCharged + admission * 0.01)
        admissionMark = max(admissionMark, time)
    }

    /// When a client that waits for its turn looks again: then, or before the rate can have changed.
    private func admissionTime(_ client: Int, _ time: UInt64) -> UInt64 {
        let lack = clients[client].ticket - admissionGranted
        let wait = (admission ?? 0) > 1 ? lack / (admission ?? 1) * 1e9 : 1e9
        return time + UInt64(min(1e6, max(1000, wait)))
    }

    /// Whether a client that waits for its turn goes on.
    private mutating func isGranted(_ client: Int, _ now: UInt64) -> Bool {
        advanceAdmission(now)
        if admissionGranted >= clients[client].ticket { return true }
        attribute(client, now)
        events.add(.client, client, at: admissionTime(client, now))
        return false
    }

    private mutating func change(_ page: Int, by client: Int) {
        let workload = phase.workload
        clients[client].hasChanged = true
        clients[client].changed = Int32(page)
        clients[client].isAdmitted = false
        let start = redo.end
        let isFirst = pool.pages[page].oldest == 0
        redo.end += UInt64(workload.redoPerChange + (isFirst ? workload.redoPerPage : 0))
        pool.change(page, start: start, end: redo.end)
    }
}
