package import RedoubtCore
import RedoubtLog
package import RedoubtSystem
import Synchronization

/// An open database: its files, its log, its pool and the threads that serve them.
///
/// ## Concurrency
/// All members may be called from any thread, of the operating system or of a simulation; an engine belongs to the
/// scheduler of the thread that opened it.
package final class Engine: Sendable {
    /// The directory of the database.
    package let path: String
    /// The redo groups that were applied when it was opened; 0 after an orderly close.
    package let recoveredGroupCount: Int
    /// Whether writes are still possible, and if not, why.
    package var health: EngineHealth { kernel.health }

    let storage: any Storage
    let kernel: Kernel
    let flushing: Flushing
    /// What looks after foreground threads.
    package let watchdog: Watchdog
    let catalog: Catalog
    let spaces: SpaceTable
    let dumps: PoolDumps
    /// Where the statistics come from, and where to post what happens.
    package let source: StatisticsSource
    private let lock: Mutex<(any AnyObject & Sendable)?>
    // Held by whoever changes options, through the resizing of the redo log.
    let optionsLock = EngineLock()
    private let hasThreads = Atomic<Bool>(false)
    private let isClosed = Atomic<Bool>(false)

    init(
        path: String,
        storage: any Storage,
        kernel: Kernel,
        flushing: Flushing,
        catalog: Catalog,
        spaces: SpaceTable,
        lock: any AnyObject & Sendable,
        source: StatisticsSource,
        recoveredGroupCount: Int
    ) {
        self.path = path
        self.storage = storage
        self.kernel = kernel
        self.flushing = flushing
        watchdog = Watchdog(kernel, flushing)
        self.catalog = catalog
        self.spaces = spaces
        dumps = PoolDumps(kernel)
        self.lock = Mutex(lock)
        self.source = source
        self.recoveredGroupCount = recoveredGroupCount
    }

    /// Opens the database in the directory `path`, creating it if it is missing and the configuration says so; recovers
    /// it if it was not closed in order.
    ///
    /// Waits.
    ///
    /// - Throws: `.invalidConfiguration`, `.notFound`, `.alreadyOpen`, `.notADatabase`, `.unsupportedFormat`,
    ///   `.mixedFiles`, `.missingFile`, `.corruptPage`, `.corruptLog`, `.diskFull` and other errors of the system.
    package static func open(
        path: String,
        configuration: Configuration,
        storage: any Storage,
        options: EngineOptions = EngineOptions(),
        progress: (@Sendable (RecoveryProgress) -> Void)? = nil
    ) throws(RedoubtError) -> Engine {
        try DatabaseOpening(
            path: path,
            configuration: configuration,
            storage: storage,
            progress: progress,
            options: options
        ).run()
    }

    /// Starts the background threads.
    func start(_ options: EngineOptions) throws(RedoubtError) {
        guard options.usesBackgroundThreads else { return }
        try flushing.measureSpeed()
        try flushing.start()
        do throws(RedoubtError) {
            try watchdog.start()
        } catch {
            flushing.stop()
            throw error
        }
        hasThreads.store(true, ordering: .releasing)
        // Without a thread for it, memory warms up as it is used.
        if configuration.bufferPool.loadsAtOpen { try? dumps.startLoad() }
    }

    /// Flushes everything, writes a clean checkpoint, joins all threads and releases the lock.
    ///
    /// Waits.
    ///
    /// No call may be running or follow. A fenced engine closes too, and reopening recovers.
    /// - Throws: `.fenced` or the failure of the last writes; everything is closed all the same.
    package func close() throws(RedoubtError) {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        let wait = kernel.waits.begin(.close)
        defer { kernel.waits.end(wait) }
        dumps.stop()
        var failure: RedoubtError?
        do throws(RedoubtError) {
            try flushing.shutDown()
            dumpAtClose()
        } catch {
            failure = error
            flushing.close()
        }
        // Last, so that a close that takes long is reported.
        watchdog.stop()
        kernel.log.stop()
        for space in spaces.all {
            kernel.files.unregister(space.id)
            space.file.close()
        }
        source.stopPublishing()
        lock.withLock { $0 = nil }
        if let failure { throw failure }
    }

    /// Gives everything back without writing anything, as a kill of the process does; for tests without threads.
    package func forget() {
        precondition(!hasThreads.load(ordering: .acquiring), "an engine with threads cannot be forgotten")
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        flushing.close()
        kernel.log.forget()
        for space in spaces.all {
            kernel.files.unregister(space.id)
            space.file.close()
        }
        lock.withLock { $0 = nil }
    }

    /// Writes down which pages are in memory; what fails here costs the next opening time, and nobody data.
    ///
    /// Not after a load that was cut short: what the dump before names is worth more than what was read of it.
    private func dumpAtClose() {
        guard hasThreads.load(ordering: .acquiring), configuration.bufferPool.dumpsAtClose, !dumps.isLoadIncomplete
        else { return }
        _ = try? dumps.dump()
    }

    /// Throws `.closed` after ``close()``.
    func requireOpen() throws(RedoubtError) {
        if isClosed.load(ordering: .acquiring) {
            throw RedoubtError(.closed, "the database was closed; open it again", path: path)
        }
    }

    /// Returns the tree of `space`, for reading and writing rows.
    package func tree(_ space: Space) -> Tree { Tree(kernel: kernel, space: space) }

    /// What the engine has done since it was opened, and how full it is.
    package func statistics() -> EngineStatistics { source.read() }
}
