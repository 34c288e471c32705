import RedoubtCore

/// A ``Lock`` with a cache line of its own, for state that is not in raw memory.
@safe
package final class EngineLock: @unchecked Sendable {
    @usableFromInline let word: UnsafeMutablePointer<Lock>

    /// Creates a free lock.
    package init() {
        unsafe word = IsolatedMemory.allocate(Lock.self, count: 1)
        unsafe word.initialize(to: Lock())
    }

    deinit {
        unsafe word.deinitialize(count: 1)
        unsafe IsolatedMemory.free(word)
    }

    /// Takes the lock.
    ///
    /// Waits.
    @inlinable
    package func lock() {
        unsafe word.lock()
    }

    /// Takes the lock if it is free.
    @inlinable
    package func tryLock() -> Bool {
        unsafe word.tryLock()
    }

    /// Gives the lock back.
    @inlinable
    package func unlock() {
        unsafe word.unlock()
    }

    /// Runs `body` with the lock held.
    ///
    /// Waits.
    @inlinable
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }
}
