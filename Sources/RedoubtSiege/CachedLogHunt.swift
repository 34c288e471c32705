import RedoubtCore
import RedoubtLog
import RedoubtSimulation
import RedoubtSystem
import Synchronization

extension Hunt {
    /// Judges the disks that power cuts of a redo log could leave to which one thread writes, through the page cache,
    /// while another makes it durable.
    static let cachedLog = Hunt(name: "cuts of a log that is written while it is synced", unit: "states") { limit, _ in
        let run: CachedLogRun
        do {
            run = try CachedLogRun(seed: seed)
        } catch {
            return Outcome(count: 1, finding: "the recording: \(error)")
        }
        let hunt = CrashExplorer(run.storage, options: CrashExplorer.Options()).hunt(limit: limit) { try run.judge($0) }
        return Outcome(count: hunt.judgedCount, finding: hunt.failure.map { "\($0)" })
    }
}

/// A redo log without an engine, to which two threads append small groups: one wants them written, one durable.
struct CachedLogRun: Sendable {
    private static let groupCount = 40

    /// The disk that recorded it.
    let storage: SimulatedStorage
    /// The ends of the groups in the order of the stream, with the beginning of the first one in front.
    private let ends: [LogSequenceNumber]

    private static let configuration = BareLog.configuration(.selfWriting)

    init(seed: UInt64) throws {
        let storage = SimulatedStorage(try BareLog.create(Self.configuration).image)
        self.storage = storage
        ends = try SimulatedScheduler(seed: seed).run { Result { try Self.record(storage, seed) } }.get()
        storage.stopRecording()
    }

    private static func record(_ storage: SimulatedStorage, _ seed: UInt64) throws -> [LogSequenceNumber] {
        let log = try BareLog.open(storage, configuration)
        try log.start()
        let ends = Mutex([log.currentLSN])
        let thread = try Scheduling.start("written") {
            append(groupCount, seed &+ 1, to: log, on: storage, ends) { (range) throws(RedoubtError) in
                try log.waitUntilWritten(range.end)
            }
        }
        append(groupCount / 4, seed, to: log, on: storage, ends) { (range) throws(RedoubtError) in
            try log.waitUntilFlushed(range.end)
            let count = ends.withLock { $0.firstIndex(of: range.end) ?? 0 }
            storage.mark(.acknowledged(count))
        }
        Scheduling.join(thread)
        log.stop()
        return ends.withLock { $0 }
    }

    private static func append(
        _ count: Int,
        _ seed: UInt64,
        to log: RedoLog,
        on storage: SimulatedStorage,
        _ ends: borrowing Mutex<[LogSequenceNumber]>,
        _ wait: (LogRange) throws(RedoubtError) -> Void
    ) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<count {
            var bytes = [UInt8](repeating: 7, count: 12 + random.below(120))
            let range = ends.withLock { ends in
                let range = unsafe bytes.withUnsafeMutableBytes { unsafe log.append($0) }
                ends.append(range.end)
                storage.mark(.issued(ends.count - 1))
                return range
            }
            log.close(range)
            try? wait(range)
        }
    }

    /// Returns the number of groups that a scan of `state` finds.
    func judge(_ state: CrashState) throws -> [Int] {
        var scanner = try LogScanner.open(storage: state.storage, directory: BareLog.directory, readOnly: true)
        defer { scanner.close() }
        let end = try scanner.finish().endLSN
        guard let count = ends.firstIndex(of: end) else { throw CrashRun.Finding("the log ends at \(end)") }
        return [count]
    }
}
