public import Synchronization

/// A mutual exclusion lock of four bytes: free 0, held 1, held and perhaps awaited 2.
///
/// Lives in raw memory, because threads wait on its address; all operations are on the pointer to it. Not recursive.
///
/// ## References
/// Drepper, "Futexes Are Tricky", 2011.
@frozen
@usableFromInline
package struct Lock: ~Copyable {
    @usableFromInline let word: Atomic<UInt32>

    /// Creates a free lock.
    @inlinable
    package init() {
        word = Atomic(0)
    }
}

extension Lock: Sendable {}

extension UnsafeMutablePointer where Pointee == Lock {
    /// Takes the lock.
    ///
    /// Waits.
    @inlinable
    package func lock() {
        if unsafe !tryLock() { unsafe waitForLock() }
    }

    /// Takes the lock if it is free.
    @inlinable
    package func tryLock() -> Bool {
        Scheduling.atomicStep()
        return unsafe pointee.word.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
    }

    /// Gives the lock back.
    @inlinable
    package func unlock() {
        Scheduling.atomicStep()
        if unsafe pointee.word.exchange(0, ordering: .releasing) == 2 { unsafe wakeOne() }
    }

    /// Whether somebody holds the lock.
    @inlinable
    package var isLocked: Bool {
        unsafe pointee.word.load(ordering: .relaxed) != 0
    }

    @usableFromInline
    func waitForLock() {
        for _ in 0..<Scheduling.spinLimit {
            Scheduling.spinOnce()
            Scheduling.atomicStep()
            if unsafe pointee.word.load(ordering: .relaxed) == 0, unsafe tryLock() { return }
        }
        // From here on the lock is taken as 2: whoever slept cannot know whether others still do.
        while true {
            Scheduling.atomicStep()
            if unsafe pointee.word.exchange(2, ordering: .acquiring) == 0 { return }
            unsafe Scheduling.wait(on: UnsafeRawPointer(self), while: 2)
        }
    }

    @usableFromInline
    func wakeOne() {
        unsafe Scheduling.wake(UnsafeRawPointer(self), count: 1)
    }
}
