/// Why a page was written to its file.
public enum FlushReason: String, Sendable, Hashable, CaseIterable {
    /// The dirty share or the age of the redo recommended it.
    case adaptive
    /// Nothing else was going on.
    case idle
    /// The redo was nearly full: as fast as the device allows.
    case sync
    /// A frame was wanted, and the page stood at the old end of the LRU list.
    case lru
    /// A neighbour in the file was written.
    case neighbour
    /// Everything was asked for: an explicit checkpoint, or the end of a recovery batch.
    case request
    /// The database was closing.
    case close
}
