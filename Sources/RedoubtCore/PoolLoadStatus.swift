/// How far the pages that a dump names have been read in the background.
public struct PoolLoadStatus: Sendable, Hashable {
    /// The stages of a load.
    public enum Phase: String, Sendable, Hashable, CaseIterable {
        /// Nothing was asked for.
        case none
        /// Pages are being read.
        case loading
        /// All that fit have been read.
        case finished
        /// The database was closed before.
        case aborted
        /// There was no dump, or what was there is not a whole dump of this database; see ``PoolLoadStatus/message``.
        case ignored
    }

    /// The stage.
    public var phase = Phase.none
    /// The pages that the dump names.
    public var pageCount = 0
    /// Those looked at so far.
    public var visitedPageCount = 0
    /// Those read so far; the others were in memory, are gone, or did not fit.
    public var loadedPageCount = 0
    /// Why a dump was ignored; empty otherwise.
    public var message = ""

    /// Creates the status of nothing.
    public init() {}
}
