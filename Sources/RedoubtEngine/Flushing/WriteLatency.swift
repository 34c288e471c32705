import RedoubtSystem
import Synchronization

/// How long writes take, from their beginning to when their end was seen.
///
/// One thread at a time notes, any thread reads.
struct WriteLatency: ~Copyable, Sendable {
    private let sum = Atomic<UInt64>(0)
    // The least of the present half of a window, and of the one before it.
    private let present = Atomic<UInt64>(.max)
    private let before = Atomic<UInt64>(.max)
    private let halfBegan = Atomic<UInt64>(0)

    private static var half: UInt64 { 50_000_000 }
    // Each write counts for a sixteenth of the mean.
    private static var weight: UInt64 { 16 }

    /// Notes a write of `nanoseconds` that ended at `now`.
    func note(_ nanoseconds: UInt64, at now: EngineInstant) {
        let mean = sum.load(ordering: .relaxed)
        let next = mean == 0 ? nanoseconds &* Self.weight : mean &- mean / Self.weight &+ nanoseconds
        sum.store(next, ordering: .relaxed)
        let age = now.nanoseconds &- halfBegan.load(ordering: .relaxed)
        if age >= Self.half {
            let last = present.load(ordering: .relaxed)
            before.store(age < 2 * Self.half ? last : .max, ordering: .relaxed)
            present.store(nanoseconds, ordering: .relaxed)
            halfBegan.store(now.nanoseconds, ordering: .relaxed)
        } else if nanoseconds < present.load(ordering: .relaxed) {
            present.store(nanoseconds, ordering: .relaxed)
        }
    }

    /// The mean of recent writes in nanoseconds, weighted towards the last sixteen; 0 before the first.
    var mean: UInt64 { sum.load(ordering: .relaxed) / Self.weight }

    /// The least of the writes that ended in the last 50 to 100 ms before `now`, in nanoseconds; nil if there was none.
    func minimum(at now: EngineInstant) -> UInt64? {
        let age = now.nanoseconds &- halfBegan.load(ordering: .relaxed)
        if age >= 2 * Self.half { return nil }
        let last = present.load(ordering: .relaxed)
        let least = age < Self.half ? min(last, before.load(ordering: .relaxed)) : last
        return least == .max ? nil : least
    }
}
