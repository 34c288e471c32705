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

        private let spent = Atomic<UInt64>(0)

        /// The time that all of it took, in nanoseconds, summed over threads.
        var nanoseconds: UInt64 { spent.load(ordering: .relaxed) }

        func spend(since begin: EngineInstant) {
            spent.wrappingAdd(UInt64(Scheduling.now().nanoseconds(since: begin)), ordering: .relaxed)
        }

        func add(_ depth: Int, points: Int, states: Int) {
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

    /// Judges `state` as ``judge(_:)`` does, and one in `share` of all states by power cuts within its recovery too.
    func judge(_ state: CrashState, nestedShare share: UInt64, _ counts: NestedCounts) throws -> [Int] {
        let found = try judge(state)
        guard mix(state.key ^ 0x4E57) % share == 0 else { return found }
        let begin = Scheduling.now()
        defer { counts.spend(since: begin) }
        try judgeNested(state, found, depth: 1, counts)
        return found
    }

    /// Records a recovery from `state` and judges what a power cut at any place of it leaves; of that, one in ten in
    /// the same way, and so on.
    private func judgeNested(_ state: CrashState, _ first: [Int], depth: Int, _ counts: NestedCounts) throws {
        // Commits that undo each other can leave two events without a number that fits both.
        guard state.acknowledged <= state.issued else { return }
        let image = state.storage.startImage
        let storage = SimulatedStorage(image)
        let opened: Result<Void, any Error> = InlineScheduler(memory: Self.memory).run {
            Result { try EngineClient.open(storage, doublewrite: doublewrite, hasThreads: false).forget() }
        }
        try opened.get()
        if let breach = FlushTrace(storage).breaches.first { throw Finding("recovery at depth \(depth): \(breach)") }
        let marks: [SimulatedEvent] = [.mark(.issued(state.issued)), .mark(.acknowledged(state.acknowledged))]
        var options = CrashExplorer.Options()
        options.seed = seed
        options.statesPerPoint = 2
        options.firstEvent = marks.count
        let explorer = CrashExplorer(start: image, trace: marks + storage.trace, options: options)
        let report = explorer.judge(threadCount: 1) { inner in
            let found = try judge(inner, hasThreads: false)
            // What a recovery found once is there, however often it is cut off.
            guard !Set(found).isDisjoint(with: first) else {
                throw Finding("the content after \(found) commits, where the recovery that was cut off found \(first)")
            }
            if depth < NestedCounts.depthMaximum && mix(inner.key ^ 0x4E57) % 10 == 0 {
                try judgeNested(inner, found, depth: depth + 1, counts)
            }
            return found
        }
        counts.add(depth, points: report.pointCount, states: report.judgedCount)
        if let failure = report.failures.first {
            let excerpt = explorer.excerpt(around: failure.point)
            throw Finding("power cut in a recovery at depth \(depth): \(failure)\n\(excerpt)")
        }
    }
}
