import RedoubtCore
import RedoubtLog
import RedoubtSystem
import Synchronization

/// Everything between a path and an open engine: lock, creation, recovery, catalog, keyspaces, leftovers.
///
/// The order matters:
///
///     lock -> (create) -> redo headers -> files by name -> scan to the end -> doublewrite repair -> page 0 of each
/// file
///     -> pool -> apply -> catalog -> keyspaces -> orphan files -> pending chains -> background threads
struct DatabaseOpening {
    let path: String
    let configuration: Configuration
    let storage: any Storage
    let progress: (@Sendable (RecoveryProgress) -> Void)?
    let options: EngineOptions
    let source = StatisticsSource()

    /// A file of the directory that is named like one of ours.
    private struct Found {
        let name: String
        let file: any StorageFile
        /// What page 0 says, or why it could not be read.
        var header: Result<SpaceFile.Header, RedoubtError>?
    }

    /// Opens the database.
    ///
    /// Waits.
    func run() throws(RedoubtError) -> Engine {
        try configuration.validate()
        // Too little memory is told before anything is created or changed for it.
        _ = try MemoryPlan(configuration)
        let lock = try lockDirectory()
        source.attach(storage, configuration)
        if options.usesBackgroundThreads { source.publish(in: path) }
        do throws(RedoubtError) {
            return try open(lock)
        } catch {
            source.stopPublishing()
            throw error
        }
    }

    /// Tells of progress in recovery.
    private func report(_ recovery: RecoveryProgress) {
        source.note(position: recovery.position, total: recovery.total)
        progress?(recovery)
    }

    /// The rules that are broken on purpose.
    private var faults: UInt32 {
        #if REDOUBT_INTERLEAVING
        options.faults
        #else
        0
        #endif
    }

    private func open(_ lock: any AnyObject & Sendable) throws(RedoubtError) -> Engine {
        let redo = DatabaseFiles.path(path, DatabaseFiles.redoDirectory)
        var scanner = try LogScanner.open(storage: storage, directory: redo)
        let recovery = Recovery(
            storage: storage,
            path: path,
            configuration: configuration,
            progress: report,
            faults: faults
        )
        source.begin(.scanning)
        let scan = try recovery.scan(&scanner)
        var found = try findFiles()
        do throws(RedoubtError) {
            return try open(lock, scan, &scanner, recovery, &found)
        } catch {
            for entry in found.values { entry.file.close() }
            throw error
        }
    }

    /// Takes the lock, and makes the database if there is none and the configuration says so.
    private func lockDirectory() throws(RedoubtError) -> any AnyObject & Sendable {
        let isThere = try storage.exists(path)
        guard isThere || configuration.createIfMissing else { throw notFound() }
        if isThere && !configuration.createIfMissing {
            let catalog = DatabaseFiles.path(path, DatabaseFiles.catalogName)
            let redo = DatabaseFiles.path(path, DatabaseFiles.redoDirectory)
            if try !storage.exists(catalog), try !storage.exists(redo) { throw notFound() }
        }
        try storage.createDirectory(path)
        let lock = try storage.lock(DatabaseFiles.path(path, DatabaseFiles.lockName))
        let creation = DatabaseCreation(storage: storage, path: path, configuration: configuration)
        let names = try storage.list(path)
        if try creation.isNeeded(names) {
            guard configuration.createIfMissing else { throw notFound() }
            try creation.run(names)
        }
        if names.contains(UpgradeJournal.name) { try FormatUpgrade(storage, path).settleJournal() }
        return lock
    }

    private func notFound() -> RedoubtError {
        RedoubtError(.notFound, "there is no database here; create one, or correct the path", path: path)
    }

    /// Opens every file whose name is one of ours.
    private func findFiles() throws(RedoubtError) -> [SpaceID: Found] {
        var found: [SpaceID: Found] = [:]
        for name in try storage.list(path) {
            guard let id = DatabaseFiles.space(ofFile: name) else { continue }
            if let other = found[id] {
                throw RedoubtError(
                    .mixedFiles,
                    "\"\(name)\" and \"\(other.name)\" both are files of space \(id)",
                    path: DatabaseFiles.path(path, name)
                )
            }
            let file = try storage.open(
                DatabaseFiles.path(path, name),
                role: .data,
                creating: false,
                readOnly: false
            )
            found[id] = Found(name: name, file: file, header: nil)
        }
        return found
    }

    private func open(
        _ lock: any AnyObject & Sendable,
        _ scan: Recovery.Scan,
        _ scanner: inout LogScanner,
        _ recovery: Recovery,
        _ found: inout [SpaceID: Found]
    ) throws(RedoubtError) -> Engine {
        let health = EngineHealth()
        health.whenFenced { [events = source.events] in events.post(.fenced) }
        let repair = try scan.result.wasCleanShutdown ? DoublewriteRecovery.Outcome() : repairPages(found, scan)
        do throws(RedoubtError) {
            return try openRepaired(health, lock, scan, &scanner, recovery, &found)
        } catch {
            throw repair.explaining(error)
        }
    }

    private func repairPages(
        _ found: [SpaceID: Found],
        _ scan: Recovery.Scan
    ) throws(RedoubtError) -> DoublewriteRecovery.Outcome {
        let files = PageFileTable()
        try register(found, in: files) { _ in true }
        return try DoublewriteRecovery.repair(
            storage: storage,
            directory: path,
            database: scan.result.database,
            checkpoint: scan.result.checkpointLSN,
            files: files,
            touched: scan.touched
        )
    }

    private func openRepaired(
        _ health: EngineHealth,
        _ lock: any AnyObject & Sendable,
        _ scan: Recovery.Scan,
        _ scanner: inout LogScanner,
        _ recovery: Recovery,
        _ found: inout [SpaceID: Found]
    ) throws(RedoubtError) -> Engine {
        try readHeaders(&found, scan)
        let redo = DatabaseFiles.path(path, DatabaseFiles.redoDirectory)
        let log = try RedoLog(
            storage: storage,
            directory: redo,
            configuration: configuration.redoLog,
            health: health,
            scan: scan.result,
            events: source.events
        )
        // What was stale behind the end is gone.
        Scheduling.remember(.redoEnd, scan.result.endLSN.rawValue)
        try Scheduling.merge(at: .redoContinued, 0)
        let kernel = try Kernel(
            configuration: configuration,
            storage: storage,
            directory: path,
            database: scan.result.database,
            health: health,
            log: log,
            logsPageImages: options.logsPageImages,
            flushListObserver: options.flushListObserver
        )
        #if REDOUBT_INTERLEAVING
        kernel.faults.store(options.faults, ordering: .relaxed)
        #endif
        if options.usesLogThreads { try log.start() }
        do throws(RedoubtError) {
            return try recover(kernel, lock, scan, &scanner, recovery, &found)
        } catch {
            health.fence(error)
            log.wakeAll()
            log.stop()
            throw error
        }
    }

    private func register(
        _ found: [SpaceID: Found],
        in files: PageFileTable,
        where isWanted: (SpaceID) -> Bool
    ) throws(RedoubtError) {
        for (id, entry) in found where isWanted(id) {
            let pages = try entry.file.size() / UInt64(pageByteCount)
            files.register(id, file: entry.file, pageCount: UInt32(clamping: pages))
        }
    }

    /// Reads page 0 of each file; the catalog and every file that the log changes must be sound.
    private func readHeaders(_ found: inout [SpaceID: Found], _ scan: Recovery.Scan) throws(RedoubtError) {
        for id in found.keys.sorted() {
            guard var entry = found[id] else { continue }
            do throws(RedoubtError) {
                entry.header = .success(
                    try SpaceFile.readHeader(
                        entry.file,
                        expected: id,
                        database: scan.result.database,
                        lsnLimit: scan.result.endLSN
                    )
                )
            } catch {
                if id == .catalog || scan.touched.contains(id) { throw error }
                entry.header = .failure(error)
            }
            found[id] = entry
        }
        Scheduling.remember(.headers, Self.digest(of: found))
        for id in scan.touched.sorted() where found[id] == nil {
            throw RedoubtError(
                .missingFile,
                "the redo log changes space \(id), but no file \"*-\(id).ibd\" is there; restore it, or "
                    + "read what is left with `redoubt salvage`",
                path: path
            )
        }
        if found[.catalog] == nil {
            throw RedoubtError(
                .missingFile,
                "the catalog is missing; restore it, or read what is left with `redoubt salvage`",
                path: DatabaseFiles.path(path, DatabaseFiles.catalogName)
            )
        }
    }

    /// Returns a digest of what page 0 of each file says; for explorations.
    private static func digest(of found: [SpaceID: Found]) -> UInt64 {
        found.keys.sorted().reduce(1) { sum, id in
            let text = Array("\(id) \(found[id]?.header as Any)".utf8)
            return unsafe [sum, text.withUnsafeBytes { unsafe $0.digest }].digest
        }
    }

    private func recover(
        _ kernel: Kernel,
        _ lock: any AnyObject & Sendable,
        _ scan: Recovery.Scan,
        _ scanner: inout LogScanner,
        _ recovery: Recovery,
        _ found: inout [SpaceID: Found]
    ) throws(RedoubtError) -> Engine {
        try register(found, in: kernel.files) { !scan.dropped.contains($0) }
        let flushing = try Flushing(kernel)
        source.attach(kernel, flushing)
        if scan.result.groupCount > 0 {
            source.begin(.applying)
            try recovery.apply(scan, &scanner, kernel, flushing) { (frame) throws(RedoubtError) in
                try growFile(kernel, frame)
            }
        }
        let catalogSpace = try openSpace(kernel, found[.catalog], .catalog)
        let catalog = try Catalog(tree: Tree(kernel: kernel, space: catalogSpace))
        let spaces = SpaceTable()
        spaces.insert(catalogSpace)
        for (name, row) in catalog.all {
            guard let entry = found[row.id], !scan.dropped.contains(row.id) else {
                throw RedoubtError(
                    .missingFile,
                    "the file of keyspace \"\(name)\" is missing; restore it, or read what is left with `redoubt "
                        + "salvage`",
                    path: DatabaseFiles.path(path, row.fileName)
                )
            }
            spaces.insert(try openSpace(kernel, entry, row.id))
        }
        try removeOrphans(kernel, found, spaces, touched: scan.touched)
        source.begin(.cleaning)
        progress?(RecoveryProgress(phase: .cleaning, position: 0, total: 0))
        for space in spaces.all { try freePendingChains(kernel, space) }
        recovery.noteRate(scan, kernel.log)
        let engine = Engine(
            path: path,
            storage: storage,
            kernel: kernel,
            flushing: flushing,
            catalog: catalog,
            spaces: spaces,
            lock: lock,
            source: source,
            recoveredGroupCount: scan.result.groupCount
        )
        try engine.start(options)
        source.open(spaces, engine.watchdog)
        return engine
    }

    /// Makes a file as long as its recovered page 0 says.
    private func growFile(_ kernel: Kernel, _ header: Frame) throws(RedoubtError) {
        if Scheduling.breaks(.growsNoFile) { return }
        let size = header.bytes.u32(at: SpaceFormat.Header.pageCount)
        guard let file = kernel.files.file(header.pageID.space) else { return }
        try file.file.extend(to: UInt64(size) * UInt64(pageByteCount))
        file.grow(to: size)
    }

    /// Opens a space whose file and log have been recovered: page 0 is read through the pool.
    private func openSpace(_ kernel: Kernel, _ entry: Found?, _ id: SpaceID) throws(RedoubtError) -> Space {
        guard let entry else { preconditionFailure("space \(id) was not found") }
        if case .failure(let error) = entry.header { throw error }
        let header = try PageCopy(kernel, PageID(space: id, number: SpaceFormat.headerPage))
        let size = header.bytes.u32(at: SpaceFormat.Header.pageCount)
        guard size >= SpaceFormat.initialPageCount, size % SpaceFormat.extentPageCount == 0 else {
            throw RedoubtError(
                .corruptPage,
                "the size in page 0, \(size) pages, is not possible",
                page: PageID(space: id, number: SpaceFormat.headerPage),
                path: entry.file.path
            )
        }
        let bytes = try entry.file.size()
        guard bytes >= UInt64(size) * UInt64(pageByteCount) else {
            throw RedoubtError(
                .corruptPage,
                "the file has \(bytes) bytes, but page 0 says \(size) pages; it was cut short",
                page: PageID(space: id, number: SpaceFormat.headerPage),
                path: entry.file.path
            )
        }
        return Space(id: id, path: entry.file.path, file: entry.file, pageCount: size)
    }

    /// Removes the files that no row of the catalog names: of a creation or a drop that a crash interrupted.
    ///
    /// Files of another database, and files that cannot be told to be leftovers of a creation, are refused, not
    /// removed. The log says that a file goes before it goes: after a crash in here the redo that changes its pages is
    /// read again, and must not miss it.
    private func removeOrphans(
        _ kernel: Kernel,
        _ found: [SpaceID: Found],
        _ spaces: SpaceTable,
        touched: Set<SpaceID>
    ) throws(RedoubtError) {
        var isAnyRemoved = false
        let orphans = found.filter { spaces.space($0.key) == nil }.sorted { $0.key < $1.key }
        let logged = Scheduling.breaks(.removesBeforeLogging) ? [] : orphans.map(\.key).filter(touched.contains)
        try logDeletions(kernel, logged)
        for (id, entry) in orphans {
            if case .failure(let error) = entry.header {
                // A creation that was cut off has never synced its file. Anything else may be dear to somebody.
                let isLeftover = try SpaceFile.isUnfinished(entry.file, id: id, database: kernel.database)
                guard isLeftover else { throw error }
            }
            kernel.files.unregister(id)
            kernel.pool.discard(space: id)
            entry.file.close()
            try storage.remove(entry.file.path)
            isAnyRemoved = true
        }
        if isAnyRemoved { try storage.syncDirectory(path) }
    }

    private func logDeletions(_ kernel: Kernel, _ ids: [SpaceID]) throws(RedoubtError) {
        var end: LogSequenceNumber?
        for id in ids {
            var mtr = try MiniTransaction.begin(kernel, redoBytes: 512, pins: 0)
            unsafe [].withUnsafeBytes { unsafe mtr.appendFileRecord(.delete, space: id, body: $0) }
            end = mtr.commit()?.end ?? end
        }
        if let end { try kernel.log.waitUntilFlushed(end) }
    }

    private func freePendingChains(_ kernel: Kernel, _ space: Space) throws(RedoubtError) {
        let header = try PageCopy(kernel, PageID(space: space.id, number: SpaceFormat.headerPage))
        guard !PendingChains.list(header.bytes).isEmpty else { return }
        // What is wrong with a chain is for the check to say; the database is usable without its pages.
        _ = try Tree(kernel: kernel, space: space).freePendingChains()
    }
}
