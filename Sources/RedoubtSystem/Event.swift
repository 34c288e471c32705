import Synchronization

/// Something that threads wait for. Take the ticket, check the condition, then wait:
///
///     while !condition {
///         let ticket = event.ticket
///         if condition { break }
///         event.wait(ticket)
///     }
///
/// Whoever makes the condition true signals afterwards; no signal is lost between the ticket and the wait. A signal
/// costs a fence and a load if nobody has taken a ticket since the last one.
@safe
package final class Event: @unchecked Sendable {
    private let word: UnsafeMutablePointer<EventWord>

    /// Creates an event that nobody waits for.
    package init() {
        unsafe word = IsolatedMemory.allocate(EventWord.self, count: 1)
        unsafe word.initialize(to: EventWord())
    }

    deinit {
        unsafe word.deinitialize(count: 1)
        unsafe IsolatedMemory.free(word)
    }

    /// Announces that the caller may wait; to be taken before the condition is checked, and after each wait again.
    package var ticket: UInt32 { unsafe word.pointee.ticket }

    /// Waits for a signal given after `ticket` was taken.
    ///
    /// Returns false if `deadline` passed before.
    @discardableResult
    package func wait(_ ticket: UInt32, deadline: EngineInstant? = nil) -> Bool {
        unsafe word.wait(ticket, deadline: deadline)
    }

    /// Wakes all who wait.
    ///
    /// The condition must have been made true before.
    package func signal() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        unsafe word.signal()
    }
}
