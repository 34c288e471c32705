/// What a failed sync of a file leaves of the changes that it should have made durable: the writes, growths and cuts of
/// that file that had ended and that no sync had covered.
///
/// In every case a later sync of the file covers what is changed later, and a sync that is tried again succeeds: its
/// success says nothing. Which file system does what is from Rebello et al., "Can Applications Recover from fsync
/// Failures?" (ATC 2020), and from a device here whose blocks failed and healed. Directories have no aftermath: names
/// are a journal's, so that they stay uncertain until a later sync of the directory succeeds.
public enum SyncAftermath: String, Sendable, Hashable, CaseIterable {
    /// Any of the others may have happened, to each change by itself: programs see the new bytes, and for ever a power
    /// cut may keep or lose each change, whatever later syncs say.
    case uncertain
    /// The pages are kept and taken for clean, as on ext4 with ordered data.
    ///
    /// Programs see the new bytes until the power is cut. Those never reach the disk. Sizes are the journal's: the next
    /// sync makes them durable, with what the disk held there, or zeros.
    case keptClean
    /// The error is reported by the next sync, as on ext4 with journaled data.
    ///
    /// The sync itself succeeds, and what it covers is durable, in the journal. The next sync of the file fails; what
    /// that one should have covered is left as by ``keptClean``.
    case reportedLate
    /// The pages are kept and taken for clean, and no block is theirs, as on xfs, which gives a file its size when the
    /// bytes are written.
    ///
    /// Programs see the new bytes and the new size until the power is cut. Neither ever reaches the disk. What is
    /// written behind the end later makes the file grow, with zeros before it. Cuts become durable by the next sync.
    case keptUnallocated
    /// Everything is as if it had not been done, as on btrfs, which copies on writing.
    ///
    /// Programs see the bytes and the size that are durable, and nothing of the changes is left.
    case reverted
}
