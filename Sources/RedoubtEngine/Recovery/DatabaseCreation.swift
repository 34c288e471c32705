import RedoubtCore
import RedoubtLog
import RedoubtSystem

/// Makes a new database in an empty directory, or finishes one whose making was interrupted.
///
/// The redo log comes first; the catalog is made under another name and renamed last. So a directory with
/// "catalog.ibd" is a database, and one without it was never opened, or has lost it.
struct DatabaseCreation {
    let storage: any Storage
    let path: String
    let configuration: Configuration

    /// Whether the directory, which exists, holds no finished database.
    ///
    /// Waits.
    ///
    /// - Throws: `.missingFile` if the catalog or the redo log is missing from a database that was in use, or was to be
    ///   made of a backup.
    func isNeeded(_ names: [String]) throws(RedoubtError) -> Bool {
        let hasRedo = try storage.exists(DatabaseFiles.path(path, DatabaseFiles.redoDirectory))
        if names.contains(DatabaseFiles.catalogName) {
            guard hasRedo else { throw missing(DatabaseFiles.redoDirectory, "the redo log") }
            return false
        }
        if names.contains(DatabaseFiles.restoredCatalogName) {
            throw RedoubtError(
                .missingFile,
                "a restore here did not come to its end; empty the folder and restore again",
                path: path
            )
        }
        if names.contains(where: { DatabaseFiles.space(ofFile: $0) != nil }) {
            throw missing(DatabaseFiles.catalogName, "the catalog")
        }
        return true
    }

    private func missing(_ name: String, _ what: String) -> RedoubtError {
        RedoubtError(
            .missingFile,
            "\(what) is missing, and other files of the database are there; restore it, or read what is left with "
                + "`redoubt salvage`",
            path: DatabaseFiles.path(path, name)
        )
    }

    /// Makes the database.
    ///
    /// Waits.
    ///
    /// - Throws: `.diskFull` and other errors of the file system; a later try begins again.
    func run(_ names: [String]) throws(RedoubtError) {
        let redo = DatabaseFiles.path(path, DatabaseFiles.redoDirectory)
        let database: DatabaseID
        if let found = try existingRedo(redo) {
            database = found
        } else {
            database = DatabaseCreation.makeID(path)
            try storage.createDirectory(redo)
            // Removes what an interrupted making left, and refuses a log that was used.
            try RedoLog.create(
                storage: storage,
                directory: redo,
                configuration: configuration.redoLog,
                database: database
            )
            try storage.syncDirectory(redo)
        }
        let unfinished = DatabaseFiles.path(path, DatabaseFiles.unfinishedCatalogName)
        if names.contains(DatabaseFiles.unfinishedCatalogName) { try storage.remove(unfinished) }
        let file = try SpaceFile.create(storage, path: unfinished, directory: path, id: .catalog, database: database)
        file.close()
        try storage.rename(unfinished, to: DatabaseFiles.path(path, DatabaseFiles.catalogName))
        try storage.syncDirectory(path)
        if !Scheduling.breaks(.skipsAncestorSync) { try storage.syncAncestors(of: path) }
    }

    /// The database of a redo log that is complete and was never used, or nil if its making was interrupted.
    ///
    /// - Throws: `.missingFile` if the log was used: it belongs to a database that has lost its catalog; `.readFailed`,
    ///   `.unsupportedFormat` and the like.
    private func existingRedo(_ redo: String) throws(RedoubtError) -> DatabaseID? {
        guard try storage.exists(redo) else { return nil }
        var scanner: LogScanner
        do throws(RedoubtError) {
            scanner = try LogScanner.open(storage: storage, directory: redo)
        } catch {
            // Its checkpoint is what the making of a log ends with.
            guard [.missingFile, .notADatabase, .corruptLog].contains(error.code) else { throw error }
            return nil
        }
        let result = try scanner.finish()
        scanner.close()
        // After an orderly close no group is left either, but the log has moved on.
        guard result.groupCount == 0, result.checkpointLSN == .firstUser else {
            throw missing(DatabaseFiles.catalogName, "the catalog")
        }
        return result.database
    }

    /// An identity that no other database has; in a simulation it follows from the schedule.
    private static func makeID(_ path: String) -> DatabaseID {
        if Scheduling.isSimulated {
            var random = SeededRandom(seed: Scheduling.now().nanoseconds)
            return DatabaseID(random: &random)
        }
        var random = SystemRandomNumberGenerator()
        return DatabaseID(random: &random)
    }
}
