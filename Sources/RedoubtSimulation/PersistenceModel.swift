/// What a power cut may leave of the changes that no sync has covered.
///
/// What any of them leaves, the first one leaves as well.
public enum PersistenceModel: String, Sendable, Hashable, CaseIterable {
    /// Every sector, size and entry of a directory by itself: more than any file system does.
    case paranoid
    /// Entries of one directory appear in the order in which they were made.
    case posix
    /// Sizes and entries of all files appear in one order, that of a journal, and a size not before the bytes that it
    /// grew by; sectors within it by themselves, as direct writes into allocated blocks are.
    ///
    /// A sync of one file settles nothing of others, which is less than ext4 with ordered data promises.
    case ext4Ordered
    /// All changes in their order up to one, which may be torn.
    case prefix
    /// Nothing but what was synced.
    case dropAll
    /// Everything, as after a kill of the process.
    case keepAll
}
