/// The number of a tablespace; the authority for what a file is, and never used twice in one database.
@frozen
public struct SpaceID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number as it stands in every page of the file.
    public let rawValue: UInt32

    /// Creates the id with number `rawValue`.
    @inlinable
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The keyspace of keyspaces.
    public static let catalog = SpaceID(rawValue: 1)

    /// The first id of a user's keyspace; 2 to 1023 are kept for the engine's private spaces.
    public static let firstUser = SpaceID(rawValue: 1024)

    /// Returns whether `left` is the smaller number.
    @inlinable
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The id as a decimal number.
    public var description: String { String(rawValue) }
}
