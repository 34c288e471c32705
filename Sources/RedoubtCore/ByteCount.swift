/// A size in bytes that says its unit where it is written.
@frozen
public struct ByteCount: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number of bytes.
    public let rawValue: Int

    /// Creates a size of `rawValue` bytes.
    @inlinable
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// Returns a size of `count` bytes.
    @inlinable
    public static func bytes(_ count: Int) -> ByteCount { ByteCount(rawValue: count) }

    /// Returns a size of `count` times 1024 bytes.
    @inlinable
    public static func kibibytes(_ count: Int) -> ByteCount { ByteCount(rawValue: count << 10) }

    /// Returns a size of `count` times 1024 squared bytes.
    @inlinable
    public static func mebibytes(_ count: Int) -> ByteCount { ByteCount(rawValue: count << 20) }

    /// Returns a size of `count` times 1024 cubed bytes.
    @inlinable
    public static func gibibytes(_ count: Int) -> ByteCount { ByteCount(rawValue: count << 30) }

    /// Returns whether `left` is the smaller size.
    @inlinable
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The size with the largest unit that divides it, such as "128 MiB".
    public var description: String {
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] where rawValue != 0 && rawValue % (1 << shift) == 0
        {
            return "\(rawValue >> shift) \(unit)"
        }
        return "\(rawValue) B"
    }
}
