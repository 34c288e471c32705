/// The keys from one to another: `lower` belongs to it, `upper` does not; nil is no bound.
public struct KeyRange: Sendable, Hashable {
    /// The first key that can be in the range.
    public var lower: [UInt8]?
    /// The first key after the range.
    public var upper: [UInt8]?

    /// Creates the range from `lower` up to and without `upper`; every key if both are nil.
    public init(from lower: [UInt8]? = nil, to upper: [UInt8]? = nil) {
        self.lower = lower
        self.upper = upper
    }

    /// Creates the range of the keys that begin with `prefix`.
    public init(prefix: [UInt8]) {
        lower = prefix
        // The next greater key that does not begin so: the prefix with its last byte below 255 raised.
        var end = prefix
        while let last = end.popLast() {
            if last < 255 {
                upper = end + [last + 1]
                return
            }
        }
        upper = nil
    }

    /// Every key.
    public static let all = KeyRange()
}
