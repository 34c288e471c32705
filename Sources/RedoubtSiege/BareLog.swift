import RedoubtCore
import RedoubtLog
import RedoubtSimulation

/// Small redo logs without an engine, on simulated disks.
enum BareLog {
    /// Where they are.
    static let directory = "/redo"

    /// A log of four files; 2 MiB is the smallest capacity there is.
    static func configuration(_ shape: Configuration.RedoLog.Shape, mebibytes: Int = 2) -> Configuration.RedoLog {
        var configuration = Configuration.RedoLog()
        configuration.capacity = .mebibytes(mebibytes)
        configuration.fileCount = 4
        configuration.bufferCapacity = .kibibytes(256)
        configuration.shape = shape
        return configuration
    }

    /// Returns a disk with an empty log.
    static func create(_ configuration: Configuration.RedoLog) throws -> SimulatedStorage {
        let storage = SimulatedStorage(options: .judging)
        try RedoLog.create(
            storage: storage,
            directory: directory,
            configuration: configuration,
            database: DatabaseID(high: 7, low: 9)
        )
        return storage
    }

    /// Recovers the log on `storage`, and goes on behind its end; no thread of it runs.
    static func open(_ storage: SimulatedStorage, _ configuration: Configuration.RedoLog) throws -> RedoLog {
        var scanner = try LogScanner.open(storage: storage, directory: directory)
        return try RedoLog(
            storage: storage,
            directory: directory,
            configuration: configuration,
            health: EngineHealth(),
            scan: try scanner.finish()
        )
    }
}
