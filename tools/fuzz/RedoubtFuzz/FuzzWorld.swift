import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtSimulation
import RedoubtSystem

/// The world in which databases are opened: a disk in memory, virtual time, no thread in the background.
enum FuzzWorld {
    static let path = "/db"

    /// Runs `body` in a world of its own; a wait that nobody ends stops the process.
    static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
        SimulatedScheduler(seed: 1).run(body)
    }

    /// The options of a small database.
    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.memory = .mebibytes(8)
        configuration.redoLog.capacity = .mebibytes(2)
        configuration.redoLog.fileCount = 4
        configuration.redoLog.bufferCapacity = .kibibytes(256)
        configuration.redoLog.shape = .selfWriting
        configuration.flushing.doublewriteBatchPages = 4
        return configuration
    }

    /// Opens the database on `storage`; to be called in a world.
    static func open(
        _ storage: SimulatedStorage,
        at path: String = path,
        creating: Bool = false
    ) throws(RedoubtError) -> Database {
        var configuration = configuration
        configuration.createIfMissing = creating
        var options = EngineOptions()
        options.usesBackgroundThreads = false
        return try Database.open(at: path, configuration: configuration, storage: storage, options: options)
    }

    /// What a database says about itself.
    struct Answer: Sendable {
        /// Why it could not be opened, read or checked; the first reason.
        var error: RedoubtError?
        /// The hash of all rows, if all could be read.
        var contentHash: UInt64?
        /// What the check found.
        var findings: [String] = []

        /// Whether nothing is wrong, as far as the database knows.
        var isClean: Bool { error == nil && findings.isEmpty }
    }

    /// Opens the database on `disk`, reads everything, checks everything, does `work`, and closes it.
    static func answer(
        _ disk: DiskImage,
        creating: Bool = false,
        work: @escaping @Sendable (Database) -> Void = { _ in }
    ) -> Answer {
        run {
            var answer = Answer()
            do throws(RedoubtError) {
                let database = try open(SimulatedStorage(disk, options: options), creating: creating)
                do throws(RedoubtError) {
                    answer.contentHash = try contentHash(of: database)
                    answer.findings = try database.check().map(\.description)
                } catch {
                    answer.error = error
                }
                work(database)
                do throws(RedoubtError) { try database.close() } catch {}
            } catch {
                answer.error = error
            }
            return answer
        }
    }

    /// A disk that is full before a size that lies takes all memory.
    static let options = {
        var options = SimulatedStorage.Options.judging
        options.quota = 64 << 20
        return options
    }()

    /// The rows of a keyspace.
    static func rows(of database: Database, _ name: String) throws(RedoubtError) -> ReferenceModel.Rows {
        var rows: ReferenceModel.Rows = [:]
        var cursor = try database.keyspace(named: name).cursor()
        var isOnRow = try cursor.first()
        while isOnRow {
            rows[cursor.key] = cursor.value
            isOnRow = try cursor.next()
        }
        cursor.close()
        return rows
    }

    static func contentHash(of database: Database) throws(RedoubtError) -> UInt64 {
        var hash = ContentHash()
        for name in try database.keyspaceNames() {
            var cursor = try database.keyspace(named: name).cursor()
            var isOnRow = try cursor.first()
            while isOnRow {
                hash.add(key: cursor.key, value: cursor.value)
                isOnRow = try cursor.next()
            }
            cursor.close()
            hash.finish(keyspace: name)
        }
        return hash.value
    }
}
