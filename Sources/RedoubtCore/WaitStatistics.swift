/// How often foreground threads waited for one reason, and how long.
public struct WaitStatistics: Sendable, Hashable {
    /// The number of ``buckets``.
    public static let bucketCount = 28

    /// The waits that have ended.
    public var count: UInt64 = 0
    /// The time of those waits.
    public var nanoseconds: UInt64 = 0
    /// The longest of them.
    public var longestNanoseconds: UInt64 = 0
    /// The threads that wait now.
    public var waitingCount: UInt64 = 0
    /// How long the first of them has waited.
    public var waitingNanoseconds: UInt64 = 0
    /// The ended waits by duration: bucket 0 below 1 us, bucket i from 2^(i-1) us to 2^i us, the last one for all that
    /// is longer.
    public var buckets = [UInt64](repeating: 0, count: WaitStatistics.bucketCount)

    /// No waits.
    package init() {}

    /// The upper bound of bucket `index` in seconds, nil for the last one, which has none.
    public static func upperBound(ofBucket index: Int) -> Double? {
        index < bucketCount - 1 ? Double(UInt64(1) << UInt64(index)) / 1e6 : nil
    }

    /// The figures in the order in which they are written down.
    package var words: [UInt64] {
        get { [count, nanoseconds, longestNanoseconds, waitingCount, waitingNanoseconds] + buckets }
        set {
            guard newValue.count == Self.wordCount else { return }
            count = newValue[0]
            nanoseconds = newValue[1]
            longestNanoseconds = newValue[2]
            waitingCount = newValue[3]
            waitingNanoseconds = newValue[4]
            buckets = Array(newValue[5...])
        }
    }

    /// The length of ``words``.
    package static let wordCount = 5 + bucketCount
}
