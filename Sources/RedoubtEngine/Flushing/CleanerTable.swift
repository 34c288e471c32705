import RedoubtCore
import RedoubtSystem
import Synchronization

/// The slots of the page cleaner as its threads share them: one coordinator asks, and works along with the workers.
///
/// A slot is held by one thread at a time, so an instance has at most one batch of the cleaner under way.
final class CleanerTable: Sendable {
    /// Does the work of a slot.
    typealias Service = (CleanerSlots.Work) -> CleanerSlots.Outcome

    // Held for a few assignments, never across a wait.
    private let slots: Mutex<CleanerSlots>
    /// Signalled when there is work, or when the workers shall look whether to stop.
    let workWanted = Event()
    private let allFinished = Event()

    /// Creates `count` slots.
    init(count: Int) {
        slots = Mutex(CleanerSlots(count: count))
    }

    /// Has `orders` carried out and returns the outcome of each slot; for the coordinator only.
    ///
    /// Works itself until no slot waits for a thread, so nothing depends on a worker but what it has taken. Waits for
    /// those.
    func run(
        _ orders: [CleanerSlots.Order],
        _ terms: CleanerSlots.Terms,
        _ serve: Service
    ) -> [CleanerSlots.Outcome] {
        slots.withLock { $0.request(orders, terms) }
        // One slot of work is the coordinator's.
        if orders.filter({ !$0.isEmpty }).count > 1 { workWanted.signal() }
        while serveOne(serve) {}
        while true {
            let ticket = allFinished.ticket
            if slots.withLock({ $0.isFinished }) { break }
            allFinished.wait(ticket)
        }
        return slots.withLock { $0.collect() }
    }

    /// Does the work of one slot if one waits; returns whether one did.
    func serveOne(_ serve: Service) -> Bool {
        guard let work = slots.withLock({ $0.take() }) else { return false }
        let outcome = work.order.isEmpty ? CleanerSlots.Outcome() : serve(work)
        if slots.withLock({ $0.finish(work.number, outcome) }) { allFinished.signal() }
        return true
    }
}
