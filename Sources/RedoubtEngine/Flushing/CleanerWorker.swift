import RedoubtCore
import RedoubtSystem

/// A thread that serves slots of the page cleaner beside the coordinator.
struct CleanerWorker: Sendable {
    private let flushing: Flushing
    private let writer: PageWriter

    init(_ flushing: Flushing, writer: PageWriter) {
        self.flushing = flushing
        self.writer = writer
    }

    /// Works until flushing stops or the engine is fenced.
    ///
    /// Waits.
    func run() {
        let table = flushing.table
        while !flushing.isStopping && !flushing.kernel.health.isFenced {
            let ticket = table.workWanted.ticket
            if table.serveOne({ flushing.serve($0, writer) }) { continue }
            // A fence may come from elsewhere, and wakes nobody here.
            table.workWanted.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 1000))
        }
    }
}

extension Flushing {
    /// Does the work of a slot: the LRU batch and the flush-list batch of an instance.
    ///
    /// Waits. Between two batches of the flush list it makes room, should frames have become short meanwhile.
    func serve(_ work: CleanerSlots.Work, _ writer: PageWriter) -> CleanerSlots.Outcome {
        let instance = pool.instances[work.number]
        var outcome = CleanerSlots.Outcome()
        do throws(RedoubtError) {
            if work.terms.flushesLRUFirst { try serveLRU(work, instance, writer, &outcome) }
            if work.order.listPages > 0 {
                let list = try flushList(
                    instance,
                    below: work.terms.lsnLimit,
                    count: work.order.listPages,
                    writer,
                    work.terms.reason
                ) { () throws(RedoubtError) in
                    if instance.freeCount < instance.freeTarget / 2 {
                        try serveLRU(work, instance, writer, &outcome)
                    }
                }
                outcome.listWritten = list.written + list.dropped
                outcome.skipped += list.skipped
            }
            if !work.terms.flushesLRUFirst { try serveLRU(work, instance, writer, &outcome) }
        } catch {
            outcome.failure = error
        }
        return outcome
    }

    private func serveLRU(
        _ work: CleanerSlots.Work,
        _ instance: PoolInstance,
        _ writer: PageWriter,
        _ outcome: inout CleanerSlots.Outcome
    ) throws(RedoubtError) {
        guard work.order.lruPages > 0 else { return }
        if breaks(.waitsForEmptyFreeList) && instance.freeCount > 0 { return }
        if breaks(.syncSkipsLRU) && work.terms.reason == .sync { return }
        let (freed, written) = try flushLRU(
            instance,
            target: instance.freeTarget,
            pages: work.order.lruPages,
            writer
        )
        outcome.freed += freed
        outcome.lruWritten += written.written
        outcome.skipped += written.skipped
    }
}
