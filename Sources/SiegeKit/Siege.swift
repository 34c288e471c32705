import RedoubtCore
public import RedoubtSimulation
import RedoubtSystem
import Synchronization

/// A crash laboratory for programs that keep data: "run this workload, cut the power everywhere, check this".
///
///     @Test func nothingIsLost() throws {
///         let verdict = try Siege.powerCuts { world in
///             let store = try Store(world.storage)
///             for number in 1...20 {
///                 world.issued(number)
///                 try store.append(number)
///                 world.acknowledged(number)
///             }
///         } check: { disk in
///             [try Store(disk).count]
///         }
///         #expect(verdict.isGood, "\(verdict)")
///     }
///
/// The program does its I/O through ``RedoubtSimulation/SimulatedStorage``. The laboratory runs the workload once,
/// records it, and judges disks that a power cut after each event could leave: as many new ones as the budget says, all
/// if that names no limit. It proves itself in every run: it judges the same trace once more as a disk would leave it
/// that ignores every sync, and a verdict is good only if that was found out.
public enum Siege {
    /// A program at work; throws what stops it.
    public typealias Workload = @Sendable (SiegeWorld) throws -> Void
    /// Opens what a crash left and returns the numbers of commits after which the content was what it found there
    /// (several, if commits undo each other); throws what is wrong.
    public typealias Check = @Sendable (SimulatedStorage) throws -> [Int]

    /// Runs `workload`, and judges by `check` what a power cut after each event of it could leave.
    ///
    /// Waits until all is judged, or the time of the budget is out.
    ///
    /// - Parameter image: The disk that the workload begins with.
    /// - Throws: What the workload throws.
    public static func powerCuts(
        _ budget: SiegeBudget = SiegeBudget(),
        on image: DiskImage = DiskImage(),
        workload: @escaping Workload,
        check: @escaping Check
    ) throws -> Verdict {
        judge(try record(budget, on: image, workload: workload), budget, check)
    }

    /// Runs `workload` and returns the disk that recorded it: the same run, event by event, as with
    /// ``powerCuts(_:on:workload:check:)`` and the same budget, for a ``HTMLReport`` of a violation.
    ///
    /// - Throws: What the workload throws.
    public static func record(
        _ budget: SiegeBudget = SiegeBudget(),
        on image: DiskImage = DiskImage(),
        workload: @escaping Workload
    ) throws -> SimulatedStorage {
        var options = SimulatedStorage.Options()
        options.latencyMicroseconds = budget.latencyMicroseconds
        let world = SiegeWorld(SimulatedStorage(image, options: options))
        try run(in: budget.world, seed: budget.seed) { try workload(world) }
        return world.storage
    }

    /// Judges by `check` what a power cut after each recorded event of `storage` could leave.
    public static func judge(
        _ storage: SimulatedStorage,
        _ budget: SiegeBudget = SiegeBudget(),
        _ check: @escaping Check
    ) -> Verdict {
        let explorer = explorer(storage.startImage, storage.trace, budget)
        let memory = KeptMemory()
        let judge = { @Sendable (state: CrashState) throws -> [Int] in
            try run(in: budget.checkingWorld, seed: state.key, memory) { try check(state.storage) }
        }
        let report = explorer.judge(threadCount: budget.threadCount, seconds: budget.seconds, judge)
        var verdict = Verdict()
        verdict.pointCount = report.pointCount
        verdict.stateCount = report.judgedCount
        verdict.seconds = report.seconds
        for failure in report.failures {
            let key = "state 0x\(String(failure.key, radix: 16))"
            verdict.add(Verdict.Violation(key: key, message: "\(failure)", crash: TraceFile.Crash(failure)))
        }
        verdict.violationCount = report.failureCount
        verdict.canaries = [lyingDisk(storage, budget, judge)]
        return verdict
    }

    private static func explorer(
        _ start: DiskImage,
        _ trace: [SimulatedEvent],
        _ budget: SiegeBudget
    ) -> CrashExplorer {
        var options = CrashExplorer.Options()
        options.seed = budget.seed
        options.model = budget.model
        options.statesPerPoint = budget.statesPerPoint
        return CrashExplorer(start: start, trace: trace, options: options)
    }

    /// Judges the trace of a disk that ignores every sync: what was acknowledged is lost, and that must be noticed.
    private static func lyingDisk(
        _ storage: SimulatedStorage,
        _ budget: SiegeBudget,
        _ judge: @escaping @Sendable (CrashState) throws -> [Int]
    ) -> Verdict.Canary {
        let plain = withoutSyncs(storage.trace)
        var few = budget
        few.statesPerPoint = 2
        few.model = .paranoid
        let caught = Mutex<(judged: Int, after: Int?)>((0, nil))
        _ = explorer(storage.startImage, plain, few).judge(threadCount: 1, seconds: 60) { state in
            let allowed = state.acknowledged...max(state.acknowledged, state.issued)
            if caught.withLock({ $0.after != nil }) { return Array(allowed) }
            let found = try? judge(state)
            let isWrong = found.map { !$0.contains(where: allowed.contains) }
            caught.withLock { caught in
                caught.judged += 1
                if isWrong ?? true { caught.after = caught.judged }
            }
            return found ?? []
        }
        return Verdict.Canary(name: "a disk that ignores syncs", caughtAfter: caught.withLock { $0.after })
    }

    /// Returns `trace` as a disk would leave it that ignores every sync.
    package static func withoutSyncs(_ trace: [SimulatedEvent]) -> [SimulatedEvent] {
        trace.compactMap { event in
            switch event {
            case .sync, .syncDirectory: nil
            // A finish names its start by number, which the syncs that are gone have moved.
            case .start(let change): .change(change)
            case .finish: nil
            case .change, .syncFailed, .syncAbandoned, .syncDirectoryFailed, .mark: event
            }
        }
    }

    /// Runs `body` in a world of its own.
    static func run<Result: Sendable>(
        in world: SiegeBudget.World,
        seed: UInt64,
        _ memory: KeptMemory = KeptMemory(),
        _ body: @escaping @Sendable () throws -> Result
    ) throws -> Result {
        let outcome: Swift.Result<Result, any Error> =
            switch world {
            case .threads: SimulatedScheduler(seed: seed, memory: memory).run { Swift.Result { try body() } }
            case .oneThread: InlineScheduler(memory: memory).run { Swift.Result { try body() } }
            }
        return try outcome.get()
    }
}
