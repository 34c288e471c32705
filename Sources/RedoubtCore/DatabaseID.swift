/// The identity of a database, written into each of its files so that files of different databases cannot be mixed.
package struct DatabaseID: Hashable, Sendable, CustomStringConvertible {
    /// The number of bytes on disk.
    package static let byteCount = 16

    /// The first eight bytes, as a big-endian number.
    package let high: UInt64
    /// The last eight bytes, as a big-endian number.
    package let low: UInt64

    /// Creates the identity made of two halves.
    @inlinable
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Creates an identity from a source of randomness.
    package init(random: inout some RandomNumberGenerator) {
        self.init(high: random.next(), low: random.next())
    }

    /// The identity as 32 hexadecimal digits.
    package var description: String { Self.digits(of: high) + Self.digits(of: low) }

    private static func digits(of half: UInt64) -> String {
        let text = String(half, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
