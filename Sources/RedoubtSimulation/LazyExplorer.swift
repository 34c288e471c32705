import RedoubtCore
import RedoubtSystem

/// All disks that a power cut at one moment could leave, explored by what a program reads of them.
///
/// The program runs again and again on a disk whose uncertain places are undecided. The first read of such a place
/// decides it; runs with the same decisions find the same, so each later run repeats those of an earlier one and takes
/// one of them differently. What is never read, and versions that look the same to the reader, cost nothing: a program
/// that reads a log of k blocks up to the first bad one has k + 1 runs for 2^k disks.
///
/// Where the program says that all that follows depends on the disk and a digest (`MergePoint`), runs are merged.
///
/// The program must read through the files of the storage, and be a function of what it reads.
public struct LazyExplorer: Sendable {
    /// The limits of an exploration, and what it is checked by.
    public struct Options: Sendable {
        /// The most runs.
        ///
        /// The default is 100,000.
        public var runLimit = 100_000
        /// The most real time, in seconds; nil for no limit.
        public var seconds: Double?
        /// The bytes that are decided together in the file at a path, if they leave few combinations: 512, or those of
        /// a page that is put right as a whole.
        ///
        /// The default is 512.
        public var unitByteCount: @Sendable (String) -> Int = { _ in 512 }
        /// Whether runs are merged, in builds that have merge points.
        ///
        /// The default is true.
        public var merges = true
        /// The disks drawn by seed that are judged by themselves, as a check.
        ///
        /// The default is 20.
        public var auditCount = 20
        /// The seed of that draw.
        public var seed: UInt64 = 1

        /// Creates the default options.
        public init() {}
    }

    /// The most combinations of names and sizes of files: these are not explored by reads, but one by one.
    static let firstLimit = StateSpace.exhaustiveLimit

    let uncertain: UncertainPlaces
    let options: Options
    /// The number of events before the power cut.
    public let point: Int
    /// The commits that must be found.
    public let acknowledged: Int
    /// The commits that may be found.
    public let issued: Int

    /// Looks at a power cut after event `point` of `trace`, which began on a disk that durably held `start`.
    public init(start: DiskImage, trace: [SimulatedEvent], point: Int, options: Options = Options()) {
        var state = DurabilityState(start, keepsHash: true)
        for event in trace.prefix(point) { state.record(event) }
        self.init(state, options: options)
    }

    init(_ state: DurabilityState, options: Options) {
        uncertain = UncertainPlaces(state)
        self.options = options
        point = state.sequence
        acknowledged = state.acknowledged
        issued = state.issued
    }

    /// The explorers of all moments at which most was uncertain: before each sync, and at the end.
    ///
    /// What a power cut leaves at a moment between two of them, it can leave at the later one too.
    public static func epochs(of storage: SimulatedStorage, options: Options = Options()) -> [LazyExplorer] {
        var state = DurabilityState(storage.startImage, keepsHash: true)
        var result: [LazyExplorer] = []
        var last = 0
        func add() {
            guard state.pendingCount > 0, state.sequence > last else { return }
            result.append(LazyExplorer(state, options: options))
            last = state.sequence
        }
        for event in storage.trace {
            switch event {
            case .sync, .syncDirectory, .syncAbandoned: add()
            case .change, .start, .finish, .syncFailed, .syncDirectoryFailed, .mark: break
            }
            state.record(event)
        }
        add()
        return result
    }

    /// The places that are uncertain: sectors, sizes, names.
    public var placeCount: Int { uncertain.places.count }

    /// The paths, of the files in which bytes are uncertain and whose names are durable; sorted.
    public var paths: [String] {
        var files: Set<Int> = []
        for case .bytes(let file, _) in uncertain.places { files.insert(file) }
        return uncertain.durable.paths.filter { uncertain.durable.file(at: $0).map(files.contains) ?? false }
    }

    /// The combinations of what they may hold, as a power of two.
    public var combinationBits: Double {
        var bits = 0.0
        var product = 1.0
        for versions in uncertain.versions {
            product *= Double(versions.count)
            bits += Double(product.exponent)
            product = product.significand
        }
        // The logarithm of what is left, bit by bit.
        var weight = 0.5
        for _ in 0..<20 {
            product *= product
            if product >= 2 {
                bits += weight
                product /= 2
            }
            weight /= 2
        }
        return bits
    }

    /// Runs `judge` until it has seen all disks that differ for it, and returns what it came to.
    ///
    /// Waits. Runs on the calling thread, each run in a world of one thread.
    public func explore<Outcome: Hashable & Sendable>(
        _ judge: @escaping @Sendable (SimulatedStorage) -> Outcome
    ) -> LazyReport<Outcome> {
        var exploration = Exploration(self, judge)
        return exploration.run()
    }
}
