import RedoubtCore
import RedoubtLog
import RedoubtSystem

// Batches: pages are chosen from a list and handed to a writer.
extension Flushing {
    /// Writes dirty pages whose oldest change is below `limit`, oldest first, at most `count` of all instances.
    ///
    /// Waits. For calls while there are no threads.
    @discardableResult
    func flush(below limit: LogSequenceNumber, count: Int) throws(RedoubtError) -> PageWriter.Outcome {
        var sum = PageWriter.Outcome()
        let share = max(1, (count + pool.instances.count - 1) / pool.instances.count)
        for instance in pool.instances {
            let outcome = try flushList(instance, below: limit.rawValue, count: share, writer, .request)
            sum.written += outcome.written
            sum.skipped += outcome.skipped
            sum.dropped += outcome.dropped
        }
        return sum
    }

    /// The flush-list batch: writes pages of `instance` whose oldest change is below `limit`, oldest first, at most
    /// `count`, with `between` after each batch of the writer.
    ///
    /// While the pages of one batch are on their way, the next is chosen. Waits for all of them.
    ///
    /// InnoDB: `buf_do_flush_list_batch`.
    func flushList(
        _ instance: PoolInstance,
        below limit: UInt64,
        count: Int,
        _ writer: PageWriter,
        _ reason: FlushReason,
        between: () throws(RedoubtError) -> Void = {}
    ) throws(RedoubtError) -> PageWriter.Outcome {
        var sum = PageWriter.Outcome()
        var isAtEnd = false
        var isFirst = true
        instance.beginChoosing()
        while sum.written + sum.dropped < count && !isAtEnd {
            var chosen: [UInt32] = []
            let left = min(count - sum.written - sum.dropped, writer.batchPages)
            isAtEnd = choose(instance, below: limit, count: left, into: &chosen, isFirst: isFirst)
            isFirst = false
            if chosen.isEmpty { break }
            pool.addNeighbours(to: &chosen, type: .list, budget: count - sum.written - sum.dropped)
            let outcome = try writer.begin(chosen)
            note(outcome, reason)
            sum.written += outcome.written
            sum.skipped += outcome.skipped
            sum.dropped += outcome.dropped
            try between()
            if isStopping && isRunning { break }
        }
        try writer.drain()
        if sum.written + sum.dropped > 0 {
            instance.noteCleaned()
            progress.signal()
        }
        return sum
    }

    /// Chooses the next pages of a scan of the flush list, oldest first; returns whether there are no more.
    private func choose(
        _ instance: PoolInstance,
        below limit: UInt64,
        count: Int,
        into chosen: inout [UInt32],
        isFirst: Bool
    ) -> Bool {
        let window = kernel.log.relaxedOrderWindow
        guard let observer = kernel.flushListObserver else {
            return instance.chooseOldest(limit: limit, window: window, count: count, into: &chosen)
        }
        var isFirst = isFirst
        let note: (inout [UInt32], Int, Bool) -> Void = { chosen, before, isOrdered in
            if self.breaks(.handsOverNewestFirst) { chosen[before...].reverse() }
            let frames = chosen[before...].map { instance.frame($0) }
            observer(
                FlushListChoice(
                    instance: instance.number,
                    isFirst: isFirst,
                    window: isOrdered ? window : .max,
                    entries: frames.map { ($0.pageID, $0.oldestModification.rawValue) }
                )
            )
            isFirst = false
        }
        return instance.chooseOldest(limit: limit, window: window, count: count, into: &chosen, note: note)
    }

    /// The LRU batch: fills the free list of `instance` up to `target`, from the tail of the LRU list on.
    ///
    /// Clean pages leave, dirty ones, at most `pages`, are written and leave.
    ///
    /// Returns the frames made free, and what was written. Waits.
    ///
    /// InnoDB: `buf_flush_LRU_list_batch`.
    func flushLRU(
        _ instance: PoolInstance,
        target: Int,
        pages: Int,
        _ writer: PageWriter
    ) throws(RedoubtError) -> (freed: Int, outcome: PageWriter.Outcome) {
        let before = instance.freeCount
        let wanted = target - before
        guard wanted > 0 else { return (0, PageWriter.Outcome()) }
        var dirty: [UInt32] = []
        let freed = pool.sweep(instance, wanted: wanted, dirty: &dirty, dirtyMaximum: max(wanted, writer.batchPages))
        if freed > 0 { pool.framesFreed.signal() }
        var outcome = PageWriter.Outcome()
        if freed < wanted && !dirty.isEmpty && pages > 0 {
            let budget = min(wanted - freed, pages)
            var chosen = Array(dirty.prefix(budget))
            pool.addNeighbours(to: &chosen, type: .lru, budget: budget)
            outcome = try writer.write(chosen, evicts: true)
            note(outcome, .lru)
            if outcome.written > 0 { progress.signal() }
        }
        return (max(freed, instance.freeCount - before), outcome)
    }

    /// Fills the free list of `instance` up to its target.
    ///
    /// Returns the frames made free. Waits. For calls while there are no threads.
    @discardableResult
    func makeRoom(_ instance: PoolInstance) throws(RedoubtError) -> Int {
        try flushLRU(instance, target: instance.freeTarget, pages: .max, writer).freed
    }

    /// Writes the dirty pages in `frames`, which have to leave memory, and evicts them.
    ///
    /// Waits.
    func writeLeaving(_ frames: [UInt32]) throws(RedoubtError) {
        let outcome = try writer.write(frames, evicts: true)
        note(outcome, .lru)
        if outcome.written > 0 { progress.signal() }
    }

    private func note(_ outcome: PageWriter.Outcome, _ reason: FlushReason) {
        statistics.add(reason, outcome.written)
        if outcome.skipped > 0 { statistics.noteSkipped(outcome.skipped) }
    }

    /// Writes every page that is dirty now.
    ///
    /// Waits; the caller holds no latch. The page cleaner writes if it is running.
    ///
    /// - Throws: `.fenced`; `.diskFull` if a page finds no space, and none when that is tried again.
    func flushAll() throws(RedoubtError) {
        let target = kernel.log.currentLSN
        let space = kernel.health.space
        let mark = space.mark
        while true {
            let ticket = progress.ticket
            try kernel.health.check()
            var hasWritten = false
            if isRunning {
                call(below: target)
            } else {
                try retryWrites()
                let outcome = try flush(below: target, count: 4 * writer.batchPages * pool.instances.count)
                hasWritten = outcome.written + outcome.dropped > 0
            }
            if !hasDirty(below: target) && (inFlightMinimum ?? .max) >= target.rawValue { return }
            if hasWritten { continue }
            try space.check(since: mark)
            if isRunning {
                progress.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 10))
            } else {
                Scheduling.sleep(microseconds: 500)
            }
        }
    }

    private func hasDirty(below target: LogSequenceNumber) -> Bool {
        let window = kernel.log.relaxedOrderWindow
        return pool.instances.contains { $0.hasDirty(below: target.rawValue, window: window) }
    }
}
