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
}
