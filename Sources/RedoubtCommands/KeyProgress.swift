/// How far a walk over keys has come, judged by keys that divide all of them into parts of about one size.
package struct KeyProgress: Sendable {
    private let separators: [[UInt8]]
    private let first: Int
    private let count: Int

    /// Knows the ascending `separators`, and the first key and the end of the walk if it has some.
    package init(separators: [[UInt8]], from lower: [UInt8]? = nil, to upper: [UInt8]? = nil) {
        self.separators = separators
        first = lower.map { Self.rank(of: $0, in: separators) } ?? 0
        count = max(0, (upper.map { Self.rank(of: $0, in: separators) } ?? separators.count) - first)
    }

    /// The part of the walk that is done when it has reached `key`, from 0 to 1; nil if there are too few parts to say.
    package func share(at key: [UInt8]) -> Double? {
        guard count > 4 else { return nil }
        return min(1, max(0, Double(Self.rank(of: key, in: separators) - first) / Double(count)))
    }

    /// The number of separators that are not greater than `key`.
    private static func rank(of key: [UInt8], in separators: [[UInt8]]) -> Int {
        var (low, high) = (0, separators.count)
        while low < high {
            let middle = (low + high) / 2
            if key.lexicographicallyPrecedes(separators[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
