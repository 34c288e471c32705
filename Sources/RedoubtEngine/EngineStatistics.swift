package import RedoubtCore

/// A snapshot of what the engine has done since it was opened, and of how full it is.
///
/// The numbers are read one after the other while work goes on, so they may differ by what happened between.
package struct EngineStatistics: Sendable, Hashable {
    /// Where the next redo group will stand.
    package var currentLSN = LogSequenceNumber.zero
    /// Everything below is durable.
    package var flushedLSN = LogSequenceNumber.zero
    /// Recovery would start here.
    package var checkpointLSN = LogSequenceNumber.zero
    /// The redo files together, in bytes.
    package var redoCapacity = ByteCount.bytes(0)
    /// The frames of the pool.
    package var frameCount = 0
    /// The frames without a page.
    package var freeFrameCount = 0
    /// The frames with changes that are not in the data file.
    package var dirtyPageCount = 0
    /// Pages read from data files.
    package var pagesRead: UInt64 = 0
    /// Pages written to data files.
    package var pagesWritten: UInt64 = 0
    /// The keyspaces, without the catalog.
    package var keyspaceCount = 0
    /// The size of all tablespace files, in pages.
    package var filePageCount: UInt64 = 0
    /// Whether a failed write has ended all writing.
    package var isFenced = false
}
