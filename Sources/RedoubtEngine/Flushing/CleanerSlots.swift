import RedoubtCore

/// What the threads of the page cleaner have been asked to do, one slot a buffer pool instance: a state machine without
/// threads, so that a test can walk through it in any order.
///
///     none -> requested -> flushing -> finished -> none
///            (request)    (take)      (finish)    (collect)
///
/// All slots leave `none` together, and return to it together.
///
/// ## References
/// InnoDB: `page_cleaner_t`, `pc_request`, `pc_flush_slot`, `pc_wait_finished`.
struct CleanerSlots: Sendable {
    /// What an instance's slot stands for.
    enum State: Sendable, Equatable {
        /// Nothing is asked.
        case none
        /// Work is there for the first thread that comes.
        case requested
        /// Some thread works.
        case flushing
        /// The work is done, the outcome not yet collected.
        case finished
    }

    /// What is asked for an instance.
    struct Order: Sendable, Equatable {
        /// The most pages that the LRU batch may write; 0 for no LRU batch.
        var lruPages = 0
        /// The most pages that the flush-list batch may write; 0 for no such batch.
        var listPages = 0

        /// Whether there is anything to do.
        var isEmpty: Bool { lruPages <= 0 && listPages <= 0 }
    }

    /// What holds for all orders of a request.
    struct Terms: Sendable, Equatable {
        /// Only pages whose oldest change is below it are written from the flush lists.
        var lsnLimit = UInt64.max
        /// Why the flush-list batches write.
        var reason = FlushReason.adaptive
        /// Whether the flush-list batches serve requests, not the round.
        var servesRequests = false
        /// Whether the LRU batch comes first.
        var flushesLRUFirst = true
    }

    /// A slot that a thread has taken.
    struct Work: Sendable, Equatable {
        /// Which instance.
        var number: Int
        /// What is asked for it.
        var order: Order
        /// What holds for all.
        var terms: Terms
    }

    /// What came of it.
    struct Outcome: Sendable {
        /// Frames that the LRU batch made free.
        var freed = 0
        /// Pages that the LRU batch wrote.
        var lruWritten = 0
        /// Pages that the flush-list batch wrote or dropped.
        var listWritten = 0
        /// Pages that were latched or in flight.
        var skipped = 0
        /// What ended the work early.
        var failure: RedoubtError?

        /// Adds what another slot did; the first failure counts.
        mutating func add(_ other: Outcome) {
            freed += other.freed
            lruWritten += other.lruWritten
            listWritten += other.listWritten
            skipped += other.skipped
            failure = failure ?? other.failure
        }
    }

    private struct Slot: Sendable {
        var state = State.none
        var order = Order()
        var outcome = Outcome()
    }

    private var slots: [Slot]
    /// The slots that wait for a thread.
    private(set) var requestedCount = 0
    /// The slots that threads work at.
    private(set) var flushingCount = 0
    /// The slots that are done.
    private(set) var finishedCount = 0
    private var terms = Terms()

    /// Creates `count` slots without work.
    init(count: Int) {
        precondition(count > 0, "a page cleaner of \(count) slots")
        slots = Array(repeating: Slot(), count: count)
    }

    /// The number of slots.
    var count: Int { slots.count }

    /// The state of slot `number`.
    func state(_ number: Int) -> State { slots[number].state }

    /// Whether every slot is finished.
    var isFinished: Bool { finishedCount == slots.count }

    /// Asks for `orders`, one a slot.
    ///
    /// - Precondition: Nothing is asked for or under way.
    mutating func request(_ orders: [Order], _ terms: Terms) {
        precondition(orders.count == slots.count, "\(orders.count) orders for \(slots.count) slots")
        precondition(
            requestedCount == 0 && flushingCount == 0 && finishedCount == 0,
            "a request while \(requestedCount) are requested, \(flushingCount) flushing, \(finishedCount) finished"
        )
        self.terms = terms
        for (number, order) in orders.enumerated() {
            precondition(slots[number].state == .none, "slot \(number) is \(slots[number].state)")
            slots[number] = Slot(state: .requested, order: order)
        }
        requestedCount = slots.count
    }

    /// Takes the lowest slot that waits; nil if none does.
    mutating func take() -> Work? {
        guard requestedCount > 0 else { return nil }
        guard let number = slots.firstIndex(where: { $0.state == .requested }) else {
            preconditionFailure("\(requestedCount) slots are requested, but none is found")
        }
        slots[number].state = .flushing
        requestedCount -= 1
        flushingCount += 1
        return Work(number: number, order: slots[number].order, terms: terms)
    }

    /// Says that slot `number` is done; returns whether it was the last.
    mutating func finish(_ number: Int, _ outcome: Outcome) -> Bool {
        precondition(slots[number].state == .flushing, "slot \(number) is finished while \(slots[number].state)")
        slots[number].state = .finished
        slots[number].outcome = outcome
        flushingCount -= 1
        finishedCount += 1
        precondition(
            requestedCount + flushingCount + finishedCount == slots.count,
            "\(requestedCount) + \(flushingCount) + \(finishedCount) of \(slots.count) slots"
        )
        return isFinished
    }

    /// Returns what each slot did, and makes all of them free for the next request.
    ///
    /// - Precondition: Every slot is finished.
    mutating func collect() -> [Outcome] {
        precondition(isFinished, "\(finishedCount) of \(slots.count) slots are finished")
        let outcomes = slots.map(\.outcome)
        slots = Array(repeating: Slot(), count: slots.count)
        finishedCount = 0
        return outcomes
    }
}
