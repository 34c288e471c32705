/// The position of a page in its file, in pages.
@frozen
public struct PageNumber: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number of pages that precede this one in the file.
    public let rawValue: UInt32

    /// Creates the number `rawValue`.
    @inlinable
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// No page; what a missing sibling or the end of a chain is stored as.
    ///
    /// InnoDB: `FIL_NULL`.
    @inlinable
    public static var none: PageNumber { PageNumber(rawValue: 0xFFFF_FFFF) }

    /// The root of the tree of every tablespace, for ever.
    @inlinable
    public static var root: PageNumber { PageNumber(rawValue: 3) }

    /// The byte offset of the page in its file.
    @inlinable
    package var fileOffset: UInt64 { UInt64(rawValue) &* UInt64(pageByteCount) }

    /// Returns whether `left` stands before `right`.
    @inlinable
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The number in decimal, or "none".
    public var description: String { self == .none ? "none" : String(rawValue) }
}

/// The size of every page, in bytes.
///
/// InnoDB: `UNIV_PAGE_SIZE`.
@inlinable
package var pageByteCount: Int { 16384 }
