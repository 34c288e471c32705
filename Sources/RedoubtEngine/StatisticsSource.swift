import RedoubtCore
import RedoubtLog
import RedoubtPolicy
package import RedoubtSystem
import Synchronization

/// Where the statistics of an engine come from, from the first moment of its opening on.
///
/// Everything is read from counters that are kept anyway, by whoever asks; nothing is written to lines that working
/// threads share.
package final class StatisticsSource: Sendable {
    /// Where to post what happens.
    package let events = EventSink()

    /// What there is to read; comes into being while the database opens.
    private struct Parts {
        var storage: (any Storage)?
        var memory: UInt64 = 0
        var kernel: Kernel?
        var flushing: Flushing?
        var watchdog: Watchdog?
        var spaces: SpaceTable?
    }

    private let parts = Mutex(Parts())
    private let publisher = Mutex<StatisticsPublisher?>(nil)
    private let listener = Mutex<(@Sendable () -> Void)?>(nil)
    private let start = Scheduling.now()
    private let phase = Atomic<UInt64>(0)
    private let position = Atomic<UInt64>(0)
    private let total = Atomic<UInt64>(0)

    /// Creates a source without anything to read.
    package init() {}

    // MARK: Opening

    /// Says where the files are.
    func attach(_ storage: any Storage, _ configuration: Configuration) {
        parts.withLock {
            $0.storage = storage
            $0.memory = UInt64(configuration.memory.rawValue)
        }
    }

    /// Says that log and pool are there.
    func attach(_ kernel: Kernel, _ flushing: Flushing) {
        parts.withLock {
            $0.kernel = kernel
            $0.flushing = flushing
        }
    }

    /// Says that the database is open with these keyspaces, and who looks after foreground threads.
    func open(_ spaces: SpaceTable, _ watchdog: Watchdog) {
        parts.withLock {
            $0.spaces = spaces
            $0.watchdog = watchdog
        }
        phase.store(0, ordering: .relaxed)
        events.post(.opened)
        events.endOpening()
    }

    /// Says that recovery begins a phase.
    func begin(_ phase: RecoveryPhase) {
        self.phase.store(UInt64(RecoveryPhase.allCases.firstIndex(of: phase) ?? 0) + 1, ordering: .relaxed)
        note(position: 0, total: 0)
        events.post(.recoveryBegan(phase))
    }

    /// Says how far the phase has come.
    func note(position: UInt64, total: UInt64) {
        self.position.store(position, ordering: .relaxed)
        self.total.store(total, ordering: .relaxed)
    }

    // MARK: Publishing

    /// Begins to keep the shared statistics file in `directory`, where other processes could see it.
    func publish(in directory: String) {
        guard let storage = parts.withLock({ $0.storage }), storage.isShared, !Scheduling.isSimulated else { return }
        let started = StatisticsPublisher.start(self, storage: storage, directory: directory)
        publisher.withLock { $0 = started }
    }

    /// Has `body` called after each image, on the thread that publishes them; it must not wait for long.
    package func whenPublished(_ body: @escaping @Sendable () -> Void) {
        listener.withLock { $0 = body }
    }

    /// Says that an image was written.
    func notePublished() { listener.withLock { $0 }?() }

    /// Ends what ``publish(in:)`` began.
    ///
    /// Waits.
    func stopPublishing() {
        defer { listener.withLock { $0 = nil } }
        let started = publisher.withLock { publisher in
            defer { publisher = nil }
            return publisher
        }
        started?.stop()
    }

    // MARK: Reading

    /// Reads all numbers.
    package func read() -> EngineStatistics {
        let parts = parts.withLock { $0 }
        var statistics = EngineStatistics()
        let now = Scheduling.now()
        statistics.monotonicNanoseconds = now.nanoseconds
        statistics[.uptime] = now.nanoseconds(since: start)
        statistics[.memoryLimit] = parts.memory
        statistics[.eventsDropped] = events.droppedCount
        statistics[.recoveryPhase] = phase.load(ordering: .relaxed)
        statistics[.recoveryPosition] = position.load(ordering: .relaxed)
        statistics[.recoveryGoal] = total.load(ordering: .relaxed)
        readProcess(&statistics)
        if let storage = parts.storage { readFiles(storage, &statistics) }
        if let kernel = parts.kernel {
            statistics[.memoryLimit] = UInt64(kernel.configuration.memory.rawValue)
            readPool(kernel.pool, &statistics)
            readFlushing(kernel.pool, parts.flushing, &statistics)
            readProtection(kernel, &statistics)
            // The bound before the end: read the other way round it may have passed it.
            statistics[.checkpointBoundLSN] = parts.flushing?.checkpointBound().rawValue ?? 0
            readLog(kernel.log, &statistics)
            readWaits(kernel.waits, &statistics)
            statistics[.fenced] = kernel.health.isFenced ? 1 : 0
        }
        if let watchdog = parts.watchdog {
            statistics[.stalls] = watchdog.stallCount
            statistics[.longestStall] = watchdog.stallNanosecondsMaximum
        }
        if let spaces = parts.spaces?.all {
            statistics[.keyspaces] = UInt64(max(0, spaces.count - 1))
            statistics[.openFiles] = UInt64(spaces.count)
            statistics[.filePages] = spaces.reduce(0) { $0 + UInt64($1.pageCount) }
        }
        return statistics
    }

    private func readProcess(_ statistics: inout EngineStatistics) {
        let figures = ProcessFigures.now()
        statistics.processID = figures.processID
        statistics.wallNanoseconds = figures.wallNanoseconds
        statistics[.userTime] = figures.userNanoseconds
        statistics[.residentMemory] = figures.residentByteCount
    }

    private func readLog(_ log: RedoLog, _ statistics: inout EngineStatistics) {
        statistics[.checkpointLSN] = log.checkpointLSN.rawValue
        statistics[.closedLSN] = log.closedLSN.rawValue
        statistics[.flushedLSN] = log.flushedLSN.rawValue
        statistics[.writtenLSN] = log.writtenLSN.rawValue
        statistics[.readyForWriteLSN] = log.readyForWriteLSN.rawValue
        statistics[.currentLSN] = log.currentLSN.rawValue
        statistics[.redoAge] = statistics[.currentLSN] - statistics[.checkpointLSN]
        let limits = log.limits
        statistics[.redoAsyncAge] = UInt64(max(0, limits.asyncFlushAge))
        statistics[.redoSyncAge] = UInt64(max(0, limits.syncFlushAge))
        statistics[.redoMaximumAge] = UInt64(max(0, limits.freeCheckCapacity))
        statistics[.redoMargin] = UInt64(max(0, limits.margin))
        statistics[.redoCapacity] = UInt64(limits.capacity.rawValue)
        statistics[.redoReplayRate] = UInt64(ReplayRate(recorded: log.replayRate).bytesPerSecond)
        let states = BackPressure.allCases
        statistics[.backPressureState] = UInt64(states.firstIndex(of: log.backPressure) ?? 0)
        if let rate = log.admission.rate { statistics[.admissionRate] = UInt64(max(0, min(rate, 1e18))) }
        statistics[.isAdmissionLimited] = log.admission.rate == nil ? 0 : 1
    }

    private func readWaits(_ ledger: WaitLedger, _ statistics: inout EngineStatistics) {
        for reason in WaitReason.allCases {
            let totals = ledger[reason]
            statistics.waits[reason.index].count = totals.count
            statistics.waits[reason.index].nanoseconds = totals.nanoseconds
            statistics.waits[reason.index].longestNanoseconds = totals.nanosecondsMaximum
            statistics.waits[reason.index].buckets = totals.buckets
        }
        for wait in ledger.presentWaits() {
            statistics.waits[wait.reason.index].waitingCount += 1
            let oldest = max(statistics.waits[wait.reason.index].waitingNanoseconds, wait.nanoseconds)
            statistics.waits[wait.reason.index].waitingNanoseconds = oldest
        }
    }

    private func readPool(_ pool: BufferPool, _ statistics: inout EngineStatistics) {
        for instance in pool.instances {
            var figures = InstanceStatistics()
            figures.frameCount = UInt64(max(0, instance.heldCount))
            figures.freeFrameCount = UInt64(max(0, instance.freeCount))
            figures.freeFrameTarget = UInt64(max(0, instance.freeTarget))
            figures.pageCount = UInt64(max(0, instance.pageCount))
            figures.oldPageCount = UInt64(instance.lruLock.withLock { instance.lru.oldCount })
            figures.dirtyPageCount = UInt64(max(0, instance.dirtyCount))
            statistics.instances.append(figures)
            statistics[.poolFrames] += figures.frameCount
            statistics[.poolFreeFrames] += figures.freeFrameCount
            statistics[.poolPages] += figures.pageCount
            statistics[.poolOldPages] += figures.oldPageCount
            statistics[.poolDirtyPages] += figures.dirtyPageCount
        }
        statistics[.poolFrameTarget] = UInt64(pool.frameCount)
        let counters = pool.statistics
        statistics[.poolFramesWithdrawn] = counters[.framesWithdrawn]
        statistics[.pagesMissed] = counters[.misses]
        statistics[.pagesReadAhead] = counters[.pagesReadAhead]
        statistics[.pagesReadAheadAtRandom] = counters[.pagesReadAheadAtRandom]
        statistics[.pagesReadAheadEvicted] = counters[.readAheadEvictions]
        statistics[.poolPagesLoaded] = counters[.poolPagesLoaded]
        statistics[.pagesRead] =
            statistics[.pagesMissed] + statistics[.pagesReadAhead] + statistics[.poolPagesLoaded]
        statistics[.pagesCreated] = counters[.pagesCreated]
        statistics[.pagesEvicted] = counters[.evictions]
        statistics[.pagesMadeYoung] = counters[.madeYoung]
        statistics[.pagesDropped] = counters[.pagesDropped]
        statistics[.searchIndexesBuilt] = counters[.searchIndexesBuilt]
        statistics[.freeFrameWaits] = counters[.freeWaits]
        statistics[.freeFrameWaitTime] = counters[.freeWaitMicroseconds] &* 1000
        statistics[.poolLoadsIgnored] = counters[.poolLoadsIgnored]
        statistics[.poolDumpsWritten] = counters[.poolDumpsWritten]
        statistics[.poolDumpsFailed] = counters[.poolDumpsFailed]
    }

    private func readFlushing(_ pool: BufferPool, _ flushing: Flushing?, _ statistics: inout EngineStatistics) {
        let counters = pool.statistics
        statistics[.pagesWritten] = counters[.pagesWritten]
        statistics[.checkpoints] = counters[.checkpoints]
        statistics[.doublewriteBatches] = counters[.doublewriteBatches]
        statistics[.neighbourBatches] = counters[.neighbourBatches]
        statistics[.neighbourPages] = counters[.neighbourPages]
        statistics[.doublewritePages] = counters[.doublewritePages]
        statistics[.doublewriteSavedBytes] = counters[.doublewriteSavedBytes]
        statistics[.doublewriteSkips] = counters[.doublewriteSkips]
        statistics[.doublewriteDataSyncs] = counters[.doublewriteDataSyncs]
        statistics[.writesWithoutSpace] = counters[.writesWithoutSpace]
        statistics[.pagesWrittenAtomically] = counters[.atomicWrites]
        guard let flushing = flushing?.statistics else { return }
        statistics[.pagesWrittenAdaptive] = flushing.pagesWritten(.adaptive)
        statistics[.pagesWrittenIdle] = flushing.pagesWritten(.idle)
        statistics[.pagesWrittenSync] = flushing.pagesWritten(.sync)
        statistics[.pagesWrittenLRU] = flushing.pagesWritten(.lru)
        statistics[.pagesWrittenRequest] = flushing.pagesWritten(.request)
        statistics[.pagesWrittenClose] = flushing.pagesWritten(.close)
        statistics[.flushRounds] = flushing.rounds
        statistics[.flushBatches] = flushing.batches
        statistics[.flushSkippedPages] = flushing.pagesSkipped
        statistics[.measuredPageRate] = flushing.measuredSpeed
        let last = flushing.recommendation
        let modes = FlushingRecommendation.Mode.allCases
        statistics[.flushMode] = UInt64(modes.firstIndex(of: last.mode) ?? 0)
        statistics[.flushRequestedPages] = UInt64(max(0, last.requestedPages))
        statistics[.flushPercentForDirty] = UInt64(max(0, last.figures.percentForDirty))
        statistics[.flushPercentForAge] = UInt64(max(0, last.figures.percentForAge))
        statistics[.flushPageRate] = UInt64(max(0, last.figures.averagePageRate))
        statistics[.flushRedoRate] = UInt64(max(0, last.figures.averageLSNRate))
        statistics[.flushTargetAge] = UInt64(max(0, last.figures.targetAge))
    }

    /// What is done about torn pages.
    private func readProtection(_ kernel: Kernel, _ statistics: inout EngineStatistics) {
        let modes = Configuration.Doublewrite.allCases
        let mode = kernel.configuration.flushing.doublewrite
        statistics[.doublewriteMode] = UInt64(modes.firstIndex(of: mode) ?? 0)
        // All data files are in one directory, so on one device.
        statistics[.isWritingAtomically] = kernel.files.file(.catalog)?.writesAtomically == true ? 1 : 0
    }

    private func readFiles(_ storage: any Storage, _ statistics: inout EngineStatistics) {
        if let data = storage.figures(.data) {
            statistics[.dataReads] = data.readCount
            statistics[.dataReadBytes] = data.readByteCount
            statistics[.dataReadTime] = data.readNanoseconds
            statistics[.dataWrites] = data.writeCount
            statistics[.dataWrittenBytes] = data.writtenByteCount
            statistics[.dataWriteTime] = data.writeNanoseconds
            statistics[.dataSyncs] = data.syncCount
            statistics[.dataSyncTime] = data.syncNanoseconds
            statistics[.dataPendingReads] = data.pendingReadCount
            statistics[.dataPendingWrites] = data.pendingWriteCount
            statistics[.dataPendingSyncs] = data.pendingSyncCount
        }
        if let redo = storage.figures(.redo) {
            statistics[.redoReads] = redo.readCount
            statistics[.redoReadBytes] = redo.readByteCount
            statistics[.redoWrites] = redo.writeCount
            statistics[.redoWrittenBytes] = redo.writtenByteCount
            statistics[.redoWriteTime] = redo.writeNanoseconds
            statistics[.redoSyncs] = redo.syncCount
            statistics[.redoSyncTime] = redo.syncNanoseconds
            statistics[.redoPendingWrites] = redo.pendingWriteCount
            statistics[.redoPendingSyncs] = redo.pendingSyncCount
        }
        if let copies = storage.figures(.doublewrite) {
            statistics[.doublewriteWrites] = copies.writeCount
            statistics[.doublewriteWrittenBytes] = copies.writtenByteCount
            statistics[.doublewriteSyncs] = copies.syncCount
            statistics[.doublewriteSyncTime] = copies.syncNanoseconds
        }
    }
}
