import Redoubt
import RedoubtSimulation
import RedoubtSystem
import Synchronization

// Power cuts within recoveries, within recoveries of these, down to the third.
extension CrashRun {
    /// What was done below the first power cut.
    final class NestedCounts: Sendable, CustomStringConvertible {
        static let depthMaximum = 3
        /// Recoveries recorded, events after which the power was cut in them, and disks judged, by depth from 1.
        private let counts = Mutex(
            [(recoveries: Int, points: Int, states: Int)](
                repeating: (0, 0, 0),
                count: depthMaximum
            )
        )

        /// The disks whose recovery was recorded, by key: the points of each count once.
        private let recorded = Mutex<Set<UInt64>>([])
        private let repeated = Atomic(0)
        private let spent = Atomic<UInt64>(0)

        /// How often a recovery was recorded from a disk of which one had been: of what different disks leave, or at
        /// another depth.
        var repeatedCount: Int { repeated.load(ordering: .relaxed) }

        /// The time that all of it took, in nanoseconds, summed over threads.
        var nanoseconds: UInt64 { spent.load(ordering: .relaxed) }

        func spend(since begin: EngineInstant) {
            spent.wrappingAdd(UInt64(Scheduling.now().nanoseconds(since: begin)), ordering: .relaxed)
        }

        /// Adds what came of the recovery from the disk `key`, unless it was added before.
        ///
        /// A recovery follows from its disk, so that its points are the same at every depth.
        func add(_ key: UInt64, _ depth: Int, points: Int, states: Int) {
            guard recorded.withLock({ $0.insert(key).inserted }) else {
                repeated.wrappingAdd(1, ordering: .relaxed)
                return
            }
            counts.withLock { counts in
                counts[depth - 1].recoveries += 1
                counts[depth - 1].points += points
                counts[depth - 1].states += states
            }
        }

        var pointCount: Int { counts.withLock { $0.reduce(0) { $0 + $1.points } } }

        var stateCount: Int { counts.withLock { $0.reduce(0) { $0 + $1.states } } }

        var description: String {
            counts.withLock { counts in
                counts.indices.map { depth in
                    let part = counts[depth]
                    return "depth \(depth + 1): \(part.recoveries) recoveries, \(part.points) crash points, "
                        + "\(part.states) different disks"
                }.joined(separator: "; ")
            }
        }
    }

    /// Whether power is cut within the recovery from the disk `key`, at `depth`, where one in `share` is taken.
    ///
    /// Each depth draws anew, else those taken at one would be taken at the next.
    static func isChosen(_ key: UInt64, depth: Int, share: UInt64) -> Bool {
        mix(key ^ mix(0x4E57 &+ UInt64(depth))) % share == 0
    }

    /// Of the disks that a recovery leaves which is cut off, one in so many has its recovery cut off too.
    private static var innerShare: UInt64 { 10 }

    /// Of the recoveries recorded, one in so many goes on to a checkpoint.
    private static var flushingShare: UInt64 { 8 }

    /// The marks that the trace of a recovery begins with.
    private static var recoveryMarkCount: Int { 2 }

    /// Judges `state` as ``judge(_:)`` does, and one in `share` of all states by power cuts within its recovery too.
    func judge(_ state: CrashState, nestedShare share: UInt64, _ counts: NestedCounts) throws -> [Int] {
        // A replay finds this disk, not those within its recovery.
        let place = noted(state)
        defer { place?.end() }
        let found = try recover(state)
        guard Self.isChosen(state.key, depth: 1, share: share) else { return found }
        let begin = Scheduling.now()
        defer { counts.spend(since: begin) }
        try judgeNested(state, found, depth: 1, counts, place)
        return found
    }

    /// Records a recovery from `state` and judges what a power cut at any place of it leaves; of that, one in ten in
    /// the same way, and so on.
    private func judgeNested(
        _ state: CrashState,
        _ first: [Int],
        depth: Int,
        _ counts: NestedCounts,
        _ place: UnderJudgement?
    ) throws {
        // Commits that undo each other can leave two events without a number that fits both.
        guard state.acknowledged <= state.issued else { return }
        place?.renew()
        let (explorer, breach) = try nestedExplorer(state)
        if let breach { throw Finding("recovery at depth \(depth): \(breach)") }
        let report = explorer.judge(threadCount: 1) { inner in
            place?.renew()
            let found = try recover(inner, hasThreads: false)
            // What a recovery found once is there, however often it is cut off.
            guard !Set(found).isDisjoint(with: first) else {
                throw Finding("the content after \(found) commits, where the recovery that was cut off found \(first)")
            }
            // Before it has written anything the disk is the one that it began with.
            guard depth < NestedCounts.depthMaximum, inner.key != state.key else { return found }
            if Self.isChosen(inner.key, depth: depth + 1, share: Self.innerShare) {
                try judgeNested(inner, found, depth: depth + 1, counts, place)
            }
            return found
        }
        counts.add(state.key, depth, points: report.pointCount, states: report.judgedCount)
        if let failure = report.failures.first {
            let excerpt = explorer.excerpt(around: failure.point)
            throw Finding("power cut in a recovery at depth \(depth): \(failure)\n\(excerpt)")
        }
    }

    /// Records a recovery from `state`: the disks that power cuts within it leave, and the rule of flushing that it
    /// breaks.
    private func nestedExplorer(_ state: CrashState) throws -> (CrashExplorer, FlushTrace.Breach?) {
        let storage = try recordedRecovery(from: state, flushes: mix(state.key ^ 0xF1A5) % Self.flushingShare == 0)
        var options = CrashExplorer.Options()
        options.seed = seed
        options.statesPerPoint = 2
        options.firstEvent = Self.recoveryMarkCount
        let explorer = CrashExplorer(storage, options: options)
        return (explorer, FlushTrace(storage, doublewrite: doublewrite).breaches.first)
    }

    /// Records a recovery from `state`, with `flushes` and a checkpoint behind it, on a disk as that of the run: one
    /// that ends queued writes out of order does so in an order that follows from the seed and the state.
    ///
    /// A recovery that has room for all pages in memory writes none of them before the checkpoint.
    func recordedRecovery(from state: CrashState, flushes: Bool) throws -> SimulatedStorage {
        var disk = disk
        disk.seed = mix(disk.seed ^ state.key)
        let storage = SimulatedStorage(state.storage.startImage, options: disk)
        // At its beginning, so that the numbers of its events are those of the trace.
        storage.mark(.issued(state.issued))
        storage.mark(.acknowledged(state.acknowledged))
        let opened: Result<Void, any Error> = InlineScheduler(memory: Self.memory).run {
            Result {
                let database = try EngineClient.open(storage, doublewrite: doublewrite, hasThreads: false)
                if flushes { try database.checkpoint() }
                database.forget()
            }
        }
        try opened.get()
        return storage
    }
}
