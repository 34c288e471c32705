import Synchronization

extension Latch {
    /// How long a waiting X request keeps others out: after that they take their turn, so that no chain of latches can
    /// close into a circle through a request that merely waits.
    fileprivate static var patienceMicroseconds: Int { 1000 }
}

/// The slow paths of ``Latch``: spin for a bounded time, then sleep on the low half of the word.
///
/// Why no wake-up is lost: a thread sleeps only while the word has the sleepers bit and the value that the thread found
/// blocked; whoever clears the bit wakes all; and whoever makes room clears the bit if it is set.
extension UnsafeMutablePointer where Pointee == Latch {
    /// The low half of the word, which threads sleep on.
    private var sleepingAddress: UnsafeRawPointer {
        #if _endian(little)
        UnsafeRawPointer(self)
        #else
        unsafe UnsafeRawPointer(self) + 4
        #endif
    }

    /// Clears the sleepers bit, and wakes all who slept.
    ///
    /// Called by whoever made room.
    @usableFromInline
    func wakeSleepers() {
        Scheduling.atomicStep()
        let before = unsafe pointee.word.bitwiseAnd(~Latch.sleepers, ordering: .relaxed).oldValue
        if before & Latch.sleepers != 0 { unsafe Scheduling.wake(sleepingAddress) }
    }

    /// Sleeps while the word is `seen` with the sleepers bit added.
    ///
    /// Returns false if `deadline` passed.
    private func sleep(_ seen: UInt64, deadline: EngineInstant? = nil) -> Bool {
        var value = seen
        if seen & Latch.sleepers == 0 {
            value |= Latch.sleepers
            Scheduling.atomicStep()
            guard unsafe pointee.word.compareExchange(expected: seen, desired: value, ordering: .relaxed).exchanged
            else { return true }
        }
        return unsafe Scheduling.wait(
            on: sleepingAddress,
            while: UInt32(truncatingIfNeeded: value),
            deadline: deadline
        )
    }

    /// Takes an S or SX hold: adds `holder` once none of the bits `blockers` is set, and for a bounded time lets X
    /// requests go first.
    @usableFromInline
    func waitAndAdd(_ holder: UInt64, unless blockers: UInt64) {
        let limit = Scheduling.spinLimit
        var spins = 0
        var patience: EngineInstant?
        var yielding = Latch.wanted
        while true {
            Scheduling.atomicStep()
            let seen = unsafe pointee.word.load(ordering: .relaxed)
            if seen & (blockers | yielding) == 0 {
                precondition(seen & Latch.sharedCount < Latch.sharedCount, "a latch has too many shared holders")
                Scheduling.atomicStep()
                let exchange = unsafe pointee.word.compareExchange(
                    expected: seen,
                    desired: seen &+ holder,
                    ordering: .acquiring
                )
                if exchange.exchanged { return }
                continue
            }
            if spins < limit {
                spins += 1
                Scheduling.spinOnce()
                continue
            }
            if seen & blockers != 0 {
                _ = unsafe sleep(seen)
            } else {
                let end = patience ?? Scheduling.now().advanced(microseconds: Latch.patienceMicroseconds)
                patience = end
                if unsafe !sleep(seen, deadline: end) { yielding = 0 }
            }
        }
    }

    /// Takes the exclusive hold once there is no other, and keeps new readers out meanwhile.
    @usableFromInline
    func waitForExclusive() {
        let others = Latch.exclusive | Latch.sharedExclusive | Latch.sharedCount
        unsafe waitAndReplace(others, adding: Latch.exclusive)
    }

    /// Turns SX into X once there is no reader, and keeps new ones out meanwhile.
    @usableFromInline
    func waitToUpgrade() {
        unsafe waitAndReplace(Latch.sharedCount, adding: Latch.exclusive &- Latch.sharedExclusive)
    }

    private func waitAndReplace(_ blockers: UInt64, adding holder: UInt64) {
        let limit = Scheduling.spinLimit
        var spins = 0
        while true {
            Scheduling.atomicStep()
            let seen = unsafe pointee.word.load(ordering: .relaxed)
            if seen & blockers == 0 {
                Scheduling.atomicStep()
                let exchange = unsafe pointee.word.compareExchange(
                    expected: seen,
                    desired: (seen & ~Latch.wanted) &+ holder,
                    ordering: .acquiring
                )
                // As in tryLockExclusive: the X bit before the changes.
                atomicMemoryFence(ordering: .releasing)
                if exchange.exchanged { return }
                continue
            }
            if spins < limit {
                spins += 1
                Scheduling.spinOnce()
                continue
            }
            if seen & Latch.wanted == 0 {
                Scheduling.atomicStep()
                let exchange = unsafe pointee.word.compareExchange(
                    expected: seen,
                    desired: seen | Latch.wanted,
                    ordering: .relaxed
                )
                guard exchange.exchanged else { continue }
            }
            _ = unsafe sleep(seen | Latch.wanted)
        }
    }

    /// Returns the version once nobody holds the latch exclusively.
    @usableFromInline
    func waitForVersion() -> UInt64 {
        let limit = Scheduling.spinLimit
        var spins = 0
        while true {
            Scheduling.atomicStep()
            let seen = unsafe pointee.word.load(ordering: .acquiring)
            if seen & Latch.exclusive == 0 { return seen & Latch.versionMask }
            if spins < limit {
                spins += 1
                Scheduling.spinOnce()
            } else {
                _ = unsafe sleep(seen)
            }
        }
    }
}
