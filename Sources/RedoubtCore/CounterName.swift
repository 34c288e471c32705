/// What the engine counts and measures: one list, which the statistics, the metrics, the shared statistics file and the
/// command line all read.
///
/// Counters rise from the opening of the database on; gauges are as of now. See ``entry`` for the unit, InnoDB's name
/// and a sentence on each. What InnoDB counts and is not here: hits (`Innodb_buffer_pool_read_requests`,
/// `_write_requests`, `Innodb_log_write_requests`), because a hit costs about as much as the access to memory itself
/// and a counter would double that; row locks and rows, which this engine has not.
public enum CounterName: String, Sendable, Hashable, CaseIterable {
    // Redo log.
    case currentLSN
    case readyForWriteLSN
    case writtenLSN
    case flushedLSN
    case closedLSN
    case checkpointBoundLSN
    case checkpointLSN
    case redoAge
    case redoAsyncAge
    case redoSyncAge
    case redoMaximumAge
    case redoMargin
    case redoCapacity
    case redoReads
    case redoReadBytes
    case redoWrites
    case redoWrittenBytes
    case redoWriteTime
    case redoSyncs
    case redoSyncTime
    case redoPendingWrites
    case redoPendingSyncs
    case redoReplayRate
    case checkpoints
    // Buffer pool.
    case poolFrames
    case poolFrameTarget
    case poolFramesWithdrawn
    case poolPages
    case poolOldPages
    case poolFreeFrames
    case poolDirtyPages
    case pagesMissed
    case pagesReadAhead
    case pagesReadAheadAtRandom
    case pagesReadAheadEvicted
    case poolPagesLoaded
    case pagesRead
    case pagesCreated
    case pagesWritten
    case pagesEvicted
    case pagesMadeYoung
    case pagesDropped
    case searchIndexesBuilt
    case freeFrameWaits
    case freeFrameWaitTime
    case poolLoadsIgnored
    case poolDumpsWritten
    case poolDumpsFailed
    // Flushing.
    case pagesWrittenAdaptive
    case pagesWrittenIdle
    case pagesWrittenSync
    case pagesWrittenLRU
    case pagesWrittenRequest
    case pagesWrittenClose
    case flushRounds
    case flushBatches
    case flushSkippedPages
    case flushMode
    case flushRequestedPages
    case flushPercentForDirty
    case flushPercentForAge
    case flushPageRate
    case flushRedoRate
    case flushTargetAge
    case measuredPageRate
    case neighbourBatches
    case neighbourPages
    case pagesWrittenAtomically
    case isWritingAtomically
    case doublewriteMode
    case doublewriteBatches
    case doublewritePages
    case doublewriteSavedBytes
    case doublewriteSkips
    case doublewriteDataSyncs
    case writesWithoutSpace
    case doublewriteWrites
    case doublewriteWrittenBytes
    case doublewriteSyncs
    case doublewriteSyncTime
    // Files.
    case dataReads
    case dataReadBytes
    case dataReadTime
    case dataWrites
    case dataWrittenBytes
    case dataWriteTime
    case dataSyncs
    case dataSyncTime
    case dataPendingReads
    case dataPendingWrites
    case dataPendingSyncs
    case keyspaces
    case filePages
    case openFiles
    // Process.
    case uptime
    case userTime
    case residentMemory
    case memoryLimit
    case eventsDropped
    case stalls
    case longestStall
    case fenced
    case backPressureState
    case isAdmissionLimited
    case admissionRate
    case recoveryPhase
    case recoveryPosition
    case recoveryGoal

    /// What it means.
    public var entry: Entry { Self.entries[index] }

    /// The place in the list.
    package var index: Int { Self.places[self] ?? 0 }

    private static let places = Dictionary(uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
}
