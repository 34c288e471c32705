import CRedoubtShims
package import RedoubtCore
import Synchronization

/// Where the waits of foreground threads are written down: how many there were for which reason, how long they took,
/// and which of them last still.
///
///     let wait = ledger.begin(.pageRead)
///     defer { ledger.end(wait) }
///
/// A ledger belongs to one engine, and is handed to the structures whose threads wait. Each thread writes to a slot of
/// its own, made when it first waits; there are 64, so threads beyond that share.
///
/// ## Rules
/// 1. Nothing here is called before a thread is certain to wait: a path that does not wait pays nothing.
/// 2. Of waits within waits only the outermost is written down, so times add up to no more than what passed.
/// 3. Threads started by ``Scheduling/startBackground(_:_:)`` are not written down.
///
/// ## Concurrency
/// All members may be called from any thread. Figures are read while they change, each exact to a wait or two.
@safe
package final class WaitLedger: @unchecked Sendable {
    static let slotCount = 64
    /// The waits that can be seen while they last.
    static let presentCount = 256

    // Slots by address, zero until a thread of the slot has waited.
    private let slots: UnsafeMutablePointer<Atomic<UInt>>
    // Start and reason of each wait that lasts, zero for none; see ``PresentWait``.
    private let present: UnsafeMutablePointer<Atomic<UInt64>>
    private let origin: EngineInstant

    /// Creates an empty ledger.
    package init() {
        unsafe slots = IsolatedMemory.allocate(Atomic<UInt>.self, count: Self.slotCount)
        for index in 0..<Self.slotCount { unsafe (slots + index).initialize(to: Atomic(0)) }
        unsafe present = IsolatedMemory.allocate(Atomic<UInt64>.self, count: Self.presentCount)
        for index in 0..<Self.presentCount { unsafe (present + index).initialize(to: Atomic(0)) }
        origin = Scheduling.now()
    }

    deinit {
        for index in 0..<Self.slotCount {
            let address = unsafe slots[index].load(ordering: .acquiring)
            if let slot = WaitSlot(address: address) { slot.deallocate() }
        }
        unsafe IsolatedMemory.free(slots)
        unsafe IsolatedMemory.free(present)
    }

    /// Says that the calling thread waits from now on.
    ///
    /// Each call has its ``end(_:)``, on the same thread.
    @inline(never)
    package func begin(_ reason: WaitReason) -> Wait {
        let thread = unsafe redoubt_thread_waits().unsafelyUnwrapped
        if unsafe thread.pointee.is_background != 0 { return Wait(reason: reason, kind: .ignored) }
        unsafe thread.pointee.depth += 1
        if unsafe thread.pointee.depth > 1 { return Wait(reason: reason, kind: .nested) }
        unsafe ThreadAccount.current(thread)?.beginWait()
        let start = Scheduling.now()
        let word = start.nanoseconds(since: origin) << 8 | UInt64(reason.index) + 1
        return Wait(reason: reason, kind: .outermost, start: start, place: show(word))
    }

    /// Says that the wait that ``begin(_:)`` returned is over.
    @inline(never)
    package func end(_ wait: Wait) {
        if wait.kind == .ignored { return }
        let thread = unsafe redoubt_thread_waits().unsafelyUnwrapped
        precondition(unsafe thread.pointee.depth > 0, "a wait ends on a thread that does not wait")
        unsafe thread.pointee.depth -= 1
        if wait.kind == .nested { return }
        let elapsed = Scheduling.now().nanoseconds(since: wait.start)
        if wait.place >= 0 { unsafe present[wait.place].store(0, ordering: .releasing) }
        slot().add(wait.reason, nanoseconds: elapsed)
        unsafe ThreadAccount.current(thread)?.endWait(wait.reason)
    }

    /// Runs `body`, which is a wait from beginning to end.
    @inline(__always)
    package func during<Result: ~Copyable, Failure: Error>(
        _ reason: WaitReason,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let wait = begin(reason)
        defer { end(wait) }
        return try body()
    }

    // MARK: Reading

    /// The waits for `reason` that have ended.
    package subscript(_ reason: WaitReason) -> WaitTotals {
        var totals = WaitTotals()
        for index in 0..<Self.slotCount {
            let address = unsafe slots[index].load(ordering: .acquiring)
            if let slot = WaitSlot(address: address) { slot.read(reason, into: &totals) }
        }
        return totals
    }

    /// The nanoseconds of all waits that have ended, whatever their reason.
    package var nanoseconds: UInt64 { WaitReason.allCases.reduce(0) { $0 + self[$1].nanoseconds } }

    /// The waits that have lasted at least `minimum` nanoseconds and last still, the longest first.
    package func presentWaits(atLeast minimum: UInt64 = 0) -> [PresentWait] {
        let now = Scheduling.now()
        var waits: [PresentWait] = []
        for place in 0..<Self.presentCount {
            let word = unsafe present[place].load(ordering: .acquiring)
            guard word != 0 else { continue }
            let reason = WaitReason.allCases[Int(word & 0xFF) - 1]
            let start = EngineInstant(nanoseconds: origin.nanoseconds + word >> 8)
            let elapsed = now.nanoseconds(since: start)
            if elapsed >= minimum {
                waits.append(PresentWait(reason: reason, start: start, nanoseconds: elapsed, place: place))
            }
        }
        return waits.sorted { ($0.start, $0.place) < ($1.start, $1.place) }
    }

    // MARK: Slots

    /// Makes a wait visible; returns where, or -1 if there are too many.
    private func show(_ word: UInt64) -> Int {
        let first = Int(Scheduling.threadOrdinal)
        for step in 0..<8 {
            let place = (first + step) % Self.presentCount
            let exchange = unsafe present[place].compareExchange(expected: 0, desired: word, ordering: .relaxed)
            if exchange.exchanged { return place }
        }
        return -1
    }

    private func slot() -> WaitSlot {
        let index = Int(Scheduling.threadOrdinal) % Self.slotCount
        if let slot = unsafe WaitSlot(address: slots[index].load(ordering: .acquiring)) { return slot }
        let made = WaitSlot()
        let exchange = unsafe slots[index].compareExchange(
            expected: 0,
            desired: made.address,
            ordering: .acquiringAndReleasing
        )
        if exchange.exchanged { return made }
        made.deallocate()
        guard let other = WaitSlot(address: exchange.original) else {
            preconditionFailure("a slot of waits is gone")
        }
        return other
    }
}
