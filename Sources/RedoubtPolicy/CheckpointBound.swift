package import RedoubtCore

/// How far the checkpoint may advance: a pure function of what the caller has read, in the order in which it must be
/// read.
///
/// The order matters. A mini-transaction first puts its pages into the flush lists and then closes its range of the
/// log. Who reads the closed tail first and the lists afterwards sees each page in at least one of them: a range closed
/// before the first reading has its pages in the lists at the second, or they were written since.
///
/// ## References
/// MySQL 8.0: `log_compute_available_for_checkpoint_lsn`.
package struct CheckpointBound: Sendable, Hashable {
    /// The tail of the closed ranges; to be read first.
    package var closed: LogSequenceNumber
    /// The least oldest modification in the flush lists, or nil if they are empty; to be read after `closed`.
    package var oldestDirty: LogSequenceNumber?
    /// How far the order of the flush lists may differ from the order of the log.
    package var relaxedOrderWindow: UInt64
    /// The least oldest modification of the pages that are being written, or nil; to be read after `oldestDirty`,
    /// because a page moves from the lists to the pages in flight.
    package var oldestInFlight: LogSequenceNumber?
    /// The durable end of the log; to be read last.
    package var flushed: LogSequenceNumber
    /// The bound computed before.
    package var last: LogSequenceNumber

    /// Creates the inputs.
    package init(
        closed: LogSequenceNumber,
        oldestDirty: LogSequenceNumber?,
        relaxedOrderWindow: UInt64,
        oldestInFlight: LogSequenceNumber?,
        flushed: LogSequenceNumber,
        last: LogSequenceNumber
    ) {
        self.closed = closed
        self.oldestDirty = oldestDirty
        self.relaxedOrderWindow = relaxedOrderWindow
        self.oldestInFlight = oldestInFlight
        self.flushed = flushed
        self.last = last
    }

    /// The position below which all changes are in the data files and all redo is durable; never below `last`.
    ///
    /// A page in flight left the lists with its own oldest modification, which is exact, so the window is not
    /// subtracted from it. A position at the very start of a block is moved to the first payload byte of the block
    /// before.
    package var value: LogSequenceNumber {
        var bound = min(closed, flushed)
        if let oldestDirty {
            let lowered = oldestDirty.rawValue - min(oldestDirty.rawValue, relaxedOrderWindow)
            bound = min(bound, LogSequenceNumber(rawValue: lowered))
        }
        if let oldestInFlight { bound = min(bound, oldestInFlight) }
        if bound.rawValue % 512 == 0, bound.rawValue >= 512 {
            bound = LogSequenceNumber(rawValue: bound.rawValue - 512 + 12)
        }
        return max(bound, last)
    }

    /// Whether a checkpoint at `bound` is worth its syncs before its time: what it sets free is no less than half of
    /// the room that writers still have, and more than a 64th of all.
    ///
    /// Without it a log that is turned over in seconds would stop its writers for pages that have long been written.
    ///
    /// - Parameters:
    ///   - bound: How far a checkpoint may advance.
    ///   - checkpoint: The last checkpoint.
    ///   - current: The end of the log.
    ///   - capacity: The age at which writers stop, in bytes.
    package static func isWorthwhile(bound: UInt64, checkpoint: UInt64, current: UInt64, capacity: Int) -> Bool {
        guard bound > checkpoint, current >= bound, capacity > 0 else { return false }
        let gain = bound - checkpoint
        let age = min(current - checkpoint, UInt64(capacity))
        return gain > UInt64(capacity) / 64 && gain >= (UInt64(capacity) - age) / 2
    }
}
