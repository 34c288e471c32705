package import RedoubtCore
package import RedoubtSystem

/// The redo log: an ordered, durable stream of groups.
package final class RedoLog: Sendable {
    /// Creates the redo files in `directory`, which is made if missing, with a checkpoint at the first position.
    ///
    /// - Throws: `.exists` if there is a redo log with a checkpoint in the directory; `.diskFull`.
    package static func create(
        storage: any Storage, directory: String, configuration: Configuration.RedoLog, database: DatabaseID
    ) throws(RedoubtError) {
        preconditionFailure("not there yet")
    }

    /// Continues at the end that `scan` found.
    package init(
        storage: any Storage, directory: String, configuration: Configuration.RedoLog, health: EngineHealth,
        scan: LogScanResult
    ) throws(RedoubtError) {
        preconditionFailure("not there yet")
    }

    /// Starts the log's threads. Without them, those who wait do the work themselves.
    package func start() throws(RedoubtError) { preconditionFailure("not there yet") }

    /// Makes everything durable unless the engine is fenced, joins the threads and closes the files. Waits.
    package func stop() { preconditionFailure("not there yet") }

    // MARK: Appending

    /// The most bytes that a group may have, the four length bytes included.
    package var groupByteCountMaximum: Int { preconditionFailure("not there yet") }

    /// Appends `group`, whose first four bytes are overwritten by its length. Waits for room in the log buffer only.
    package func append(_ group: UnsafeMutableRawBufferPointer) -> LogRange { preconditionFailure("not there yet") }

    /// Waits until ``close(_:)`` has room for `range`: to be called before its pages enter the flush lists.
    package func waitForCloseRoom(_ range: LogRange) { preconditionFailure("not there yet") }

    /// Reports that the dirty pages of `range` are in the flush lists.
    package func close(_ range: LogRange) { preconditionFailure("not there yet") }

    // MARK: Positions

    /// The position that the next group gets.
    package var currentLSN: LogSequenceNumber { preconditionFailure("not there yet") }
    /// Every group below it has been copied to the log buffer.
    package var readyForWriteLSN: LogSequenceNumber { preconditionFailure("not there yet") }
    /// Everything below it is with the operating system.
    package var writtenLSN: LogSequenceNumber { preconditionFailure("not there yet") }
    /// Everything below it is durable.
    package var flushedLSN: LogSequenceNumber { preconditionFailure("not there yet") }
    /// Every group below it was closed. To be read before the flush lists when a checkpoint is sought.
    package var closedLSN: LogSequenceNumber { preconditionFailure("not there yet") }
    /// Recovery would start here.
    package var checkpointLSN: LogSequenceNumber { preconditionFailure("not there yet") }
    /// How far the order of the flush lists may differ from the order of the log, in LSN.
    package var relaxedOrderWindow: UInt64 { preconditionFailure("not there yet") }

    // MARK: Durability

    /// Waits until everything below `lsn` is with the operating system. Throws `.fenced`.
    package func waitUntilWritten(_ lsn: LogSequenceNumber) throws(RedoubtError) { preconditionFailure("not there yet") }
    /// Waits until everything below `lsn` is durable. Throws `.fenced`.
    package func waitUntilFlushed(_ lsn: LogSequenceNumber) throws(RedoubtError) { preconditionFailure("not there yet") }
    /// Asks for everything below `lsn` to be made durable soon, by the log's thread.
    package func requestFlush(_ lsn: LogSequenceNumber) { preconditionFailure("not there yet") }
    /// Whether everything below `lsn` is durable.
    package func isFlushed(_ lsn: LogSequenceNumber) -> Bool { flushedLSN >= lsn }
    /// Calls `continuation` once, with nil when everything below `lsn` is durable or with `.fenced`; perhaps at once, on any
    /// thread. It must be short.
    package func whenFlushed(
        _ lsn: LogSequenceNumber, _ continuation: @escaping @Sendable (RedoubtError?) -> Void
    ) { preconditionFailure("not there yet") }
    /// Wakes all who wait here, so that they see that the engine was fenced; for whoever fences it elsewhere.
    package func wakeAll() { preconditionFailure("not there yet") }

    // MARK: Capacity

    /// The limits that follow from the present files.
    package var limits: LogLimits { preconditionFailure("not there yet") }
    /// Takes credit for a mini-transaction of at most `bytes` group bytes; the caller holds no latch. Waits for a checkpoint.
    ///
    /// - Throws: `.fenced`; `.batchTooLarge` if the log can never hold it.
    package func acquireCapacity(bytes: Int) throws(RedoubtError) { preconditionFailure("not there yet") }
    /// Takes the credit if that needs no waiting.
    package func tryAcquireCapacity(bytes: Int) -> Bool { preconditionFailure("not there yet") }
    /// Gives back credit, after the append that it was for.
    package func releaseCapacity(bytes: Int) { preconditionFailure("not there yet") }

    // MARK: Checkpoints

    /// Signalled when redo capacity is waited for.
    package let checkpointNeeded = Event()

    /// Records that recovery may start at `lsn`, durably, and recycles the files before it. The caller has made sure that all
    /// changes below it are in the data files. `isCleanShutdown` marks the end of an orderly close. Waits.
    package func writeCheckpoint(_ lsn: LogSequenceNumber, isCleanShutdown: Bool = false) throws(RedoubtError) {
        preconditionFailure("not there yet")
    }

    /// Changes the size of the log. Files in use take the new size when they are recycled. Waits for the file system.
    package func resize(to capacity: ByteCount) throws(RedoubtError) { preconditionFailure("not there yet") }
}
