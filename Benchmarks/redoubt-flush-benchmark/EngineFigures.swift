import Redoubt
import RedoubtCore

/// Reads the figures of a database into samples: the only place that knows how the engine names them.
struct EngineFigures: Sendable {
    private let database: Database

    /// What threads can wait for, in the order of the sampled waits.
    static let waitNames = WaitReason.allCases.map(\.rawValue)

    /// Which counters a field of a sample is the sum of.
    private static let sources: [(field: Sample.Field, counters: [CounterName])] = [
        (.currentLSN, [.currentLSN]), (.flushedLSN, [.flushedLSN]), (.checkpointLSN, [.checkpointLSN]),
        (.oldestLSN, [.checkpointBoundLSN]), (.targetAge, [.flushTargetAge]),
        (.asyncAge, [.redoAsyncAge]), (.syncAge, [.redoSyncAge]),
        (.frames, [.poolFrames]), (.free, [.poolFreeFrames]), (.dirty, [.poolDirtyPages]),
        (.pagesRead, [.pagesRead]), (.pagesWritten, [.pagesWritten]),
        (.pagesForFrames, [.pagesWrittenLRU]),
        (.pagesForAge, [.pagesWrittenAdaptive, .pagesWrittenSync, .pagesWrittenRequest]),
        (.pagesBeside, [.neighbourPages]),
        (.doublewriteBytes, [.doublewriteWrittenBytes]), (.doublewriteBatches, [.doublewriteWrites]),
        (.backPressure, [.backPressureState]), (.resident, [.residentMemory]),
    ]

    init(_ database: Database) { self.database = database }

    /// Fills in what the engine knows.
    func read(into sample: inout Sample) throws {
        let statistics = try database.statistics()
        for source in Self.sources {
            sample[source.field] = source.counters.reduce(0) { $0 + Int(clamping: statistics[$1]) }
        }
    }
}
