package import RedoubtCore
import Synchronization

/// Events sharded by position in the redo stream, so that a commit wakes those who waited for it and few others.
///
/// The slot of a position is that of the block it ends in: `(LSN - 1) / 512`, modulo the number of slots. Tickets work
/// as with ``Event``. InnoDB: `innodb_log_write_events`, `innodb_log_flush_events`.
@safe
package final class EventArray: @unchecked Sendable {
    /// The number of slots, a power of two.
    package let count: Int
    private let words: UnsafeMutablePointer<EventWord>

    /// Creates `count` events, a power of two, that nobody waits for.
    package init(count: Int = 2048) {
        precondition(count > 0 && count & (count - 1) == 0, "\(count) events are no power of two")
        self.count = count
        unsafe words = IsolatedMemory.allocate(EventWord.self, count: count)
        for index in 0..<count { unsafe (words + index).initialize(to: EventWord()) }
    }

    deinit {
        unsafe words.deinitialize(count: count)
        unsafe IsolatedMemory.free(words)
    }

    /// Returns the slot of those who wait for `position`, which must not be zero.
    package func slot(of position: LogSequenceNumber) -> Int {
        precondition(position > .zero, "nobody waits for position 0")
        return Int((position.rawValue - 1) / 512 & UInt64(count - 1))
    }

    /// Announces that the caller may wait for a signal of `slot`; to be taken before the condition is checked.
    package func ticket(_ slot: Int) -> UInt32 {
        unsafe word(slot).pointee.ticket
    }

    /// Waits for a signal of `slot` given after `ticket` was taken.
    ///
    /// Returns false if `deadline` passed before.
    @discardableResult
    package func wait(_ slot: Int, _ ticket: UInt32, deadline: EngineInstant? = nil) -> Bool {
        unsafe word(slot).wait(ticket, deadline: deadline)
    }

    /// Wakes all who wait in `slot`.
    package func signal(_ slot: Int) {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        unsafe word(slot).signal()
    }

    /// Wakes all who wait for a position after `start` and up to `end`; the positions must have been reached before.
    package func signal(after start: LogSequenceNumber, through end: LogSequenceNumber) {
        guard start < end else { return }
        let first = start.rawValue / 512
        let last = (end.rawValue - 1) / 512
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let slots = min(last - first, UInt64(count - 1))
        for block in first...first + slots { unsafe word(Int(block & UInt64(count - 1))).signal() }
    }

    /// Wakes everybody.
    package func signalAll() {
        for slot in 0..<count { signal(slot) }
    }

    private func word(_ slot: Int) -> UnsafeMutablePointer<EventWord> {
        precondition(slot >= 0 && slot < count, "slot \(slot) of \(count)")
        return unsafe words + slot
    }
}
