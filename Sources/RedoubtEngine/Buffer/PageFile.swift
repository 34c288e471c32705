import RedoubtCore
import RedoubtSystem
import Synchronization

/// A tablespace's file as the pool sees it.
final class PageFile: Sendable {
    /// The tablespace.
    let space: SpaceID
    /// The file.
    let file: any StorageFile
    private let pages: Atomic<UInt32>
    // The writes that ended, and those of them that a sync has covered.
    private let written = Atomic<UInt64>(0)
    private let synced = Atomic<UInt64>(0)
    private let failed = Atomic<Bool>(false)
    private let retired = Atomic<Bool>(false)
    private let syncLock = EngineLock()
    private let atomic: Atomic<Bool>

    /// Creates the entry of `space`, whose file has `pageCount` pages.
    init(space: SpaceID, file: any StorageFile, pageCount: UInt32) {
        self.space = space
        self.file = file
        pages = Atomic(pageCount)
        atomic = Atomic(file.atomicWriteUnit == pageByteCount)
    }

    /// Whether the device makes the write of a page whole or not at all when it is asked to, so that none is torn.
    var writesAtomically: Bool { atomic.load(ordering: .acquiring) }

    /// Says that the device, or what is before it, refused such a write.
    func stopAtomicWrites() { atomic.store(false, ordering: .releasing) }

    /// The pages that the file has; read-ahead stops there.
    var pageCount: UInt32 { pages.load(ordering: .acquiring) }

    /// Says that the file has grown to `count` pages.
    func grow(to count: UInt32) {
        pages.max(count, ordering: .acquiringAndReleasing)
    }

    /// Whether pages were written since the last sync.
    var needsSync: Bool { !isSynced(through: written.load(ordering: .acquiring)) }

    /// Says that a write has ended, and returns its ticket; to be called before the page leaves the in-flight table.
    @discardableResult
    func markWritten() -> UInt64 { written.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue }

    /// The newest ticket given out.
    var writtenTicket: UInt64 { written.load(ordering: .acquiring) }

    /// Whether the write `ticket` and all before it are durable, or of no concern because the file is no longer open.
    func isSynced(through ticket: UInt64) -> Bool {
        synced.load(ordering: .acquiring) >= ticket || retired.load(ordering: .acquiring)
    }

    /// Ends the syncs of a file that is no longer open: its content concerns nobody, and it may be closed now.
    ///
    /// Waits for a sync under way.
    func retire() {
        syncLock.lock()
        retired.store(true, ordering: .releasing)
        syncLock.unlock()
    }

    /// Whether the file was taken out of the table: its content concerns nobody.
    var isRetired: Bool { retired.load(ordering: .acquiring) }

    /// Makes what was written before the call durable; does nothing for a file that was taken out of the table.
    ///
    /// Waits, also for a sync that another thread began.
    ///
    /// A sync that failed is never tried again, because the kernel may have dropped the pages and report success: every
    /// later call throws `.fenced`.
    func syncIfNeeded() throws(RedoubtError) {
        syncLock.lock()
        defer { syncLock.unlock() }
        if retired.load(ordering: .acquiring) { return }
        if failed.load(ordering: .acquiring) {
            throw RedoubtError(.fenced, "an earlier sync of the file failed", path: file.path)
        }
        // Read before the sync: what ends while it runs is not covered.
        let end = written.load(ordering: .acquiring)
        guard synced.load(ordering: .relaxed) < end else { return }
        do {
            try file.syncWrites()
        } catch {
            failed.store(true, ordering: .releasing)
            throw error
        }
        synced.store(end, ordering: .releasing)
    }
}

/// The files of all open tablespaces by space id.
final class PageFileTable: Sendable {
    private static var shardCount: Int { 16 }
    private let shards: [Shard]

    private final class Shard: Sendable {
        // Held for a dictionary access only, and only on the way to an I/O.
        let files = Mutex<[UInt32: PageFile]>([:])
    }

    /// Creates an empty table.
    init() {
        shards = (0..<Self.shardCount).map { _ in Shard() }
    }

    private func shard(_ space: SpaceID) -> Shard { shards[Int(space.rawValue) % Self.shardCount] }

    /// Adds the file of `space`.
    @discardableResult
    func register(_ space: SpaceID, file: any StorageFile, pageCount: UInt32) -> PageFile {
        let entry = PageFile(space: space, file: file, pageCount: pageCount)
        shard(space).files.withLock { files in
            precondition(files[space.rawValue] == nil, "space \(space) has a file already")
            files[space.rawValue] = entry
        }
        return entry
    }

    /// Takes the file of `space` out: its pages can no longer be read, and its dirty pages are dropped, not written.
    ///
    /// Waits for a sync under way.
    @discardableResult
    func unregister(_ space: SpaceID) -> PageFile? {
        let file = shard(space).files.withLock { $0.removeValue(forKey: space.rawValue) }
        file?.retire()
        return file
    }

    /// The file of `space`, or nil if it is not open.
    func file(_ space: SpaceID) -> PageFile? {
        shard(space).files.withLock { $0[space.rawValue] }
    }

    /// All files, by space id.
    var all: [PageFile] {
        var found: [PageFile] = []
        for shard in shards { shard.files.withLock { found.append(contentsOf: $0.values) } }
        return found.sorted { $0.space < $1.space }
    }

    /// Makes all pages written so far durable.
    ///
    /// Waits.
    func syncWritten() throws(RedoubtError) {
        for file in all { try file.syncIfNeeded() }
    }
}
