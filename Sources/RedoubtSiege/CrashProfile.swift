import Redoubt
import RedoubtSimulation
import Testing

/// One workload of the crash test: what the database looks like before, and which operations are drawn.
struct CrashProfile: Sendable, CustomStringConvertible {
    let name: String
    /// The part of the time for judging that it gets.
    let share: Double
    /// The operations before recording begins; none if recording begins before the database is created.
    let preparationCount: Int
    /// The operations recorded.
    let operationCount: Int
    /// Whether the database is closed at the end of the recording.
    let isClosing: Bool
    /// Whether the process is killed after half of the operations, and another goes on.
    let isKilled: Bool
    /// Whether its redo must go round the files more than once.
    let wrapsLog: Bool
    let durability: Durabilities
    let weights: Workload.Weights
    let preparation: Workload.Weights

    /// What commits wait for.
    enum Durabilities {
        case written
        case flushed
        /// One in three is flushed: redo goes through the page cache and past it in turn.
        case mixed
    }

    var description: String { name }

    init(
        _ name: String,
        share: Double,
        preparationCount: Int,
        operationCount: Int,
        isClosing: Bool = false,
        isKilled: Bool = false,
        wrapsLog: Bool = false,
        durability: Durabilities = .flushed,
        preparation: Workload.Weights? = nil,
        _ adjust: (inout Workload.Weights) -> Void = { _ in }
    ) {
        self.name = name
        self.share = share
        self.preparationCount = preparationCount
        self.operationCount = operationCount
        self.isClosing = isClosing
        self.isKilled = isKilled
        self.wrapsLog = wrapsLog
        self.durability = durability
        var weights = Workload.Weights()
        adjust(&weights)
        self.weights = weights
        self.preparation = preparation ?? weights
    }

    /// How torn pages are put right in the power cuts of `seed`: of one seed in four by copies of changed sectors only.
    static func doublewrite(seed: UInt64) -> Configuration.Doublewrite { seed % 4 == 0 ? .changedSectors : .on }

    /// The disk that the workloads of `seed` are recorded on: one that ends queued writes in another order than they
    /// began for one seed in two, with either kind of copies, so that syncs and other writes come while they are under
    /// way.
    static func disk(seed: UInt64) -> SimulatedStorage.Options {
        var options = SimulatedStorage.Options()
        options.seed = seed
        // Two bits, so that neighbouring seeds differ, and those with copies of changed sectors as well.
        options.reordersCompletions = (seed ^ seed >> 2) % 2 == 0
        return options
    }

    static let all = [
        CrashProfile("creation", share: 0.08, preparationCount: 0, operationCount: 6, isClosing: true),
        CrashProfile("everything", share: 0.28, preparationCount: 120, operationCount: 90),
        CrashProfile("splits", share: 0.14, preparationCount: 40, operationCount: 50) {
            $0 = only(\.putLarge, 30)
            $0.putSmall = 4
        },
        CrashProfile("merges", share: 0.14, preparationCount: 150, operationCount: 60, preparation: fill) {
            $0 = only(\.delete, 30)
            $0.deleteRange = 6
            $0.checkpoint = 1
        },
        CrashProfile(
            "values",
            share: 0.4,
            preparationCount: 125,
            operationCount: 40,
            wrapsLog: true
        ) {
            $0 = only(\.putOffPage, 20)
            $0.delete = 10
            $0.checkpoint = 2
        },
        CrashProfile("keyspaces", share: 0.14, preparationCount: 20, operationCount: 60) {
            $0 = only(\.batch, 20)
            $0.createKeyspace = 10
            $0.dropKeyspace = 6
            $0.renameKeyspace = 6
            $0.checkpoint = 4
            $0.putOffPage = 2
        },
        CrashProfile("checkpoints", share: 0.10, preparationCount: 60, operationCount: 40, isClosing: true) {
            $0.checkpoint = 40
        },
        CrashProfile("mixture", share: 0.12, preparationCount: 60, operationCount: 60, durability: .mixed) {
            $0.checkpoint = 3
        },
        CrashProfile(
            "kills",
            share: 0.12,
            preparationCount: 60,
            operationCount: 60,
            isKilled: true,
            durability: .mixed
        ),
    ]

    /// Rows of a few KiB, so that the tree has several levels of nothing but them.
    private static let fill: Workload.Weights = {
        var weights = only(\.putLarge, 30)
        weights.putSmall = 10
        return weights
    }()

    private static func only(_ kind: WritableKeyPath<Workload.Weights, Int>, _ weight: Int) -> Workload.Weights {
        var weights = Workload.Weights.none
        weights[keyPath: kind] = weight
        return weights
    }
}
