/// How long page writes took of late, as policies see it: a mean of the last ones, and the least of 100 ms.
struct LatencyModel {
    private(set) var mean = 0.0
    private var least: (begin: UInt64, value: UInt64, before: UInt64) = (0, .max, .max)

    private static let window: UInt64 = 50_000_000

    /// Takes note of a write that took `duration` nanoseconds.
    mutating func note(now: UInt64, duration: UInt64) {
        mean = mean == 0 ? Double(duration) : mean + (Double(duration) - mean) / 16
        turn(now)
        least.value = min(least.value, duration)
    }

    /// The least of the last 50 to 100 ms; 0 if nothing was written.
    mutating func minimum(at now: UInt64) -> UInt64 {
        turn(now)
        let found = min(least.value, least.before)
        return found == .max ? 0 : found
    }

    private mutating func turn(_ now: UInt64) {
        guard now - least.begin >= Self.window else { return }
        let isRecent = now - least.begin < 2 * Self.window
        least = (now, .max, isRecent ? least.value : .max)
    }
}

/// Durations counted in buckets that are a sixteenth of a power of two wide.
package struct DurationCounts {
    private var counts = [UInt32](repeating: 0, count: 64 * 16)
    /// All that were counted, and the longest.
    package private(set) var total = 0
    /// See ``total``.
    package private(set) var longest: UInt64 = 0

    /// Creates empty counts.
    package init() {}

    /// Adds what `other` has counted.
    package mutating func merge(_ other: DurationCounts) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
        total += other.total
        longest = max(longest, other.longest)
    }

    /// Counts a duration in nanoseconds.
    @inline(__always)
    package mutating func add(_ duration: UInt64) {
        counts[Self.bucket(duration)] &+= 1
        total += 1
        if duration > longest { longest = duration }
    }

    /// Forgets everything.
    package mutating func clear() {
        if total > 0 { for index in counts.indices { counts[index] = 0 } }
        (total, longest) = (0, 0)
    }

    /// The duration that `share` of all do not exceed, in nanoseconds, by the upper end of its bucket.
    package func quantile(_ share: Double) -> UInt64 {
        guard total > 0 else { return 0 }
        var left = max(1, Int((Double(total) * share).rounded(.up)))
        for (index, count) in counts.enumerated() {
            left -= Int(count)
            if left <= 0 { return min(longest, Self.upperEnd(index)) }
        }
        return longest
    }

    private static func bucket(_ duration: UInt64) -> Int {
        if duration < 16 { return Int(duration) }
        let exponent = 63 - duration.leadingZeroBitCount
        return (exponent - 3) * 16 + Int(duration >> UInt64(exponent - 4) & 15)
    }

    private static func upperEnd(_ bucket: Int) -> UInt64 {
        if bucket < 16 { return UInt64(bucket) }
        let exponent = UInt64(bucket / 16 + 3)
        return (UInt64(bucket % 16) + 17) << (exponent - 4)
    }
}
