package import RedoubtCore
import RedoubtLog
import RedoubtSystem

extension Engine {
    /// All keyspaces in the order of their names.
    ///
    /// Waits.
    package func keyspaces() throws(RedoubtError) -> [KeyspaceDescription] {
        try requireOpen()
        return catalog.all.compactMap { row in
            guard let space = spaces.space(row.entry.id) else { return nil }
            return KeyspaceDescription(
                name: row.name,
                id: row.entry.id,
                fileName: row.entry.fileName,
                pageCount: space.pageCount
            )
        }
    }

    /// Returns the keyspace called `name`.
    ///
    /// Waits.
    ///
    /// - Throws: `.keyspaceNotFound`.
    package func keyspace(_ name: String) throws(RedoubtError) -> Space {
        try requireOpen()
        let entry = try catalog.entry(name)
        guard let space = spaces.space(entry.id) else { throw Space.dropped(path) }
        return space
    }

    /// Creates an empty keyspace; it is durable on return.
    ///
    /// Waits.
    ///
    /// The file is complete and durable before the catalog's row; a crash in between leaves a file that no row names,
    /// which the next opening removes.
    /// - Throws: `.keyspaceExists`, `.invalidName`, `.diskFull`, `.fenced`; `.notDurable`, after which it is there.
    package func createKeyspace(_ name: String) throws(RedoubtError) -> Space {
        try requireOpen()
        try CatalogEntry.checkName(name)
        let turn = awaitTurn()
        defer { end(turn) }
        try kernel.health.check()
        try catalog.requireAbsent(name)
        let space = try makeSpace(name)
        do throws(RedoubtError) {
            try withoutChange { () throws(RedoubtError) in try logCreation(space) }
            try catalog.insert(name, entry(of: space))
        } catch {
            // With a failed log the row may have become durable all the same: then the file must be there.
            if error.code == .notDurable {
                // The row is there, and will be durable.
                spaces.insert(space)
            } else if !kernel.health.isFenced {
                removeFile(space)
            }
            throw error
        }
        spaces.insert(space)
        return space
    }

    /// Makes the file of a new keyspace, which is known to nobody yet.
    private func makeSpace(_ name: String) throws(RedoubtError) -> Space {
        let id = try withoutChange { () throws(RedoubtError) in try catalog.takeID() }
        let filePath = DatabaseFiles.path(path, DatabaseFiles.name(ofKeyspace: name, id: id))
        let file = try SpaceFile.create(
            storage,
            path: filePath,
            directory: path,
            id: id,
            database: kernel.database
        )
        kernel.files.register(id, file: file, pageCount: SpaceFormat.initialPageCount)
        return Space(id: id, path: filePath, file: file, pageCount: SpaceFormat.initialPageCount)
    }

    /// The name of the file of `space` in the directory.
    private func fileName(of space: Space) -> String {
        space.path.split(separator: "/").last.map(String.init) ?? space.path
    }

    /// The catalog's row of a new keyspace.
    private func entry(of space: Space) -> CatalogEntry {
        CatalogEntry(id: space.id, fileName: fileName(of: space), created: kernel.log.currentLSN)
    }

    private func logCreation(_ space: Space) throws(RedoubtError) {
        try appendFileRecord(.create, space.id, Array(fileName(of: space).utf8))
    }

    /// Removes a keyspace and its file; durable on return.
    ///
    /// Waits for writers that are inside it.
    ///
    /// First the row, then a record that lets recovery do without the file, both durable, then the file. A crash before
    /// the record leaves a file that no row names; one after it, perhaps no file: the next opening copes with both.
    /// - Throws: `.keyspaceNotFound`, `.fenced`; `.diskFull` or `.notDurable`, after which it may be gone all the
    ///   same, and its file stay until the next opening.
    package func dropKeyspace(_ name: String) throws(RedoubtError) {
        try requireOpen()
        let turn = awaitTurn()
        defer { end(turn) }
        try kernel.health.check()
        let entry = try catalog.entry(name)
        guard let space = spaces.space(entry.id), space.close() else { throw Space.dropped(path) }
        if Scheduling.breaks(.unlinksBeforeRow) { removeFile(space) }
        do throws(RedoubtError) {
            try catalog.remove(name)
        } catch {
            // A row that is gone, though not durably, leaves a file that no row names.
            if error.code == .notDurable { spaces.remove(entry.id) } else { space.reopen() }
            throw error
        }
        spaces.remove(entry.id)
        try appendFileRecord(.delete, entry.id, [])
        removeFile(space)
        try storage.syncDirectory(path)
    }

    /// Gives a keyspace another name; durable on return.
    ///
    /// Handles stay valid. Waits. The name that it has changes nothing, and waits for all redo.
    ///
    /// - Throws: `.keyspaceNotFound`, `.keyspaceExists`, `.invalidName`, `.diskFull`, `.fenced`; `.notDurable`, after
    ///   which it has the new name.
    package func renameKeyspace(_ name: String, to newName: String) throws(RedoubtError) {
        try requireOpen()
        try CatalogEntry.checkName(newName)
        let turn = awaitTurn()
        defer { end(turn) }
        try kernel.health.check()
        let entry = try catalog.entry(name)
        if name == newName {
            // The row may be the work of a call that was told that it is not durable yet.
            let log = kernel.log
            return try withoutChange { () throws(RedoubtError) in try log.waitUntilFlushed(log.currentLSN) }
        }
        try catalog.requireAbsent(newName)
        try catalog.rename(name, newName, entry)
    }

    // MARK: Keyspaces without a name

    /// Throws what keeps a new keyspace from being called `name`: `.invalidName`, `.keyspaceExists`.
    package func requireNewName(_ name: String) throws(RedoubtError) {
        try requireOpen()
        try CatalogEntry.checkName(name)
        try catalog.requireAbsent(name)
    }

    /// Makes an empty keyspace that will be called `name` and has no row in the catalog before it is filled.
    ///
    /// Waits.
    ///
    /// Nobody finds it, and nobody else gets the name, until ``nameKeyspace(_:_:)`` or ``abandonKeyspace(_:_:)``, one
    /// of which must follow. A crash before leaves a file that no row names, which the next opening removes.
    /// - Throws: as ``createKeyspace(_:)``; there is nothing then.
    package func beginKeyspace(_ name: String) throws(RedoubtError) -> Space {
        try requireOpen()
        try CatalogEntry.checkName(name)
        let turn = awaitTurn()
        defer { end(turn) }
        try kernel.health.check()
        try catalog.requireAbsent(name)
        let space = try makeSpace(name)
        do throws(RedoubtError) {
            try withoutChange { () throws(RedoubtError) in try logCreation(space) }
        } catch {
            if !kernel.health.isFenced { removeFile(space) }
            throw error
        }
        // From here on backups and checks know it.
        spaces.insert(space)
        catalog.promise(name)
        return space
    }

    /// Gives a keyspace that was begun its name; durable on return.
    ///
    /// Waits.
    ///
    /// - Throws: `.diskFull`, `.fenced`, after which it must be abandoned; `.notDurable`, after which it is there.
    package func nameKeyspace(_ space: Space, _ name: String) throws(RedoubtError) {
        try requireOpen()
        let turn = awaitTurn()
        defer { end(turn) }
        try kernel.health.check()
        try catalog.insert(name, entry(of: space))
    }

    /// Removes a keyspace that was begun and not named, and its file; durable on return.
    ///
    /// Waits for writers that are inside it.
    ///
    /// - Throws: `.fenced`; `.diskFull` or `.notDurable`, after which its file may stay until the next opening.
    package func abandonKeyspace(_ space: Space, _ name: String) throws(RedoubtError) {
        try requireOpen()
        let turn = awaitTurn()
        defer { end(turn) }
        // A name that was given, though perhaps not durably, stays.
        guard !catalog.all.contains(where: { $0.entry.id == space.id }) else { return }
        catalog.release(name)
        try kernel.health.check()
        guard space.close() else { return }
        spaces.remove(space.id)
        try appendFileRecord(.delete, space.id, [])
        removeFile(space)
        try storage.syncDirectory(path)
    }

    /// Waits until nobody else changes keyspaces; all of the change counts as a wait of its caller.
    private func awaitTurn() -> Wait {
        let wait = kernel.waits.begin(.keyspaceChange)
        catalog.changeLock.lock()
        return wait
    }

    private func end(_ turn: Wait) {
        catalog.changeLock.unlock()
        kernel.waits.end(turn)
    }

    /// Runs what only prepares a change, or changes nothing; that something is not durable yet means that there is no
    /// space.
    private func withoutChange<Result>(_ body: () throws(RedoubtError) -> Result) throws(RedoubtError) -> Result {
        do throws(RedoubtError) {
            return try body()
        } catch {
            throw error.ofNoChange
        }
    }

    /// Logs what happened to a file, durably.
    private func appendFileRecord(
        _ kind: RedoRecord.FileKind,
        _ id: SpaceID,
        _ body: [UInt8]
    ) throws(RedoubtError) {
        var mtr = try MiniTransaction.begin(kernel, redoBytes: 512, pins: 0)
        unsafe body.withUnsafeBytes { unsafe mtr.appendFileRecord(kind, space: id, body: $0) }
        if let range = mtr.commit() { try kernel.log.waitUntilFlushed(range.end) }
    }

    /// Takes a space out of memory and its file out of the directory; a file that stays is removed by the next opening.
    private func removeFile(_ space: Space) {
        // In this order: a reader could bring pages back as long as the file is known.
        kernel.files.unregister(space.id)
        kernel.pool.discard(space: space.id)
        space.file.close()
        try? storage.remove(space.path)
    }
}
