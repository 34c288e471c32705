/// A page of a tablespace.
@frozen
public struct PageID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The tablespace.
    public let space: SpaceID
    /// The page within it.
    public let number: PageNumber

    /// Creates the id of page `number` of `space`.
    @inlinable
    public init(space: SpaceID, number: PageNumber) {
        self.space = space
        self.number = number
    }

    /// Creates the id from its packed form.
    @inlinable
    package init(packed: UInt64) {
        space = SpaceID(rawValue: UInt32(truncatingIfNeeded: packed >> 32))
        number = PageNumber(rawValue: UInt32(truncatingIfNeeded: packed))
    }

    /// Both numbers in one word: the space in the high half.
    ///
    /// 0 is no page, because no space has id 0.
    @inlinable
    package var packed: UInt64 { UInt64(space.rawValue) << 32 | UInt64(number.rawValue) }

    /// Returns whether `left` comes first in the order of (space, number).
    @inlinable
    public static func < (left: Self, right: Self) -> Bool { left.packed < right.packed }

    /// The id as "space:number".
    public var description: String { "\(space):\(number)" }
}
