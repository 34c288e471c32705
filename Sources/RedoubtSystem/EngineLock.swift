package import RedoubtCore

extension UnsafeMutablePointer where Pointee == Lock {
    /// Takes the lock, which was just tried in vain.
    ///
    /// Waits, for `reason` in `ledger`.
    @inline(never)
    package func waitForLock(_ reason: WaitReason, in ledger: WaitLedger) {
        let wait = ledger.begin(reason)
        unsafe waitForLock()
        ledger.end(wait)
    }
}

/// A ``Lock`` with a cache line of its own, for state that is not in raw memory.
///
/// Waits for it are written down in the ledger that it was made with, or that the caller names.
@safe
package final class EngineLock: @unchecked Sendable {
    @usableFromInline let word: UnsafeMutablePointer<Lock>

    private let waits: WaitLedger?

    /// Creates a free lock; foreground threads wait for it as `.engineLock` in `waits`.
    package init(waits: WaitLedger? = nil) {
        self.waits = waits
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
        if unsafe !word.tryLock() { waitForLock(.engineLock, in: nil) }
    }

    /// Takes the lock.
    ///
    /// Waits, for `reason` in `ledger`.
    @inlinable
    package func lock(_ reason: WaitReason, in ledger: WaitLedger) {
        if unsafe !word.tryLock() { waitForLock(reason, in: ledger) }
    }

    @usableFromInline
    @inline(never)
    func waitForLock(_ reason: WaitReason, in ledger: WaitLedger?) {
        guard let ledger = ledger ?? waits else { return unsafe word.waitForLock() }
        unsafe word.waitForLock(reason, in: ledger)
    }

    /// Takes the lock if it is free.
    @inlinable
    package func tryLock() -> Bool {
        unsafe word.tryLock()
    }

    /// Whether somebody holds the lock; only a hint.
    package var isLocked: Bool { unsafe word.isLocked }

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
