import RedoubtCore

/// Where a key is, or would be, in a page.
struct SearchResult: Equatable, Sendable {
    /// The origin of the greatest record that is not greater than the key; the infimum if there is none.
    var predecessor: Int
    /// Whether that record has the key itself.
    var isMatch: Bool
    /// The position of ``predecessor`` among the records, -1 for the infimum; nil when the directory was searched.
    var rank: Int?
}

/// The child of a node page that a key belongs to.
struct ChildSearchResult: Equatable, Sendable {
    /// The child page.
    var child: PageNumber
    /// The origin of its node pointer.
    var origin: Int
    /// The position of the node pointer, for ``SearchIndex/setChildFrame(_:at:)``; nil when the directory was searched.
    var rank: Int?
    /// The frame that held the child when somebody last looked, or ``SearchIndex/noFrame``.
    var frame: UInt32
}
