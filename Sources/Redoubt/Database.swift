public import RedoubtCore
package import RedoubtEngine
import RedoubtLog
public import RedoubtSystem
import Synchronization

/// An open database: a folder of keyspaces that share one redo log and one pool of pages.
///
///     let database = try Database.open(at: "/var/lib/shop")
///     let orders = try database.keyspace(named: "orders", createIfMissing: true)
///     try orders.put("2026-11-21/0001", "3 apples")
///     print(try orders.get("2026-11-21/0001").map { String(decoding: $0, as: UTF8.self) } ?? "none")
///     try database.close()
///
/// ## Guarantees
/// Every operation on a key is atomic and linearizable; a ``WriteBatch`` is atomic as a whole. A write that returned
/// with durability `.flushed` survives a power cut, with `.written` a kill of the process, with `.deferred` it is
/// durable about one second later; in every case what survives is a prefix of what was written, in order. A get may see
/// a value that is not durable yet, because a writer makes it visible before it waits for the device.
///
/// ## Concurrency
/// All members may be called from any thread. Calls block; their `async` twins, which the compiler chooses in
/// asynchronous code, do not block the thread they are called on.
///
/// ## Failure
/// The first failed write or sync *fences* the database: every later write throws `.fenced`, reads of what is in memory
/// go on and may show changes whose commit failed; close it and open it again, which recovers. A full disk is no fence:
/// writes throw `.diskFull` and have changed nothing, reads, deletes and checkpoints go on, and writes work again when
/// there is room. Where not even pages can be written in their place (thin volumes, file systems that copy on write),
/// all but checkpoints go on as long as there is redo capacity and memory; then every call that needs more throws
/// `.diskFull`, until there is room. A call that changed something and whose redo then found no space throws
/// `.notDurable`: the change is made, and durable as soon as there is room.
public final class Database: Sendable {
    /// The folder.
    public let path: String
    /// The options as they are now: those that it was opened with, and what ``change(_:)`` has changed since.
    public var configuration: Configuration { engine.configuration }

    /// What does the work; for the laboratory.
    package let engine: Engine
    let gate = CallGate()
    let threads = CallThreads()
    let lastReported = Mutex<Statistics?>(nil)
    private let readOnly = Atomic<Bool>(false)
    /// Whether the database is open for reading only.
    public internal(set) var isReadOnly: Bool {
        get { readOnly.load(ordering: .relaxed) }
        set { readOnly.store(newValue, ordering: .relaxed) }
    }

    private init(path: String, engine: Engine) {
        self.path = path
        self.engine = engine
    }

    deinit {
        // Nobody is left to be told about an error; opening again recovers.
        do throws(RedoubtError) { try close() } catch {}
    }

    // MARK: Life

    /// Opens the database in the folder `path`, creates it if it is missing and `configuration` allows it, and recovers
    /// it if it was not closed.
    ///
    /// Waits, for a time that depends on the redo since the last checkpoint, not on the size.
    ///
    /// - Parameters:
    ///   - path: The folder; created with mode 0700.
    ///   - configuration: The options, which are validated first.
    ///   - progress: Called from time to time while a recovery goes on.
    /// - Throws: `.invalidConfiguration`; `.notFound`; `.alreadyOpen`, which names the process id of the holder;
    ///   `.notADatabase`, `.unsupportedFormat`, `.mixedFiles`, `.missingFile`; `.corruptPage`, `.corruptLog`;
    ///   `.diskFull`; `.systemCallFailed`.
    public static func open(
        at path: String,
        configuration: Configuration = Configuration(),
        progress: (@Sendable (Recovery) -> Void)? = nil
    ) throws(RedoubtError) -> Database {
        try configuration.validate()
        let storage = LinuxStorage(
            directIO: configuration.storage.usesDirectIO,
            asyncIO: configuration.storage.usesAsyncIO
        )
        return try open(
            at: path,
            configuration: configuration,
            storage: storage,
            options: EngineOptions(),
            progress: progress,
            servesRequests: true
        )
    }

    /// Opens a database whose files are in `storage`, such as one whose power can be cut; see
    /// ``open(at:configuration:progress:)``.
    ///
    /// Waits.
    public static func open(
        at path: String,
        configuration: Configuration,
        storage: any Storage
    ) throws(RedoubtError) -> Database {
        try open(at: path, configuration: configuration, storage: storage, options: EngineOptions())
    }

    /// The same, with what tests and tools set beside the configuration.
    ///
    /// Waits.
    package static func open(
        at path: String,
        configuration: Configuration,
        storage: any Storage,
        options: EngineOptions,
        progress: (@Sendable (Recovery) -> Void)? = nil,
        servesRequests: Bool = false
    ) throws(RedoubtError) -> Database {
        try ThreadBorrow.check()
        try configuration.validate()
        let report: (@Sendable (RecoveryProgress) -> Void)?
        if let progress { report = { progress(Recovery($0)) } } else { report = nil }
        let engine = try Engine.open(
            path: path,
            configuration: configuration,
            storage: storage,
            options: options,
            progress: report
        )
        let database = Database(path: path, engine: engine)
        if servesRequests {
            let server = BackupServer(engine, database.gate, database.threads, storage)
            engine.source.whenPublished { server.look() }
        }
        return database
    }

    /// Waits for the calls that are inside, those of suspended tasks too, makes everything durable and gives the folder
    /// back; no effect the second time.
    ///
    /// Later calls throw `.closed`, and have changed nothing.
    ///
    /// - Throws: `.fenced` if a write had failed (the folder is given back all the same); `.reentered`.
    public func close() throws(RedoubtError) {
        try ThreadBorrow.check()
        // Of the calls inside as well.
        let wait = engine.waits.begin(.close)
        defer { engine.waits.end(wait) }
        // What waits without a thread of its own goes on: the log ends those calls, and is stopped last.
        threads.stop()
        guard gate.close() else { return }
        defer { engine.source.events.end() }
        if isReadOnly { return engine.forget() }
        try engine.close()
    }

    /// Gives the folder back without writing anything, as a kill of the process does; for tests without threads.
    ///
    /// No call may be inside.
    package func forget() {
        threads.stop()
        guard gate.close() else { return }
        engine.source.events.end()
        engine.forget()
    }

    // MARK: Keyspaces

    /// Returns the keyspace called `name`.
    ///
    /// Waits.
    ///
    /// - Throws: `.keyspaceNotFound` unless it is there or `createIfMissing`; else the errors of
    ///   ``createKeyspace(_:)``.
    public func keyspace(named name: String, createIfMissing: Bool = false) throws(RedoubtError) -> Keyspace {
        do throws(RedoubtError) {
            return try call { () throws(RedoubtError) in handle(try engine.keyspace(name), name) }
        } catch  where error.code == .keyspaceNotFound && createIfMissing {
            do throws(RedoubtError) {
                return try createKeyspace(name)
            } catch  where error.code == .keyspaceExists {
                // Another thread was faster.
                return try call { () throws(RedoubtError) in handle(try engine.keyspace(name), name) }
            }
        }
    }

    /// Creates an empty keyspace; it is durable on return.
    ///
    /// Waits.
    ///
    /// - Parameter name: 1 to 200 bytes of UTF-8, none of them zero; its file is named after it, escaped.
    /// - Throws: `.keyspaceExists`, `.invalidName`, `.diskFull`, `.fenced`, `.closed`; `.notDurable`, after which it is
    ///   there.
    public func createKeyspace(_ name: String) throws(RedoubtError) -> Keyspace {
        try call { () throws(RedoubtError) in handle(try engine.createKeyspace(name), name) }
    }

    /// Removes a keyspace with all its rows; durable on return.
    ///
    /// Handles of it throw `.keyspaceNotFound` from then on. Waits for the writers that are inside it.
    ///
    /// - Throws: `.keyspaceNotFound`, `.fenced`, `.closed`; `.diskFull` or `.notDurable`, after which it may be gone.
    public func dropKeyspace(_ name: String) throws(RedoubtError) {
        try call { () throws(RedoubtError) in try engine.dropKeyspace(name) }
    }

    /// Gives a keyspace another name; durable on return.
    ///
    /// Handles stay valid. Waits.
    ///
    /// - Throws: `.keyspaceNotFound`, `.keyspaceExists`, `.invalidName`, `.diskFull`, `.fenced`, `.closed`;
    ///   `.notDurable`, after which it has the new name.
    public func renameKeyspace(_ name: String, to newName: String) throws(RedoubtError) {
        try call { () throws(RedoubtError) in try engine.renameKeyspace(name, to: newName) }
    }

    /// The names of all keyspaces, in the order of their bytes.
    ///
    /// Waits.
    ///
    /// - Throws: `.closed`, `.corruptPage`, `.readFailed`.
    public func keyspaceNames() throws(RedoubtError) -> [String] {
        try call { () throws(RedoubtError) in try engine.keyspaces().map(\.name) }
    }

    func handle(_ space: Space, _ name: String) -> Keyspace {
        Keyspace(database: self, name: name, tree: engine.tree(space))
    }

    // MARK: Writing

    /// Applies all changes of `batch`, or none.
    ///
    /// Waits as `durability` says.
    ///
    /// - Parameters:
    ///   - batch: Consumed, whatever comes of it.
    ///   - durability: What to wait for; nil for the option of the database.
    ///   - slowdown: What to do while writers are held back.
    /// - Throws: `.batchTooLarge`, which states the bound; `.keyTooLarge`, `.valueTooLarge`, `.keyspaceNotFound`,
    ///   `.diskFull`, `.poolExhausted`, `.corruptPage`, `.readFailed`, and `.busy` if `slowdown` is `.refuse`: nothing
    ///   was changed. `.fenced`: it may or may not be there after the next open. `.closed`.
    public func write(
        _ batch: consuming WriteBatch,
        durability: Durability? = nil,
        slowdown: Slowdown = .wait
    ) throws(RedoubtError) {
        let changes = batch.takeChanges()
        try call(slowdown) { () throws(RedoubtError) in
            try settle(try apply(changes), durability)
        }
    }

    /// Makes everything that was written before the call durable.
    ///
    /// Waits for the device.
    ///
    /// - Throws: `.fenced`, `.closed`; `.notDurable` if the redo finds no space.
    public func flush() throws(RedoubtError) {
        try call { () throws(RedoubtError) in
            let log = engine.log
            try log.waitUntilFlushed(log.currentLSN)
        }
    }

    /// Writes every changed page to its file, so that opening after a crash would have next to nothing to do.
    ///
    /// Waits.
    ///
    /// - Throws: `.fenced`, `.closed`.
    public func checkpoint() throws(RedoubtError) {
        try call { () throws(RedoubtError) in try engine.checkpoint() }
    }

    /// Changes the size of all redo files together, while reads and writes go on.
    ///
    /// Waits for the file system.
    ///
    /// Spare files change at once, files in use when a checkpoint has made them spare. So a larger size counts for a
    /// part at once, and as a whole when the last file has grown; a smaller one counts at once, and writers may have to
    /// wait until enough pages are flushed to fit it. ``Statistics/redoCapacity`` says what counts. Sizes are rounded
    /// down to whole multiples of 16 KiB for each file; the number of files stays.
    ///
    /// The size lasts until ``close()``: the next opening changes the files to the `redoLog.capacity` that it is given.
    /// The same as changing `redoLog.capacity` with ``change(_:)``.
    ///
    /// - Parameter capacity: 2 MiB to 128 GiB.
    /// - Throws: `.invalidConfiguration` if the size is out of range, or too small for what was chosen when the
    ///   database was opened: then reopen with it; `.diskFull`, after which the old size holds; `.fenced`, `.closed`,
    ///   `.reentered`.
    public func setRedoCapacity(_ capacity: ByteCount) throws(RedoubtError) {
        try change { $0.redoLog.capacity = capacity }
    }

    // MARK: Inspection

    /// Reads every page of every keyspace and returns what is wrong: nothing, in a sound database.
    ///
    /// Waits.
    ///
    /// - Throws: `.readFailed` and the like, if the check itself cannot go on; `.closed`.
    public func check() throws(RedoubtError) -> [Finding] {
        try call { () throws(RedoubtError) in try engine.check().map(Finding.init) }
    }
}
