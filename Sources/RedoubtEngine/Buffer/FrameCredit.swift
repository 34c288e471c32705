import RedoubtCore
import RedoubtSystem
import Synchronization

/// Frames promised to mini-transactions before they latch anything.
///
/// The promises of all threads together never exceed what the pool can give, so no thread waits for a frame while the
/// latches it holds keep others from giving theirs back. When the limit is lowered, promises beyond it stay good, and
/// nothing more is promised until enough have been given back.
final class FrameCredit: Sendable {
    // The limit above, what is promised below: one word, so that no promise is made by a limit of before.
    private let word: CacheIsolated<Atomic<UInt64>>
    private let returned = Event()
    private let waits: WaitLedger

    /// Creates the credit of a pool whose instances have `frameCount` frames each; an eighth of them is never promised.
    ///
    /// Foreground threads wait for it as `.frameCredit` in `waits`.
    init(frameCount: Int, waits: WaitLedger = WaitLedger()) {
        self.waits = waits
        word = CacheIsolated(Atomic(UInt64(Self.limit(frameCount: frameCount)) << 32))
    }

    private static func limit(frameCount: Int) -> Int { frameCount - max(16, frameCount / 8) }

    private static func limit(_ word: UInt64) -> Int { Int(word >> 32) }
    private static func taken(_ word: UInt64) -> Int { Int(word & 0xFFFF_FFFF) }

    /// The most frames promised at once.
    var limit: Int { Self.limit(word.value.load(ordering: .relaxed)) }

    /// The frames promised at the moment.
    var takenCount: Int { Self.taken(word.value.load(ordering: .relaxed)) }

    /// Whether what is promised is within the limit; once it is, it stays so until the limit is lowered.
    var isWithinLimit: Bool {
        let seen = word.value.load(ordering: .acquiring)
        return Self.taken(seen) <= Self.limit(seen)
    }

    /// Sets the limit for instances of `frameCount` frames.
    func setLimit(frameCount: Int) {
        let limit = UInt64(Self.limit(frameCount: frameCount)) << 32
        var seen = word.value.load(ordering: .relaxed)
        while true {
            let exchange = word.value.weakCompareExchange(
                expected: seen,
                desired: limit | seen & 0xFFFF_FFFF,
                ordering: .acquiringAndReleasing
            )
            if exchange.exchanged { break }
            seen = exchange.original
        }
        returned.signal()
    }

    /// Takes credit for `count` frames; the caller holds no latch.
    ///
    /// Waits at most until `deadline`.
    ///
    /// - Throws: `.poolExhausted`.
    func acquire(_ count: Int, waitMilliseconds: Int) throws(RedoubtError) {
        if tryAcquire(count) { return }
        try requirePossible(count)
        let wait = waits.begin(.frameCredit)
        defer { waits.end(wait) }
        let deadline = Scheduling.now().advanced(milliseconds: waitMilliseconds)
        while true {
            let ticket = returned.ticket
            if tryAcquire(count) { return }
            try requirePossible(count)
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

    private func requirePossible(_ count: Int) throws(RedoubtError) {
        let limit = limit
        guard count > limit else { return }
        throw RedoubtError(
            .poolExhausted,
            "\(count) frames are needed at once, but the pool can promise \(limit); raise memory"
        )
    }

    /// Takes credit for `count` frames if that needs no waiting.
    @inline(__always)
    func tryAcquire(_ count: Int) -> Bool {
        var seen = word.value.load(ordering: .relaxed)
        while Self.taken(seen) + count <= Self.limit(seen) {
            let exchange = word.value.weakCompareExchange(
                expected: seen,
                desired: seen + UInt64(count),
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
        let before = word.value.wrappingSubtract(UInt64(count), ordering: .acquiringAndReleasing).oldValue
        precondition(
            Self.taken(before) >= count,
            "\(count) frames of credit were given back, \(Self.taken(before)) were taken"
        )
        returned.signal()
    }
}
