public import Synchronization

/// A latch for memory that is read far more often than it is written: shared, shared-exclusive and exclusive holds, and
/// optimistic reads that hold nothing and are validated by a version.
///
/// | held | S | SX | X |
/// |---|---|---|---|
/// | S  | yes | yes | no |
/// | SX | yes | no  | no |
/// | X  | no  | no  | no |
///
/// A latch lives in raw memory, because threads wait on its address; all operations are on the pointer to it:
///
///     latch.lockShared()
///     defer { latch.unlockShared() }
///
/// The state is one word: the version in the high half; in the low half the X and SX bits, a bit for sleepers, a bit
/// that says that an X request keeps new readers out, and the number of shared holders. The version goes up by one
/// each time an exclusive hold ends.
///
/// No hold is recursive, and none belongs to a thread: another thread may end it.
///
/// ## References
/// Boettcher, Leis, Giceva and Neumann, "Scalable and Robust Latches for Database Systems", DaMoN 2020.
@frozen
@usableFromInline
package struct Latch: ~Copyable {
    @usableFromInline let word: Atomic<UInt64>

    /// Creates a free latch with version 0.
    @inlinable
    package init() {
        word = Atomic(0)
    }

    /// One X holder.
    @inlinable static var exclusive: UInt64 { 1 << 31 }
    /// One SX holder.
    @inlinable static var sharedExclusive: UInt64 { 1 << 30 }
    /// Somebody sleeps: who makes room clears the bit and wakes all.
    @inlinable static var sleepers: UInt64 { 1 << 29 }
    /// Somebody waits for X: new S and SX requests queue up behind it for a while.
    @inlinable static var wanted: UInt64 { 1 << 28 }
    /// The number of S holders.
    @inlinable static var sharedCount: UInt64 { 1 << 28 &- 1 }
    /// One step of the version.
    @inlinable static var versionStep: UInt64 { 1 << 32 }
    /// What an optimistic read compares: the version, and that nobody holds X.
    @inlinable static var versionMask: UInt64 { 0xFFFF_FFFF_8000_0000 }
}

extension Latch: Sendable {}

extension UnsafeMutablePointer where Pointee == Latch {
    // MARK: Shared

    /// Takes a shared hold.
    ///
    /// Waits.
    @inlinable
    package func lockShared() {
        if unsafe !tryAdd(1, unless: Latch.exclusive | Latch.wanted) { unsafe waitAndAdd(1, unless: Latch.exclusive) }
    }

    /// Takes a shared hold if that needs no waiting; may fail for no reason while other threads come and go.
    @inlinable
    package func tryLockShared() -> Bool {
        unsafe tryAdd(1, unless: Latch.exclusive | Latch.wanted)
    }

    /// Ends a shared hold.
    @inlinable
    package func unlockShared() {
        Scheduling.atomicStep()
        let after = unsafe pointee.word.wrappingSubtract(1, ordering: .releasing).newValue
        if after & Latch.sleepers != 0 && after & Latch.sharedCount == 0 { unsafe wakeSleepers() }
    }

    // MARK: Shared-exclusive

    /// Takes the shared-exclusive hold.
    ///
    /// Waits.
    @inlinable
    package func lockSharedExclusive() {
        let others = Latch.exclusive | Latch.sharedExclusive
        if unsafe !tryAdd(Latch.sharedExclusive, unless: others | Latch.wanted) {
            unsafe waitAndAdd(Latch.sharedExclusive, unless: others)
        }
    }

    /// Takes the shared-exclusive hold if that needs no waiting; may fail for no reason while other threads come and
    /// go.
    @inlinable
    package func tryLockSharedExclusive() -> Bool {
        unsafe tryAdd(Latch.sharedExclusive, unless: Latch.exclusive | Latch.sharedExclusive | Latch.wanted)
    }

    /// Ends the shared-exclusive hold.
    @inlinable
    package func unlockSharedExclusive() {
        Scheduling.atomicStep()
        let after = unsafe pointee.word.wrappingSubtract(Latch.sharedExclusive, ordering: .releasing).newValue
        if after & Latch.sleepers != 0 { unsafe wakeSleepers() }
    }

    // MARK: Exclusive

    /// Takes the exclusive hold.
    ///
    /// Waits.
    @inlinable
    package func lockExclusive() {
        if unsafe !tryLockExclusive() { unsafe waitForExclusive() }
    }

    /// Takes the exclusive hold if nobody holds or awaits the latch.
    @inlinable
    package func tryLockExclusive() -> Bool {
        Scheduling.atomicStep()
        let seen = unsafe pointee.word.load(ordering: .relaxed)
        guard seen & 0xFFFF_FFFF == 0 else { return false }
        Scheduling.atomicStep()
        let exchange = unsafe pointee.word.compareExchange(
            expected: seen,
            desired: seen | Latch.exclusive,
            ordering: .acquiring
        )
        // An optimistic reader that sees one of the changes to come must see the X bit too.
        atomicMemoryFence(ordering: .releasing)
        return exchange.exchanged
    }

    /// Ends the exclusive hold: the version goes up.
    @inlinable
    package func unlockExclusive() {
        Scheduling.atomicStep()
        let after = unsafe pointee.word.wrappingAdd(
            Latch.versionStep &- Latch.exclusive,
            ordering: .releasing
        ).newValue
        if after & Latch.sleepers != 0 { unsafe wakeSleepers() }
    }

    /// Turns the shared-exclusive hold into the exclusive one, once the readers have left.
    ///
    /// Waits.
    @inlinable
    package func upgradeToExclusive() {
        Scheduling.atomicStep()
        let seen = unsafe pointee.word.load(ordering: .relaxed)
        if seen & 0xFFFF_FFFF == Latch.sharedExclusive {
            Scheduling.atomicStep()
            let exchange = unsafe pointee.word.compareExchange(
                expected: seen,
                desired: seen ^ (Latch.sharedExclusive | Latch.exclusive),
                ordering: .acquiring
            )
            atomicMemoryFence(ordering: .releasing)
            if exchange.exchanged { return }
        }
        unsafe waitToUpgrade()
    }

    /// Turns the exclusive hold into a shared one: the version goes up.
    @inlinable
    package func downgradeToShared() {
        Scheduling.atomicStep()
        let after = unsafe pointee.word.wrappingAdd(
            Latch.versionStep &- Latch.exclusive &+ 1,
            ordering: .releasing
        ).newValue
        if after & Latch.sleepers != 0 { unsafe wakeSleepers() }
    }

    /// Whether somebody holds the latch exclusively.
    @inlinable
    package var isExclusive: Bool {
        unsafe pointee.word.load(ordering: .relaxed) & Latch.exclusive != 0
    }

    /// Whether a request for the exclusive hold waits for those who hold the latch now, and keeps new ones out.
    @inlinable
    package var isWanted: Bool {
        Scheduling.atomicStep()
        return unsafe pointee.word.load(ordering: .relaxed) & Latch.wanted != 0
    }

    // MARK: Optimistic reads

    /// Returns the version to validate an optimistic read with, or nil while the latch is held exclusively.
    @inlinable
    package func optimisticVersion() -> UInt64? {
        Scheduling.atomicStep()
        let seen = unsafe pointee.word.load(ordering: .acquiring)
        return seen & Latch.exclusive == 0 ? seen & Latch.versionMask : nil
    }

    /// Returns the version to validate an optimistic read with.
    ///
    /// Waits for an exclusive holder.
    @inlinable
    package func awaitOptimisticVersion() -> UInt64 {
        if let version = unsafe optimisticVersion() { return version }
        return unsafe waitForVersion()
    }

    /// Returns whether nobody has held the latch exclusively since `version` was taken.
    ///
    /// Nothing that was read in between may be trusted unless this is true.
    @inlinable
    package func validate(_ version: UInt64) -> Bool {
        atomicMemoryFence(ordering: .acquiring)
        Scheduling.atomicStep()
        return unsafe pointee.word.load(ordering: .relaxed) & Latch.versionMask == version
    }

    // MARK: Shared steps

    /// Adds `holder` to the word in one attempt, unless one of the bits `blockers` is set.
    @inlinable
    func tryAdd(_ holder: UInt64, unless blockers: UInt64) -> Bool {
        Scheduling.atomicStep()
        let seen = unsafe pointee.word.load(ordering: .relaxed)
        guard seen & blockers == 0 else { return false }
        Scheduling.atomicStep()
        return unsafe pointee.word.compareExchange(
            expected: seen,
            desired: seen &+ holder,
            ordering: .acquiring
        ).exchanged
    }
}
