import RedoubtCore
import RedoubtLog
import RedoubtSystem
import Synchronization

/// What every layer above the pool works with: made once when a database opens.
final class Kernel: Sendable {
    /// The options, which may change at any time.
    let options: LiveOptions
    /// The options as they are now; a copy, so not for each page.
    var configuration: Configuration { options.current }
    /// The file system.
    let storage: any Storage
    /// The directory of the database.
    let directory: String
    /// The identity of the database.
    let database: DatabaseID
    /// Whether the engine is fenced.
    let health: EngineHealth
    /// The redo log.
    let log: RedoLog
    /// The files of the tablespaces.
    let files: PageFileTable
    /// The pages in memory.
    let pool: BufferPool
    /// Whether each mini-transaction also logs the images of the pages that it changed, for recovery to compare with.
    let logsPageImages: Bool
    /// Called with what each scan of a flush list hands to a writer; in tests only.
    let flushListObserver: (@Sendable (FlushListChoice) -> Void)?
    let contexts: MiniTransactionContexts
    #if REDOUBT_INTERLEAVING
    /// Rules of the layers above to break on purpose; in tests only.
    let faults = Atomic<UInt32>(0)
    #endif
    /// Where foreground threads write down what they wait for.
    var waits: WaitLedger { log.waits }
    /// Where to post what happens in the background and on rare paths.
    var events: EventSink { log.events }

    /// Creates a kernel with an empty pool over `log`.
    ///
    /// - Throws: `.invalidConfiguration` if the memory is too small; `.systemLimit` if there is not so much.
    init(
        configuration: Configuration,
        storage: any Storage,
        directory: String,
        database: DatabaseID,
        health: EngineHealth,
        log: RedoLog,
        logsPageImages: Bool = false,
        poolWaitMilliseconds: Int = 60_000,
        flushListObserver: (@Sendable (FlushListChoice) -> Void)? = nil
    ) throws(RedoubtError) {
        options = LiveOptions(configuration)
        self.storage = storage
        self.directory = directory
        self.database = database
        self.health = health
        self.log = log
        self.logsPageImages = logsPageImages
        self.flushListObserver = flushListObserver
        let files = PageFileTable()
        self.files = files
        pool = try BufferPool(
            options: options,
            files: files,
            log: log,
            health: health,
            waitMilliseconds: poolWaitMilliseconds
        )
        contexts = MiniTransactionContexts()
    }
}
