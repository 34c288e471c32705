import RedoubtCore
import RedoubtSystem
import Synchronization

/// Frames promised to mini-transactions before they latch anything.
///
/// The promises of all threads together never exceed what the pool can give, so no thread waits for a frame while the
/// latches it holds keep others from giving theirs back.
final class FrameCredit: Sendable {
    /// The most frames promised at once.
    let limit: Int
    private let taken = CacheIsolated(Atomic<Int>(0))
    private let returned = Event()
    private let waits: WaitLedger

    /// Creates the credit of a pool whose instances have `frameCount` frames each; an eighth of them is never promised.
    ///
    /// Foreground threads wait for it as `.frameCredit` in `waits`.
    init(frameCount: Int, waits: WaitLedger = WaitLedger()) {
        self.waits = waits
        limit = frameCount - max(16, frameCount / 8)
    }

    /// The frames promised at the moment.
    var takenCount: Int { taken.value.load(ordering: .relaxed) }

    /// Takes credit for `count` frames; the caller holds no latch.
    ///
    /// Waits at most until `deadline`.
    ///
    /// - Throws: `.poolExhausted`.
    func acquire(_ count: Int, waitMilliseconds: Int) throws(RedoubtError) {
        if tryAcquire(count) { return }
        guard count <= limit else {
            throw RedoubtError(
                .poolExhausted,
                "\(count) frames are needed at once, but the pool can promise \(limit); raise memory"
            )
        }
        let wait = waits.begin(.frameCredit)
        defer { waits.end(wait) }
        let deadline = Scheduling.now().advanced(milliseconds: waitMilliseconds)
        while true {
            let ticket = returned.ticket
            if tryAcquire(count) { return }
            if !returned.wait(ticket, deadline: deadline) {
                if tryAcquire(count) { return }
                throw RedoubtError(
                    .poolExhausted,
                    "\(count) frames were not promised within \(waitMilliseconds) ms, \(takenCount) of \(limit) are "
                        + "taken; raise memory or use fewer threads"
                )
            }
        }
    }

    /// Takes credit for `count` frames if that needs no waiting.
    @inline(__always)
    func tryAcquire(_ count: Int) -> Bool {
        var seen = taken.value.load(ordering: .relaxed)
        while seen + count <= limit {
            let exchange = taken.value.weakCompareExchange(
                expected: seen,
                desired: seen + count,
                ordering: .acquiringAndReleasing
            )
            if exchange.exchanged { return true }
            seen = exchange.original
        }
        return false
    }

    /// Gives credit for `count` frames back.
    @inline(__always)
    func release(_ count: Int) {
        let left = taken.value.wrappingSubtract(count, ordering: .acquiringAndReleasing).newValue
        precondition(left >= 0, "\(count) frames of credit were given back, \(-left) more than were taken")
        returned.signal()
    }
}
