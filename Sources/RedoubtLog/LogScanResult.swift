package import RedoubtCore

/// What a scan of the redo files found.
package struct LogScanResult: Sendable {
    /// The identity that the redo files carry.
    package let database: DatabaseID
    /// The newest checkpoint: groups that start at or after it were scanned.
    package let checkpointLSN: LogSequenceNumber
    /// The durable end: the position after the last whole group.
    package let endLSN: LogSequenceNumber
    /// Whether the database was closed in order, so that there is nothing to recover.
    package let wasCleanShutdown: Bool
    /// The number of groups from the checkpoint to the end.
    package let groupCount: Int

    /// The files, open.
    let files: LogFileSet
    /// The checkpoint as it was read.
    let checkpoint: CheckpointBlock
    /// Whether the block that holds the end has bytes beyond it, or valid blocks follow.
    let hasStaleBytes: Bool
    /// The index after the last valid block.
    let staleEnd: UInt64
    /// Where the first group starts in the block that holds the end.
    let firstGroup: UInt16
    /// Whether the files were opened for reading only.
    let isReadOnly: Bool
}
