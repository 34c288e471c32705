import Synchronization

/// The state of one event: a generation in the upper 31 bits, and a bit that says that somebody may wait for it to end.
///
/// Who waits sets the bit, which makes the word its *ticket*, and then checks its condition; who signals makes the
/// condition true, and then looks at the bit. Each has a fence between its two steps, so that at least one sees the
/// other. A signal with nobody waiting writes nothing.
struct EventWord: ~Copyable {
    private let word = Atomic<UInt32>(0)

    /// Sets the bit and returns the word.
    var ticket: UInt32 {
        Scheduling.atomicStep()
        var seen = word.load(ordering: .relaxed)
        if seen & 1 == 0 {
            Scheduling.atomicStep()
            seen = word.bitwiseOr(1, ordering: .relaxed).newValue
        }
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return seen
    }

    /// Whether there was no signal since `ticket` was taken.
    func isCurrent(_ ticket: UInt32) -> Bool {
        Scheduling.atomicStep()
        return word.load(ordering: .acquiring) == ticket
    }

    /// Ends the generation if somebody may wait for that; returns whether threads must be woken.
    ///
    /// A sequentially consistent fence must stand between the change of the condition and this.
    func advance() -> Bool {
        Scheduling.atomicStep()
        var seen = word.load(ordering: .relaxed)
        while seen & 1 != 0 {
            Scheduling.atomicStep()
            // The bit is set, so adding one clears it and carries into the generation.
            let exchange = word.compareExchange(expected: seen, desired: seen &+ 1, ordering: .releasing)
            if exchange.exchanged { return true }
            seen = exchange.original
        }
        return false
    }
}

extension UnsafeMutablePointer where Pointee == EventWord {
    /// Waits for a signal given after `ticket` was taken; returns false if `deadline` passed before.
    func wait(_ ticket: UInt32, deadline: EngineInstant?) -> Bool {
        while unsafe pointee.isCurrent(ticket) {
            if unsafe !Scheduling.wait(on: UnsafeRawPointer(self), while: ticket, deadline: deadline) {
                return unsafe !pointee.isCurrent(ticket)
            }
        }
        return true
    }

    /// Wakes all who wait.
    ///
    /// The fence of ``EventWord/advance()`` is the caller's.
    func signal() {
        if unsafe pointee.advance() { unsafe Scheduling.wake(UnsafeRawPointer(self)) }
    }
}
