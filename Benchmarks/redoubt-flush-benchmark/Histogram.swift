import Synchronization

/// How durations are sorted into buckets: 32 to a power of two, so that a bucket is at most 3 % wide.
enum Bucket {
    /// The buckets; the last one takes everything beyond about half an hour.
    static let count = 37 * 32

    /// The bucket of `nanoseconds`.
    @inline(__always)
    static func index(_ nanoseconds: UInt64) -> Int {
        if nanoseconds < 32 { return Int(nanoseconds) }
        let shift = 58 - nanoseconds.leadingZeroBitCount
        return min(count - 1, (shift + 1) * 32 + Int(nanoseconds >> UInt64(shift)) - 32)
    }

    /// The duration in the middle of the bucket `index`, in nanoseconds.
    static func middle(_ index: Int) -> Double {
        if index < 32 { return Double(index) }
        let shift = index / 32 - 1
        return (Double(index % 32) + 32.5) * Double(UInt64(1) << UInt64(shift))
    }
}

/// The durations that one thread measures, for others to read at any time.
@safe
final class LatencyCounts: @unchecked Sendable {
    private let counts: UnsafeMutablePointer<Atomic<UInt64>>
    private let done = Atomic<UInt64>(0)
    private let longest = Atomic<UInt64>(0)

    init() {
        unsafe counts = .allocate(capacity: Bucket.count)
        for index in 0..<Bucket.count { unsafe (counts + index).initialize(to: Atomic(0)) }
    }

    deinit { unsafe counts.deinitialize(count: Bucket.count).deallocate() }

    /// The durations counted.
    var total: UInt64 { done.load(ordering: .acquiring) }

    /// Counts a duration; for one thread.
    @inline(__always)
    func add(_ nanoseconds: UInt64) {
        // Only this thread stores, so a load and a store will do.
        let index = Bucket.index(nanoseconds)
        let before = unsafe counts[index].load(ordering: .relaxed)
        unsafe counts[index].store(before &+ 1, ordering: .relaxed)
        if nanoseconds > longest.load(ordering: .relaxed) { longest.store(nanoseconds, ordering: .relaxed) }
        done.store(done.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    }

    /// The count of one bucket.
    func count(_ index: Int) -> UInt64 { unsafe counts[index].load(ordering: .relaxed) }

    /// The longest duration since the last call.
    func takeLongest() -> UInt64 { longest.exchange(0, ordering: .relaxed) }
}

/// Counts of durations by bucket.
struct Histogram: Sendable {
    private(set) var counts: [Int: UInt64] = [:]
    private(set) var total: UInt64 = 0

    /// Adds `count` durations of one bucket.
    mutating func add(_ bucket: Int, _ count: UInt64) {
        counts[bucket, default: 0] += count
        total += count
    }

    /// Adds the counts of another histogram.
    mutating func add(_ other: Histogram) {
        for (bucket, count) in other.counts { add(bucket, count) }
    }

    /// The duration in nanoseconds below which the share `part` of all are; 0 when there are none.
    func quantile(_ part: Double) -> Double {
        let rank = Double(total) * part
        var seen = 0.0
        for (bucket, count) in counts.sorted(by: { $0.key < $1.key }) {
            seen += Double(count)
            if seen >= rank && count > 0 { return Bucket.middle(bucket) }
        }
        return 0
    }
}
