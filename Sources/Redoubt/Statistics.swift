public import RedoubtCore
import RedoubtEngine

/// What a database has done since it was opened, and how full it is.
///
/// The numbers are read one after the other while work goes on, so they may differ by what happened between.
public struct Statistics: Sendable, Hashable {
    /// The position in the redo stream where the next change will stand; grows by the bytes of redo written.
    public let currentLSN: LogSequenceNumber
    /// The position before which the redo is durable.
    public let flushedLSN: LogSequenceNumber
    /// The position at which a recovery would begin.
    public let checkpointLSN: LogSequenceNumber
    /// The size of the redo files together.
    public let redoCapacity: ByteCount
    /// The pages that fit into memory.
    public let frameCount: Int
    /// The frames without a page.
    public let freeFrameCount: Int
    /// The pages in memory with changes that are not in their file yet.
    public let dirtyPageCount: Int
    /// Pages read from files, of 16 KiB each.
    public let pagesRead: UInt64
    /// Pages written to files.
    public let pagesWritten: UInt64
    /// The number of keyspaces.
    public let keyspaceCount: Int
    /// The size of all keyspaces in pages of 16 KiB.
    public let filePageCount: UInt64
    /// Whether a failed write has ended all writing.
    public let isFenced: Bool

    init(_ statistics: EngineStatistics) {
        currentLSN = statistics.currentLSN
        flushedLSN = statistics.flushedLSN
        checkpointLSN = statistics.checkpointLSN
        redoCapacity = statistics.redoCapacity
        frameCount = statistics.frameCount
        freeFrameCount = statistics.freeFrameCount
        dirtyPageCount = statistics.dirtyPageCount
        pagesRead = statistics.pagesRead
        pagesWritten = statistics.pagesWritten
        keyspaceCount = statistics.keyspaceCount
        filePageCount = statistics.filePageCount
        isFenced = statistics.isFenced
    }
}

/// Something that ``Database/check()`` found wrong.
public struct Finding: Sendable, Hashable, CustomStringConvertible {
    /// The page, if one can be named.
    public let page: PageID?
    /// What is wrong: found and expected.
    public let message: String

    init(_ finding: CheckFinding) {
        page = finding.page
        message = finding.message
    }

    /// Message and page in one line.
    public var description: String { page.map { "page \($0): \(message)" } ?? message }
}
