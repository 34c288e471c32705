package import RedoubtCore
package import RedoubtSystem

/// An open database: its files, its log, its pool and the threads that serve them.
///
/// ## Concurrency
/// All members may be called from any thread, of the operating system or of a simulation; an engine belongs to the
/// scheduler of the thread that opened it.
package final class Engine: Sendable {
    /// The directory of the database.
    package let path: String
    /// The options that it was opened with.
    package let configuration: Configuration
    /// Whether writes are still possible, and if not, why.
    package let health: EngineHealth

    private init(path: String, configuration: Configuration, health: EngineHealth) {
        self.path = path
        self.configuration = configuration
        self.health = health
    }

    /// Opens the database in the directory `path`, creating it if it is missing and the configuration says so; recovers
    /// it if it was not closed in order. Waits.
    ///
    /// - Throws: `.invalidConfiguration`, `.notFound`, `.alreadyOpen`, `.notADatabase`, `.unsupportedFormat`,
    ///   `.mixedFiles`, `.missingFile`, `.corruptPage`, `.corruptLog`, `.diskFull` and other errors of the system.
    package static func open(
        path: String, configuration: Configuration, storage: any Storage,
        progress: (@Sendable (RecoveryProgress) -> Void)? = nil
    ) throws(RedoubtError) -> Engine {
        preconditionFailure("not there yet")
    }

    /// Flushes everything, writes a clean checkpoint, joins all threads and releases the lock. Waits.
    ///
    /// No call may be running or follow. A fenced engine closes too; reopening recovers.
    package func close() throws(RedoubtError) { preconditionFailure("not there yet") }

    /// All keyspaces in the order of their names. Waits.
    package func keyspaces() throws(RedoubtError) -> [KeyspaceDescription] { preconditionFailure("not there yet") }

    /// Returns the keyspace called `name`. Waits.
    ///
    /// - Throws: `.keyspaceNotFound`.
    package func keyspace(_ name: String) throws(RedoubtError) -> Space { preconditionFailure("not there yet") }

    /// Creates an empty keyspace; it is durable on return. Waits.
    ///
    /// - Throws: `.keyspaceExists`, `.invalidName`, `.diskFull`, `.fenced`.
    package func createKeyspace(_ name: String) throws(RedoubtError) -> Space { preconditionFailure("not there yet") }

    /// Removes a keyspace and its file; durable on return. Waits for writers that are inside it.
    ///
    /// - Throws: `.keyspaceNotFound`, `.fenced`.
    package func dropKeyspace(_ name: String) throws(RedoubtError) { preconditionFailure("not there yet") }

    /// Gives a keyspace another name; durable on return. Handles stay valid. Waits.
    ///
    /// - Throws: `.keyspaceNotFound`, `.keyspaceExists`, `.invalidName`, `.fenced`.
    package func renameKeyspace(_ name: String, to newName: String) throws(RedoubtError) {
        preconditionFailure("not there yet")
    }

    /// Checks every structure of every keyspace and returns what is wrong: nothing, in a sound database. Waits.
    ///
    /// - Throws: what keeps the check itself from going on, such as `.readFailed`.
    package func check() throws(RedoubtError) -> [CheckFinding] { preconditionFailure("not there yet") }

    /// What the engine has done since it was opened, and how full it is.
    package func statistics() -> EngineStatistics { preconditionFailure("not there yet") }
}
