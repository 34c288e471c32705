import RedoubtCore
import RedoubtLog
import RedoubtSystem
import Synchronization

/// The keyspaces of a database: rows of the catalog's tree, and a copy of them in memory.
///
/// The tree is the authority; the copy answers every lookup. Changes hold `changeLock` from the check of a name until
/// the row is durable, so the copy never runs ahead of what a crash would leave.
final class Catalog: Sendable {
    /// The tree of names.
    let tree: Tree
    /// Serialises creating, dropping and renaming.
    let changeLock = EngineLock()

    private struct Content: Sendable {
        var entries: [String: CatalogEntry] = [:]
        // The names of keyspaces that are being filled and have no row yet.
        var promised: Set<String> = []
        var nextID: UInt64 = 0
        var limitID: UInt64 = 0
    }

    // Held for a dictionary access only.
    private let content = Mutex(Content())

    /// The space ids that are handed out between two writes of page 0.
    static let idBlockSize: UInt64 = 256

    /// Reads the rows of the catalog.
    ///
    /// Waits.
    ///
    /// - Throws: `.corruptPage` if a row cannot be read or two rows contradict each other.
    init(tree: Tree) throws(RedoubtError) {
        self.tree = tree
        var entries: [String: CatalogEntry] = [:]
        var names: [SpaceID: String] = [:]
        for (key, value) in try Catalog.rows(tree) {
            guard let name = String(validating: key, as: UTF8.self), let entry = CatalogEntry.decode(value) else {
                throw RedoubtError(.corruptPage, "a row of the catalog is not one", path: tree.space.path)
            }
            if let other = names[entry.id] {
                throw RedoubtError(
                    .corruptPage,
                    "keyspaces \"\(name)\" and \"\(other)\" both have space \(entry.id)",
                    path: tree.space.path
                )
            }
            names[entry.id] = name
            entries[name] = entry
        }
        let header = try PageCopy(tree.kernel, PageID(space: .catalog, number: SpaceFormat.headerPage))
        let next = max(header.bytes.u64(at: SpaceMetadata.nextSpaceID), UInt64(SpaceID.firstUser.rawValue))
        let highest = names.keys.max().map { UInt64($0.rawValue) } ?? 0
        guard highest < next else {
            throw RedoubtError(
                .corruptPage,
                "space \(highest) exists, but the next id is \(next)",
                page: PageID(space: .catalog, number: SpaceFormat.headerPage),
                path: tree.space.path
            )
        }
        content.withLock { $0 = Content(entries: entries, nextID: next, limitID: next) }
    }

    /// All rows in the order of names.
    var all: [(name: String, entry: CatalogEntry)] {
        content.withLock { content in
            content.entries.map { ($0.key, $0.value) }.sorted {
                Array($0.0.utf8).lexicographicallyPrecedes(Array($1.0.utf8))
            }
        }
    }

    /// Returns the row of `name`.
    func entry(_ name: String) throws(RedoubtError) -> CatalogEntry {
        guard let entry = content.withLock({ $0.entries[name] }) else {
            throw RedoubtError(.keyspaceNotFound, "there is no keyspace \"\(name)\"; create it first")
        }
        return entry
    }

    /// Throws `.keyspaceExists` if there is a row of `name`, or one is promised.
    func requireAbsent(_ name: String) throws(RedoubtError) {
        let (isThere, isPromised) = content.withLock { ($0.entries[name] != nil, $0.promised.contains(name)) }
        if isThere {
            throw RedoubtError(.keyspaceExists, "there is a keyspace \"\(name)\" already; choose another name")
        }
        if isPromised {
            throw RedoubtError(.keyspaceExists, "a keyspace \"\(name)\" is being imported; choose another name")
        }
    }

    /// Keeps `name` from being taken until its row is inserted, or ``release(_:)``.
    ///
    /// - Precondition: the caller holds `changeLock` and has found the name absent.
    func promise(_ name: String) { content.withLock { _ = $0.promised.insert(name) } }

    /// Gives a promised name back.
    func release(_ name: String) { content.withLock { _ = $0.promised.remove(name) } }

    /// Returns a space id that was never used.
    ///
    /// Waits when a new block of ids must be made durable.
    ///
    /// - Precondition: the caller holds `changeLock`.
    func takeID() throws(RedoubtError) -> SpaceID {
        let limit = content.withLock { $0.nextID < $0.limitID ? nil : $0.limitID }
        if let limit {
            guard limit < UInt64(UInt32.max) - Catalog.idBlockSize else {
                throw RedoubtError(.systemLimit, "all space ids are used up; dump and reload the database")
            }
            try reserveIDs(upTo: limit + Catalog.idBlockSize)
        }
        let id = content.withLock { content in
            content.nextID += 1
            return content.nextID - 1
        }
        return SpaceID(rawValue: UInt32(truncatingIfNeeded: id))
    }

    private func reserveIDs(upTo limit: UInt64) throws(RedoubtError) {
        if Scheduling.breaks(.handsIDsOutTwice) { return content.withLock { $0.limitID = limit } }
        let kernel = tree.kernel
        var mtr = try MiniTransaction.begin(kernel, redoBytes: 128, pins: 1)
        let header: Frame
        do throws(RedoubtError) {
            header = try mtr.latchExclusive(PageID(space: .catalog, number: SpaceFormat.headerPage))
        } catch {
            mtr.rollback()
            throw error
        }
        mtr.write64(header, SpaceMetadata.nextSpaceID, limit)
        if let range = mtr.commit() { try kernel.log.waitUntilFlushed(range.end) }
        content.withLock { $0.limitID = limit }
    }

    /// Adds the row of `name`, durably.
    ///
    /// Waits.
    func insert(_ name: String, _ entry: CatalogEntry) throws(RedoubtError) {
        let end = try put(Array(name.utf8), entry.encode())
        content.withLock { content in
            content.entries[name] = entry
            content.promised.remove(name)
        }
        try waitUntilDurable(end)
    }

    /// Removes the row of `name`, durably.
    ///
    /// Waits.
    func remove(_ name: String) throws(RedoubtError) {
        let end = try delete(Array(name.utf8))
        content.withLock { _ = $0.entries.removeValue(forKey: name) }
        try waitUntilDurable(end)
    }

    /// Moves the row of `name` to `newName` in one step, durably.
    ///
    /// Waits.
    func rename(_ name: String, _ newName: String, _ old: CatalogEntry) throws(RedoubtError) {
        let entry = CatalogEntry(
            id: old.id,
            fileName: old.fileName,
            created: old.created,
            revision: old.revision &+ 1
        )
        let end = try move(Array(name.utf8), to: Array(newName.utf8), entry.encode())
        content.withLock { content in
            content.entries.removeValue(forKey: name)
            content.entries[newName] = entry
        }
        try waitUntilDurable(end)
    }

    private func waitUntilDurable(_ end: LogSequenceNumber?) throws(RedoubtError) {
        if let end { try tree.kernel.log.waitUntilFlushed(end) }
    }
}
