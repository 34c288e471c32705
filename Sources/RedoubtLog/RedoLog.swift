package import RedoubtCore
package import RedoubtSystem
import Synchronization

/// The redo log: an ordered, durable stream of *groups*, each the redo of one mini-transaction.
///
/// A group is appended with one addition to the *sequence number*, one copy into the log buffer, and a link that
/// publishes it. From there positions follow each other, each behind the one before:
///
///     checkpoint <= closed, flushed <= written <= ready for write <= current
///
/// ## Concurrency
/// All members may be called from any thread. Locks, in order: checkpoint, leading, writer, sync, that of the pledge,
/// and those of the file set and the continuations, which are held for list operations only.
package final class RedoLog: Sendable {
    /// Redo that is written but not yet durable never exceeds this by more than one write; a scan looks as far beyond
    /// the end.
    static let unsyncedByteCountMaximum = 8 << 20
    /// From as much on the log's thread makes durable what nobody waits for yet, so that no writer has to stop for it.
    static let unsyncedByteCountTarget = 2 << 20
    /// What is made durable by a second sync where the first one must not keep a block from being written.
    static let unsyncedByteCountSmall = 64 << 10

    /// Signalled when a thread waits for the checkpoint to advance, or would like it to.
    package let checkpointNeeded = Event()
    /// Whether a thread found no capacity; see ``wantCapacity()``.
    let capacityWanted = Atomic<Bool>(false)

    /// Where the engine that the log belongs to posts what happens.
    package let events: EventSink

    let configuration: Configuration.RedoLog
    /// See ``Configuration/RedoLog/deferredFlushMilliseconds``; can be changed while the log is in use.
    let deferredFlushMilliseconds: Atomic<Int>
    let health: EngineHealth
    /// Where foreground threads write down what they wait for.
    package let waits: WaitLedger
    let files: LogFileSet
    let buffer: LogBuffer
    let writer: LogWriter
    let recentWritten: LinkBuffer
    let recentClosed: LinkBuffer

    // Positions, each on a line of its own: who moves one must not disturb who reads another.
    let sequence: CacheIsolated<Atomic<UInt64>>
    let written: CacheIsolated<Atomic<UInt64>>
    let flushed: CacheIsolated<Atomic<UInt64>>
    let checkpoint: CacheIsolated<Atomic<UInt64>>
    /// What the checkpoint must not pass, because redo from there on is being copied.
    let checkpointLimit = Atomic<UInt64>(.max)
    /// The sequence number up to which the log buffer has room.
    let roomEnd: CacheIsolated<Atomic<UInt64>>
    /// The greatest LSN that somebody wants written, and flushed.
    let writeRequest: CacheIsolated<Atomic<UInt64>>
    let flushRequest: CacheIsolated<Atomic<UInt64>>

    /// Held by who makes redo durable, through writing and syncing: one group of waiters at a time.
    let leading = EngineLock()
    /// Held by who writes; given back by ``endWriting()``.
    let writerLock = EngineLock()
    /// Those who wait in ``beginWriting()``, before whom nobody takes the writer lock in passing.
    let writerWaiters = Atomic<Int>(0)
    let syncLock = EngineLock()
    let pledge: LogPledge
    /// The end of a group in a block that is full and written for good.
    let settled: CacheIsolated<Atomic<UInt64>>
    let checkpointLock = EngineLock()
    /// Held through a resize, by one after the other; no checkpoint takes it.
    let resizeLock = EngineLock()
    /// Held while limits are made of the present files.
    let limitsLock = EngineLock()

    /// Signalled when there is room in the log buffer.
    let roomEvent = Event()
    let writtenEvents = EventArray(count: 64)
    let flushedEvents = EventArray(count: 64)
    let continuations = FlushContinuations()
    /// Whether redo waits for space, and whether a checkpoint does.
    let streamSpace = DiskSpace()
    let checkpointSpace = DiskSpace()
    /// For who holds the writer lock, and the checkpoint lock.
    let streamSeeker: SpaceSeeker
    let checkpointSeeker: SpaceSeeker
    let credit: CapacityCredit
    /// The rate that writers are held to, if any.
    package let admission: Admission
    #if REDOUBT_INTERLEAVING
    let takesAnyGroup = Atomic<Bool>(false)
    #endif
    let threads: LogThreads
    private let checkpointNumber: Atomic<UInt64>
    let replayRateNote: Atomic<UInt64>

    /// Creates the redo files in `directory`, which is made if missing, with a checkpoint at the first position.
    ///
    /// - Throws: `.exists` if there is a redo log in the directory; `.diskFull`.
    package static func create(
        storage: any Storage,
        directory: String,
        configuration: Configuration.RedoLog,
        database: DatabaseID
    ) throws(RedoubtError) {
        try LogFileSet.create(storage: storage, directory: directory, configuration: configuration, database: database)
    }

    /// Continues at the end that `scan` found: makes durable what was read, and removes what is stale beyond.
    ///
    /// Waits.
    ///
    /// - Precondition: The scan was not read-only.
    package init(
        storage: any Storage,
        directory: String,
        configuration: Configuration.RedoLog,
        health: EngineHealth,
        scan: LogScanResult,
        events: EventSink = EventSink(),
        waits: WaitLedger = WaitLedger()
    ) throws(RedoubtError) {
        precondition(!scan.isReadOnly, "the redo log was scanned for reading only")
        precondition(scan.files.directory == directory, "the scan was of \(scan.files.directory), not \(directory)")
        self.configuration = configuration
        deferredFlushMilliseconds = Atomic(configuration.deferredFlushMilliseconds)
        self.health = health
        self.events = events
        self.waits = waits
        files = scan.files
        let end = scan.endLSN
        let continuation = try LogContinuation.prepare(scan, configuration: configuration)
        buffer = try LogBuffer(capacity: configuration.bufferCapacity.rawValue)
        buffer.setFirstGroup(scan.firstGroup, block: end.sequenceNumber / 496)
        pledge = LogPledge(end)
        writer = try unsafe LogWriter(
            files: files,
            configuration: configuration,
            end: end,
            pledge: pledge,
            granule: continuation.granule,
            retained: continuation.retained
        )
        sequence = CacheIsolated(Atomic(end.sequenceNumber))
        written = CacheIsolated(Atomic(end.rawValue))
        flushed = CacheIsolated(Atomic(end.rawValue))
        settled = CacheIsolated(Atomic(end.rawValue))
        checkpoint = CacheIsolated(Atomic(scan.checkpointLSN.rawValue))
        roomEnd = CacheIsolated(Atomic(end.sequenceNumber + UInt64(configuration.bufferCapacity.rawValue)))
        writeRequest = CacheIsolated(Atomic(0))
        flushRequest = CacheIsolated(Atomic(0))
        checkpointNumber = Atomic(scan.checkpoint.number)
        replayRateNote = Atomic(scan.checkpoint.replayRate)
        let limits = Self.limits(of: scan.files, capacity: configuration.capacity)
        credit = CapacityCredit(limits: limits)
        admission = Admission(credit: credit, waits: waits, health: health)
        recentWritten = LinkBuffer(window: Self.writtenWindow(configuration), origin: end)
        // The files may become smaller yet.
        let wanted = LogLimits(capacity: configuration.capacity, fileCount: configuration.fileCount)
        let window = min(Self.closedWindow(limits), Self.closedWindow(wanted))
        recentClosed = LinkBuffer(window: window, origin: end)
        threads = LogThreads(shape: configuration.shape)
        streamSeeker = SpaceSeeker(streamSpace)
        checkpointSeeker = SpaceSeeker(checkpointSpace)
        try fitFiles()
    }

    /// Starts the log's threads.
    ///
    /// Until then, and after ``stop()``, those who wait do the work themselves.
    package func start() throws(RedoubtError) {
        try threads.start(self)
    }

    /// Makes everything durable unless the engine is fenced or the disk full, joins the threads and closes the files.
    ///
    /// Waits.
    package func stop() {
        try? waitUntilFlushed(currentLSN)
        threads.stop()
        wakeAll()
        files.close()
    }

    /// Closes the files and leaves everything as it is, as a kill of the process does.
    ///
    /// - Precondition: No thread was started.
    package func forget() {
        precondition(!threads.areRunning, "a redo log with threads cannot be forgotten")
        files.close()
    }

    /// Changes the longest time that a deferred commit stays volatile; counts from the last flush on.
    package func setDeferredFlush(milliseconds: Int) {
        deferredFlushMilliseconds.store(milliseconds, ordering: .releasing)
        threads.wake()
    }

    /// The memory that the log takes, buffer and link buffers together.
    package var memoryByteCount: Int {
        configuration.bufferCapacity.rawValue * 65 / 64 + (1 << 20)
            + LinkBuffer.memoryByteCount(window: Self.writtenWindow(configuration))
            + LinkBuffer.memoryByteCount(window: Int(recentClosed.window))
    }

    private static func writtenWindow(_ configuration: Configuration.RedoLog) -> Int {
        min(512 << 10, configuration.bufferCapacity.rawValue / 2)
    }

    /// A window that a checkpoint lags behind must be small beside what may be filled.
    private static func closedWindow(_ limits: LogLimits) -> Int {
        let most = min(512 << 10, max(16 << 10, limits.freeCheckCapacity / 8))
        return 1 << (Int.bitWidth - 1 - most.leadingZeroBitCount)
    }

    /// Returns the number of the next checkpoint.
    func nextCheckpointNumber() -> UInt64 { checkpointNumber.wrappingAdd(1, ordering: .relaxed).newValue }

    // MARK: Positions

    /// The position that the next group gets.
    package var currentLSN: LogSequenceNumber {
        LogSequenceNumber(sequenceNumber: sequence.value.load(ordering: .acquiring))
    }
    /// Every group below it has been copied to the log buffer.
    package var readyForWriteLSN: LogSequenceNumber { recentWritten.advanceTail() }
    /// Everything below it is with the operating system.
    package var writtenLSN: LogSequenceNumber { LogSequenceNumber(rawValue: written.value.load(ordering: .acquiring)) }
    /// Everything below it is durable.
    package var flushedLSN: LogSequenceNumber { LogSequenceNumber(rawValue: flushed.value.load(ordering: .acquiring)) }
    /// Every group below it was closed.
    ///
    /// To be read before the flush lists when a checkpoint is sought.
    package var closedLSN: LogSequenceNumber { recentClosed.advanceTail() }
    /// Recovery would start here.
    package var checkpointLSN: LogSequenceNumber {
        LogSequenceNumber(rawValue: checkpoint.value.load(ordering: .acquiring))
    }
    /// How far the order of the flush lists may differ from the order of the log, in LSN.
    package var relaxedOrderWindow: UInt64 { recentClosed.window }
}
