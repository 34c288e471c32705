/// Something that happened inside an open database, in the background or on a rare path.
public struct DatabaseEvent: Sendable, Hashable {
    /// What happened.
    public enum Kind: Sendable, Hashable {
        /// A batch of page writes begins.
        case flushBatchBegan(FlushReason, pages: Int)
        /// A batch of page writes has ended; `pages` were written.
        case flushBatchEnded(FlushReason, pages: Int, nanoseconds: UInt64)
        /// A recovery would now begin at this position.
        case checkpointAdvanced(LogSequenceNumber)
        /// A foreground thread waits for longer than the watchdog allows.
        case stallBegan(WaitReason, nanoseconds: UInt64)
        /// That wait has ended, after so long.
        case stallEnded(WaitReason, nanoseconds: UInt64)
        /// The redo age passed the limit at which pages are written as fast as the device allows.
        case syncFlushEntered(age: UInt64)
        /// The redo age is below that limit again.
        case syncFlushLeft(age: UInt64)
        /// Writers are held back more, or less.
        case backPressureChanged(BackPressure)
        /// Opening reads the redo log, applies it or cleans up; see ``RecoveryPhase``.
        case recoveryBegan(RecoveryPhase)
        /// The database is open.
        case opened
        /// Writes found no space on the disk: they wait for it, and so does who needs what they give back.
        case spaceRanOut
        /// They have found space, and everything goes on.
        case spaceReturned
        /// A write or a sync failed; nothing is written any more.
        case fenced
    }

    /// Consecutive from 1; a gap is what the listener was too slow for.
    public let number: UInt64
    /// When, in nanoseconds of the monotonic clock.
    public let nanoseconds: UInt64
    /// What happened.
    public let kind: Kind

    /// Creates the event.
    package init(number: UInt64, nanoseconds: UInt64, kind: Kind) {
        self.number = number
        self.nanoseconds = nanoseconds
        self.kind = kind
    }
}

/// What the opening of a database that was not closed in order is doing.
public enum RecoveryPhase: String, Sendable, Hashable, CaseIterable {
    /// Reading the redo log from the checkpoint to its end.
    case scanning
    /// Bringing pages up to date.
    case applying
    /// Freeing what unfinished work left behind.
    case cleaning
}
