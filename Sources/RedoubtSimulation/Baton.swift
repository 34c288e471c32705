import CRedoubtShims
import Synchronization

/// What one simulated thread waits for and another hands it: the right to run.
@safe
final class Baton: @unchecked Sendable {
    // In memory of its own, because the kernel needs its address.
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    init() {
        unsafe word = .allocate(capacity: 1)
        unsafe word.initialize(to: Atomic(0))
    }

    deinit {
        unsafe word.deinitialize(count: 1)
        unsafe word.deallocate()
    }

    /// Hands the baton over.
    func give() {
        unsafe word.pointee.store(1, ordering: .releasing)
        unsafe redoubt_futex_wake(word, 1)
    }

    /// Waits for the baton and takes it.
    func take() {
        while !take(nanoseconds: -1) {}
    }

    /// Waits for the baton at most `nanoseconds` of real time; returns whether it was taken.
    func take(nanoseconds: Int64) -> Bool {
        if unsafe word.pointee.exchange(0, ordering: .acquiring) == 1 { return true }
        _ = unsafe redoubt_futex_wait(word, 0, nanoseconds)
        return unsafe word.pointee.exchange(0, ordering: .acquiring) == 1
    }
}
