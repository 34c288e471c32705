package import RedoubtCore

/// How much of the redo capacity may be used before what happens: pure arithmetic over capacity and file count.
///
/// Ages are distances in LSN from the last checkpoint to the current end. From small to large: at
/// ``asyncFlushAge`` flushing should hurry, at ``syncFlushAge`` it must, ``freeCheckCapacity`` is what
/// mini-transactions may fill (age and credits together), ``soft`` and ``hard`` are never reached while credits are
/// honoured.
///
/// ## Differences from InnoDB
/// The factor 30/32 and the overhead of 31 file headers are written for any number of files. `hard` is also bounded by
/// what the files hold physically, which matters only for many very small files. InnoDB: `Log_files_capacity`.
package struct LogLimits: Sendable, Hashable {
    /// The size of all redo files together.
    package let capacity: ByteCount
    /// The number of redo files.
    package let fileCount: Int
    /// The size of one file, header included.
    package let fileSize: Int
    /// How much earlier than needed the next file is claimed.
    package let nextFileEarlier: Int
    /// The age that the log can hold.
    package let hard: Int
    /// The age that the log is meant to hold, 5 % below ``hard``.
    package let soft: Int
    /// The age at which pages must be flushed at once.
    ///
    /// InnoDB: `adaptive_flush_max_age`.
    package let syncFlushAge: Int
    /// The age at which flushing must speed up.
    ///
    /// InnoDB: `adaptive_flush_min_age`.
    package let asyncFlushAge: Int
    /// The age at which a checkpoint is written whatever the interval.
    ///
    /// InnoDB: `aggressive_checkpoint_min_age`.
    package let aggressiveCheckpointAge: Int
    /// The room kept for mini-transactions that run at once, in payload bytes.
    package let marginPayload: Int
    /// The same room in LSN.
    package let margin: Int
    /// The most that age and outstanding credits may be together.
    package let freeCheckCapacity: Int
    /// The age of the oldest dirty page at which adaptive flushing is at its full rate.
    package let dirtyPageAge: Int

    /// Computes the limits of a log of `fileCount` files of `capacity` bytes together.
    package init(capacity: ByteCount, fileCount: Int) {
        precondition((4...32).contains(fileCount), "a redo log of \(fileCount) files")
        precondition(capacity.rawValue >= 2 << 20, "a redo log of \(capacity)")
        func down(_ value: Int) -> Int { value & ~511 }
        self.capacity = capacity
        self.fileCount = fileCount
        fileSize = capacity.rawValue / fileCount & ~(Self.fileSizeUnit - 1)
        nextFileEarlier = (fileSize / 10 + 511) & ~511
        let overhead = (fileCount - 1) * 2048 + 2 * 65536
        let usable = capacity.rawValue / fileCount * (fileCount - 2) - overhead
        let physical = (fileCount - 1) * (fileSize - LogFileHeader.dataOffset) - 4096
        hard = down(min(usable - nextFileEarlier, physical))
        soft = down(hard * 95 / 100)
        syncFlushAge = down(soft * 15 / 16)
        asyncFlushAge = down(soft - soft / 8)
        aggressiveCheckpointAge = down(soft - soft / 32)
        let wanted = 4 * 16384 * Self.concurrencyAllowance + 4096 + down(soft * 5 / 100)
        let most = Int(LogSequenceNumber(rawValue: UInt64(down(soft * 55 / 100))).sequenceNumber)
        marginPayload = min(wanted, most)
        margin = Int(LogSequenceNumber(sequenceNumber: UInt64(marginPayload)).rawValue)
        freeCheckCapacity = down(soft - margin)
        dirtyPageAge = down(asyncFlushAge - margin)
    }

    /// File sizes are multiples of this.
    package static let fileSizeUnit = 16384
    /// InnoDB's ten for background threads.
    private static let concurrencyAllowance = 10
}
