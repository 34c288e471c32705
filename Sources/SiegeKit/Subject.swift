public import RedoubtSimulation
import RedoubtSystem

/// A program that does operations on a disk, and the check of what a crash leaves of them: what is shrunk and replayed.
public struct Subject: Sendable {
    /// Does `operations`, those that fit, on the disk of a world, with marks around each commit.
    public typealias Work = @Sendable (_ operations: [Workload.Operation], _ world: SiegeWorld) throws -> Void
    /// Opens what a crash left of `operations`; else as ``Siege/Check``.
    public typealias Check =
        @Sendable (_ operations: [Workload.Operation], _ disk: SimulatedStorage) throws -> [Int]

    /// What a failure of it is.
    enum Failure {
        /// The program did not get through.
        case run(String)
        /// A crash left the wrong thing.
        case crash(TraceFile, CrashFailure)
    }

    /// What the program is called, on one line.
    public var name: String
    /// The worlds that it runs and is checked in, the model of its disk.
    public var budget: SiegeBudget
    private let work: Work
    private let check: Check
    private let memory = KeptMemory()

    /// Creates a subject.
    public init(_ name: String, _ budget: SiegeBudget = SiegeBudget(), work: @escaping Work, check: @escaping Check) {
        self.name = name
        self.budget = budget
        self.work = work
        self.check = check
    }

    /// Does `operations` on an empty disk under the schedule of `seed`, and returns the trace.
    public func record(_ operations: [Workload.Operation], seed: UInt64) throws -> TraceFile {
        var options = SimulatedStorage.Options()
        options.latencyMicroseconds = budget.latencyMicroseconds
        let world = SiegeWorld(SimulatedStorage(options: options))
        let work = work
        try Siege.run(in: budget.world, seed: seed, memory) { try work(operations, world) }
        return TraceFile(world.storage, seed: seed, text: name)
    }

    /// Returns what is wrong with a run of `operations` and up to `stateLimit` crash states of it; nil if nothing is.
    func failure(_ operations: [Workload.Operation], seed: UInt64, stateLimit: Int) -> Failure? {
        let trace: TraceFile
        do {
            trace = try record(operations, seed: seed)
        } catch {
            return .run("\(error)")
        }
        var options = CrashExplorer.Options()
        options.seed = seed
        options.model = budget.model
        options.statesPerPoint = budget.statesPerPoint
        let explorer = CrashExplorer(start: trace.start, trace: trace.events, options: options)
        let hunt = explorer.hunt(limit: stateLimit, seed: seed, threadCount: budget.threadCount) { state in
            try judged(operations, state.storage, key: state.key)
        }
        return hunt.failure.map { .crash(trace, $0) }
    }

    /// Returns what is wrong with what `cut` leaves of `trace`, a run of `operations`; nil if nothing is, or if it does
    /// not fit the trace.
    public func finding(_ trace: TraceFile, _ operations: [Workload.Operation], _ cut: CrashCut) -> String? {
        guard let scene = cut.scene(start: trace.start, trace: trace.events),
            let disk = cut.disk(start: trace.start, trace: trace.events)
        else { return nil }
        let allowed = scene.acknowledged...scene.issued
        do {
            let found = try judged(operations, SimulatedStorage(disk, options: .judging), key: trace.seed)
            if found.contains(where: allowed.contains) { return nil }
            return "the content is that after \(found) commits"
        } catch {
            return "\(error)"
        }
    }

    private func judged(
        _ operations: [Workload.Operation],
        _ storage: SimulatedStorage,
        key: UInt64
    ) throws -> [Int] {
        let check = check
        return try Siege.run(in: budget.checkingWorld, seed: key, memory) { try check(operations, storage) }
    }
}
