package import RedoubtCore
package import RedoubtSystem

/// Reads the groups of a redo log from the newest checkpoint to the durable end.
package struct LogScanner: ~Copyable {
    /// The identity that the redo files carry.
    package let database: DatabaseID
    /// The newest checkpoint, where the scan starts.
    package let checkpointLSN: LogSequenceNumber

    /// Opens the redo files in `directory` and finds the newest valid checkpoint.
    ///
    /// - Throws: `.missingFile`, `.notADatabase`, `.unsupportedFormat`, `.mixedFiles`, `.corruptLog`.
    package static func open(
        storage: any Storage, directory: String, readOnly: Bool = false
    ) throws(RedoubtError) -> LogScanner {
        throw RedoubtError(.corruptLog, "not there yet")
    }

    /// Calls `body` with the range and payload (without the four length bytes) of the next whole group that starts at or
    /// after the checkpoint. Returns false, without a call, at the durable end.
    ///
    /// - Throws: `.corruptLog` if the end lies below a position that was durable; what `body` throws.
    package mutating func next(
        _ body: (LogRange, UnsafeRawBufferPointer) throws(RedoubtError) -> Void
    ) throws(RedoubtError) -> Bool {
        throw RedoubtError(.corruptLog, "not there yet")
    }

    /// Starts again at the checkpoint.
    package mutating func rewind() {}

    /// Reads what is left and returns what was found.
    package mutating func finish() throws(RedoubtError) -> LogScanResult {
        throw RedoubtError(.corruptLog, "not there yet")
    }
}
