/// A mistake that a test plants in the engine on purpose, to prove that its harness would find it.
///
/// Can be planted in builds with `REDOUBT_INTERLEAVING` only: elsewhere ``Scheduling/breaks(_:)`` is the constant
/// false, and what asks for it is gone.
@usableFromInline
package enum PlantedBug: UInt, CaseIterable, Sendable {
    // The log.

    /// Redo counts as durable without a sync.
    case skipsLogSync = 1
    /// Commits are acknowledged before the sync.
    case acknowledgesBeforeSync
    /// A sync of the redo that failed is tried again, and believed.
    case retriesSync
    /// Recovery leaves the blocks beyond the end where they are.
    case leavesStaleBlocks
    /// The header of the next redo file is not durable before its blocks are written.
    case skipsHeaderSync
    /// The oldest redo file is used again while recovery would start in it.
    case recyclesCheckpointFile
    /// The checksum of redo blocks is not looked at.
    case believesTornBlock
    /// All checkpoints of a file go to one place.
    case usesOneSlot
    /// The block that is only partly full is not kept for the next write.
    case dropsPartialBlock
    /// The stream ends where it cannot be read, wherever it was durable.
    case ignoresDurableDistance
    /// Redo files are made without their zeros.
    case keepsShortLog
    /// A block with durable redo is changed in the page cache.
    case changesPledgedBlock

    // The pool and flushing.

    /// A page changed while it is being written does not become dirty again.
    case losesRedirtying
    /// The checksum of pages is not looked at.
    case skipsPageChecksum
    /// A page keeps the LSN of its first change until it is written.
    case stampsFirstChangeOnly
    /// Dirty pages leave memory as clean ones do.
    case evictsDirtyPages
    /// Checkpoints do without the sync of the data files.
    case skipsDataSync
    /// Checkpoints pass pages that are on their way.
    case forgetsInFlight
    /// The write of a page counts as made, whatever became of it.
    case believesShortWrite
    /// A sync counts for the writes that began before it, not for those that ended.
    case marksBeforeWrite

    // The doublewrite files.

    /// Pages are written before their copies are durable.
    case skipsCopySync
    /// Every second page is written without a copy.
    case leavesPagesUncopied
    /// The checksum of copies is not looked at.
    case believesTornCopy
    /// Repair takes the oldest copy, also one from before the checkpoint.
    case takesOldestCopy
    /// Repaired pages are not made durable.
    case skipsRepairSync

    // Recovery.

    /// Recovery overwrites the last redo with zeros before it writes it anew: only a power cut in it shows that.
    case clearsBeforeRewriting
    /// Records are applied to pages that have them.
    case appliesTwice
    /// The last group of the log is lost.
    case losesLastGroup
    /// The group that starts at the checkpoint is taken for one before it.
    case skipsGroupAtCheckpoint
    /// Records of dropped spaces are applied.
    case appliesToDropped
    /// Files without a row are removed, and the log does not say so.
    case removesBeforeLogging
    /// Files stay as short as the power cut left them.
    case growsNoFile

    // Trees.

    /// A split logs everything but the pointer to the new page.
    case linksUnlogged
    /// A merge logs everything but the sibling of the page that stays.
    case mergesUnlogged
    /// The rows of a batch are changed one by one.
    case splitsBatches
    /// The pages of a replaced value are freed, durably, before its row changes.
    case freesChainFirst

    // Spaces.

    /// Values being written or freed are noted nowhere.
    case notesNoPendingChain
    /// That a page is free is not logged.
    case freesUnlogged
    /// The space ids handed out are not written down.
    case handsIDsOutTwice
    /// A file grows after its page 0 has said so.
    case extendsAfterSaying

    // Files.

    /// The name of a new file is not made durable.
    case skipsDirectorySync
    /// The first pages of a new file are not made durable.
    case skipsFileSync
    /// The file of a dropped keyspace goes before its row.
    case unlinksBeforeRow
    /// The directory of a new database is not made durable.
    case skipsAncestorSync
}
