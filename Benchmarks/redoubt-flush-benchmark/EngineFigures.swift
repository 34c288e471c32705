import Redoubt
import RedoubtCore
import RedoubtLog

/// Reads the figures of a database into samples: the only place that knows how the engine names them.
struct EngineFigures: Sendable {
    private let database: Database
    private let limits: LogLimits

    /// What threads can wait for, in the order of the sampled waits.
    static let waitNames = WaitReason.allCases.map(\.rawValue)

    init(_ database: Database) {
        self.database = database
        let redo = database.configuration.redoLog
        limits = LogLimits(capacity: redo.capacity, fileCount: redo.fileCount)
    }

    /// Fills in what the engine knows.
    func read(into sample: inout Sample) throws {
        let statistics = try database.statistics()
        sample[.currentLSN] = Int(statistics.currentLSN.rawValue)
        sample[.flushedLSN] = Int(statistics.flushedLSN.rawValue)
        sample[.checkpointLSN] = Int(statistics.checkpointLSN.rawValue)
        sample[.oldestLSN] = sample[.checkpointLSN]
        sample[.asyncAge] = limits.asyncFlushAge
        sample[.syncAge] = limits.syncFlushAge
        sample[.frames] = statistics.frameCount
        sample[.free] = statistics.freeFrameCount
        sample[.dirty] = statistics.dirtyPageCount
        sample[.pagesRead] = Int(statistics.pagesRead)
        sample[.pagesWritten] = Int(statistics.pagesWritten)
    }
}
