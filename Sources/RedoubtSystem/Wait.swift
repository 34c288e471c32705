package import RedoubtCore

/// A wait under way, between ``WaitLedger/begin(_:)`` and ``WaitLedger/end(_:)``.
package struct Wait {
    enum Kind {
        /// Of a thread of the engine itself.
        case ignored
        /// Within another.
        case nested
        /// To be written down.
        case outermost
    }

    let reason: WaitReason
    let kind: Kind
    var start = EngineInstant(nanoseconds: 0)
    // Where it can be seen while it lasts, or -1.
    var place = -1
}

/// A wait that lasts, as somebody else sees it.
package struct PresentWait: Sendable, Hashable {
    /// What for.
    package let reason: WaitReason
    /// When it began.
    package let start: EngineInstant
    /// How long it had lasted when it was looked at.
    package let nanoseconds: UInt64
    /// Tells waits apart that began at the same time.
    package let place: Int
}

/// How often threads waited for something, and how long.
package struct WaitTotals: Sendable, Hashable {
    /// The number of buckets of ``buckets``.
    package static let bucketCount = 28

    /// The waits that have ended.
    package var count: UInt64 = 0
    /// The time of all of them.
    package var nanoseconds: UInt64 = 0
    /// The longest.
    package var nanosecondsMaximum: UInt64 = 0
    /// The number of waits by duration: bucket 0 below 1 us, bucket i from 2^(i-1) us to 2^i us, the last one for all
    /// that is longer.
    package var buckets = [UInt64](repeating: 0, count: WaitTotals.bucketCount)

    /// Creates totals of nothing.
    package init() {}

    /// The bucket of a wait.
    package static func bucket(of nanoseconds: UInt64) -> Int {
        min(bucketCount - 1, UInt64.bitWidth - (nanoseconds / 1000).leadingZeroBitCount)
    }

    /// The duration in microseconds that the share `fraction` of all waits does not exceed: an upper bound, at most
    /// twice the true value.
    package func microseconds(atFraction fraction: Double) -> UInt64 {
        let wanted = UInt64((Double(count) * fraction).rounded(.up))
        var sum: UInt64 = 0
        for (bucket, number) in buckets.enumerated() {
            sum += number
            if sum >= wanted { return min(1 << UInt64(bucket), nanosecondsMaximum / 1000 + 1) }
        }
        return nanosecondsMaximum / 1000 + 1
    }
}
