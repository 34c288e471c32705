import RedoubtCore
import RedoubtLog
import RedoubtPolicy
import RedoubtSystem

/// Brings the files of a database to the state at the durable end of its redo log.
///
/// The log is scanned to its end before any data file changes, so a damaged log changes nothing. Whatever a crash
/// interrupts here is done again by the next opening: records apply only to pages that lack them.
struct Recovery {
    let storage: any Storage
    let path: String
    let configuration: Configuration
    let progress: (@Sendable (RecoveryProgress) -> Void)?
    /// The rules that are broken on purpose; none but in tests.
    let faults: UInt32

    /// What the first pass over the log finds.
    struct Scan {
        let result: LogScanResult
        /// The records, unless they are more than memory allows.
        let collection: RedoCollection?
        /// The spaces that were dropped.
        let dropped: Set<SpaceID>
        /// The spaces that pages of the log belong to.
        let touched: Set<SpaceID>
        /// When the scan began.
        let began: EngineInstant
    }

    /// The memory that records may take while they wait to be applied.
    var collectionByteCountMaximum: Int {
        faults & CleanerFault.recoveryGathersAll.rawValue == 0 ? max(2 << 20, configuration.memory.rawValue / 8) : .max
    }

    /// Reads the log from the checkpoint to its end.
    ///
    /// Waits.
    ///
    /// - Throws: `.corruptLog`, `.readFailed`.
    func scan(_ scanner: inout LogScanner) throws(RedoubtError) -> Scan {
        let began = Scheduling.now()
        let collection = RedoCollection(byteCountMaximum: collectionByteCountMaximum)
        var overflowed = false
        var dropped: Set<SpaceID> = []
        var touched: Set<SpaceID> = []
        var groups = 0
        let start = scanner.checkpointLSN
        while try unsafe scanner.next({ (range, payload) throws(RedoubtError) in
            try unsafe note(payload, at: range, &dropped, &touched)
            if !overflowed { try unsafe collection.add(range, payload, ignoring: []) }
            if collection.isFull {
                overflowed = true
                collection.removeAll()
            }
            groups += 1
            if groups % 4096 == 0 {
                progress?(
                    RecoveryProgress(phase: .scanning, position: range.end.rawValue - start.rawValue, total: 0)
                )
            }
        }) {}
        return Scan(
            result: try scanner.finish(),
            collection: overflowed ? nil : collection,
            dropped: dropped,
            touched: touched.subtracting(dropped),
            began: began
        )
    }

    /// Notes the spaces that a group is about; checks the kinds of its records.
    private func note(
        _ payload: UnsafeRawBufferPointer,
        at range: LogRange,
        _ dropped: inout Set<SpaceID>,
        _ touched: inout Set<SpaceID>
    ) throws(RedoubtError) {
        var reader = unsafe RedoGroupReader(payload)
        while let record = try reader.next() {
            switch record.class {
            case .page: touched.insert(record.page.space)
            case .file: if record.kind == RedoRecord.FileKind.delete.rawValue { dropped.insert(record.page.space) }
            case .ignorable: break
            default:
                throw RedoubtError(
                    .unsupportedFormat,
                    "the redo group at \(range.start) has a record of kind \(record.kind), which is not known; "
                        + "use a newer Redoubt"
                )
            }
        }
    }

    /// Applies what `scan` found to the files that are registered with `kernel`.
    ///
    /// Waits.
    ///
    /// - Parameter resized: called with each page 0 that changed.
    /// - Throws: `.corruptLog`, `.corruptPage`, `.readFailed`, `.diskFull`, `.fenced`.
    func apply(
        _ scan: Scan,
        _ scanner: inout LogScanner,
        _ kernel: Kernel,
        _ flushing: Flushing,
        resized: @escaping (Frame) throws(RedoubtError) -> Void
    ) throws(RedoubtError) {
        kernel.pool.beginRecovery()
        defer { kernel.pool.endRecovery() }
        let queue = try storage.makeQueue(depth: RedoApplier.readAheadPageCount)
        let applier = RedoApplier(kernel: kernel, flushing: flushing, queue: queue, headerChanged: resized)
        if let collection = scan.collection {
            try applier.apply(collection, ignoring: scan.dropped, progress: report)
            return try applier.finish()
        }
        // More redo than memory: read it again, in batches, each of which is in the files before the next begins.
        let collection = RedoCollection(byteCountMaximum: collectionByteCountMaximum)
        try scanner.rewind()
        var isMore = true
        while isMore {
            isMore = try unsafe scanner.next { (range, payload) throws(RedoubtError) in
                try unsafe collection.add(range, payload, ignoring: scan.dropped)
            }
            if collection.isFull || !isMore {
                try applier.apply(collection, ignoring: [], progress: report)
                collection.removeAll()
                if !flushing.breaks(.recoveryMakesNoRoom) { try flushing.flushAll() }
            }
        }
        try applier.finish()
    }

    /// Tells `log` how fast this recovery was, now that the database can be used; checkpoints keep it.
    func noteRate(_ scan: Scan, _ log: RedoLog) {
        var rate = ReplayRate(recorded: log.replayRate)
        rate.note(
            bytes: scan.result.endLSN.rawValue - scan.result.checkpointLSN.rawValue,
            nanoseconds: Scheduling.now().nanoseconds(since: scan.began)
        )
        log.replayRate = rate.recorded
    }

    private func report(_ position: Int, _ total: Int) {
        progress?(RecoveryProgress(phase: .applying, position: UInt64(position), total: UInt64(total)))
    }
}
