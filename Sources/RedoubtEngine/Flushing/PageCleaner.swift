import RedoubtCore
import RedoubtLog
import RedoubtPolicy
import RedoubtSystem

/// The thread that keeps frames free, the redo age bounded and the dirty share small.
///
/// It wakes at least once a second, and at once when a thread runs short of frames or the redo of room.
struct PageCleaner {
    private let flushing: Flushing

    init(_ flushing: Flushing) {
        self.flushing = flushing
    }

    /// Works until flushing stops or the engine is fenced.
    ///
    /// Waits.
    func run() {
        let pool = flushing.pool
        var tick = Scheduling.now()
        var lastLSN = flushing.kernel.log.currentLSN
        while !flushing.isStopping {
            let ticket = pool.cleanerNeeded.ticket
            do {
                let mustHurry = try serveUrgentNeeds()
                let now = Scheduling.now()
                if now >= tick {
                    pool.updateClock()
                    let lsn = flushing.kernel.log.currentLSN
                    try flushAtPace(isIdle: lsn == lastLSN)
                    lastLSN = lsn
                    tick = now.advanced(milliseconds: 1000)
                }
                if mustHurry { continue }
            } catch {
                // Fenced: nothing is written any more.
                return
            }
            if flushing.isStopping { return }
            pool.cleanerNeeded.wait(ticket, deadline: tick)
        }
    }

    /// Makes room in instances that are short of free frames, and writes the pages that hold the redo back.
    ///
    /// Returns whether there is more to do at once.
    private func serveUrgentNeeds() throws(RedoubtError) -> Bool {
        var mustHurry = false
        for instance in flushing.pool.instances where instance.freeCount < instance.freeTarget {
            if try flushing.makeRoom(instance) > 0 && instance.freeCount < instance.freeTarget { mustHurry = true }
        }
        let target = flushing.urgentLSN
        if target > flushing.kernel.log.checkpointLSN {
            let outcome = try flushing.flush(below: target, count: 4 * flushing.writer.batchPages)
            if outcome.written > 0 {
                try flushing.checkpoint()
                mustHurry = true
            } else if outcome.skipped > 0 {
                // The pages are latched by others just now.
                Scheduling.sleep(microseconds: 500)
                mustHurry = true
            }
        }
        return mustHurry
    }

    /// Writes what the policy recommends for the next second.
    private func flushAtPace(isIdle: Bool) throws(RedoubtError) {
        let pool = flushing.pool
        let log = flushing.kernel.log
        // The bound first: read the other way round it may have passed the end.
        let bound = flushing.checkpointBound()
        let end = log.currentLSN
        let limits = log.limits
        var inputs = PlainFlushing()
        inputs.dirtyPageCount = pool.dirtyCount
        inputs.pageCount = Int(pool.frameCount)
        inputs.age = Int(end.rawValue - bound.rawValue)
        inputs.asyncAge = max(1, limits.asyncFlushAge - limits.margin)
        inputs.syncAge = max(1, limits.syncFlushAge - limits.margin)
        inputs.isIdle = isIdle
        inputs.options = flushing.kernel.configuration.flushing
        let recommendation = inputs.recommendation
        if recommendation.reason == .sync {
            let target = end.rawValue - min(end.rawValue, UInt64(recommendation.targetAge))
            flushing.requestFlush(below: LogSequenceNumber(rawValue: target + log.relaxedOrderWindow))
            return
        }
        var left = recommendation.flushCount
        let batch = flushing.writer.batchPages * pool.instances.count
        while left > 0 && !flushing.isStopping {
            let outcome = try flushing.flush(below: end, count: min(left, batch))
            if outcome.written == 0 { return }
            left -= outcome.written
            for instance in pool.instances where instance.freeCount < instance.freeTarget / 2 {
                try flushing.makeRoom(instance)
            }
        }
    }
}
