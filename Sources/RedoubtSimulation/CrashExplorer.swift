import RedoubtCore

/// Every disk that a power cut could leave of a recorded run, without doubles.
///
/// At each event of the trace the changes that no sync has covered are uncertain, each sector by itself; see
/// ``PersistenceModel``. If they leave few disks all are listed, else none, all, every prefix, every change omitted,
/// every one alone, every prefix with one later change, every tear of every write, and seeded choices. Disks are told
/// apart by their bytes: one that several events leave is listed once, with the bounds of each of them: at each,
/// acknowledged <= n <= issued must hold for a number n of commits after which the content is what the recovery found.
public struct CrashExplorer: Sendable {
    /// What is listed at each crash point.
    public struct Options: Sendable {
        /// The seed of what is drawn.
        public var seed: UInt64 = 1
        /// What a power cut may leave.
        ///
        /// The default is the model that allows most.
        public var model = PersistenceModel.paranoid
        /// The most disks taken at a crash point that no other left, beside a handful that are always taken; the others
        /// are left out by a seeded draw.
        ///
        /// Nil for all.
        ///
        /// The default is nil.
        public var statesPerPoint: Int?
        /// The random subsets of the uncertain changes, where there are too many for all.
        public var seededSubsetCount = 20
        /// The random choices of every sector by itself, where there are too many for all.
        ///
        /// The default is 0.
        public var mixtureCount = 0
        /// The most tears of one write from one side, spread evenly if there are more sectors.
        ///
        /// The default is no limit.
        public var tearLimit = Int.max
        /// The first event after which power is cut.
        public var firstEvent = 0

        /// Creates the default options.
        public init() {}
    }

    /// One disk, and the commits that a recovery from it may find.
    struct Candidate: Sendable {
        /// The number of events before the power cut.
        let point: Int
        let choice: UncertainPlaces.Choice
        /// The hash of the disk.
        let key: UInt64
        /// The commits acknowledged and issued at each event that leaves the state, without doubles.
        var windows: [ClosedRange<Int>]
    }

    let start: DiskImage
    let trace: [SimulatedEvent]
    let model: PersistenceModel
    let candidates: [Candidate]
    /// The events after which power is cut, those of I/O only.
    public let pointCount: Int
    /// The states before doubles are removed, and before some are left out.
    public let listedCount: Int
    /// The crash points at which every disk that the model allows was listed.
    public let exhaustedCount: Int
    /// The different disks that were left out of the points at which they were listed, and not taken at another.
    public let leftOutCount: Int

    /// The states: each disk once.
    public var stateCount: Int { candidates.count }

    /// Lists the states of the run that `storage` recorded.
    public init(_ storage: SimulatedStorage, options: Options = Options()) {
        self.init(start: storage.startImage, trace: storage.trace, options: options)
    }

    /// Lists the states of a run of `trace` from a disk that durably held `start`.
    public init(start: DiskImage, trace: [SimulatedEvent], options: Options = Options()) {
        self.start = start
        self.trace = trace
        model = options.model
        var lister = CandidateLister(start: start, options: options)
        for event in trace { lister.record(event) }
        candidates = lister.candidates
        pointCount = lister.pointCount
        listedCount = lister.listedCount
        exhaustedCount = lister.exhaustedCount
        leftOutCount = lister.leftOutCount
    }

    /// Returns the events around event `point`, one a line, for a person who looks for the cause of a failure.
    public func excerpt(around point: Int, radius: Int = 12) -> String {
        (max(0, point - radius)..<min(trace.count, point + radius)).map { index in
            "\(index == point ? ">>" : "  ") \(index) \(trace[index])"
        }.joined(separator: "\n")
    }
}
