import RedoubtCore

/// Every disk that a power cut could leave of a recorded run, without doubles.
///
/// At each event of the trace the changes that no sync has covered are uncertain. Over them the explorer lists: none,
/// all, every prefix, every one omitted, every one alone, seeded subsets, every tear of the newest write, and mixtures
/// of the sectors of all writes, if they are asked for. A set of changes that several events leave is listed once, with
/// the bounds of each of them: at each, acknowledged <= n <= issued must hold for a number n of commits after which the
/// content is what the recovery found.
public struct CrashExplorer: Sendable {
    /// What is listed at each crash point.
    public struct Options: Sendable {
        /// The seed of the random subsets.
        public var seed: UInt64 = 1
        /// The random subsets of the uncertain changes.
        public var seededSubsetCount = 20
        /// The random mixtures of the sectors of all uncertain writes.
        ///
        /// The default is 0.
        public var mixtureCount = 0
        /// The most tears of one write, spread evenly if there are more sectors.
        ///
        /// The default is no limit.
        public var tearLimit = Int.max
        /// The first event after which power is cut.
        public var firstEvent = 0

        /// Creates the default options.
        public init() {}
    }

    /// One state: a set of changes, and the commits that a recovery from it may find.
    struct Candidate: Sendable {
        /// The number of events before the power cut.
        let point: Int
        let cut: PowerCut
        let key: UInt64
        /// The commits acknowledged and issued at each event that leaves the state, without doubles.
        var windows: [ClosedRange<Int>]
    }

    let start: DiskImage
    let trace: [SimulatedEvent]
    let candidates: [Candidate]
    /// The events after which power is cut, those of I/O only.
    public let pointCount: Int
    /// The states before doubles are removed.
    public let listedCount: Int

    /// The states: each set of changes once.
    public var stateCount: Int { candidates.count }

    /// Lists the states of the run that `storage` recorded.
    public init(_ storage: SimulatedStorage, options: Options = Options()) {
        self.init(start: storage.startImage, trace: storage.trace, options: options)
    }

    /// Lists the states of a run of `trace` from a disk that durably held `start`.
    public init(start: DiskImage, trace: [SimulatedEvent], options: Options = Options()) {
        self.start = start
        self.trace = trace
        var lister = CandidateLister(start: start, options: options)
        for event in trace { lister.record(event) }
        candidates = lister.candidates
        pointCount = lister.pointCount
        listedCount = lister.listedCount
    }

    /// Returns the events around event `point`, one a line, for a person who looks for the cause of a failure.
    public func excerpt(around point: Int, radius: Int = 12) -> String {
        (max(0, point - radius)..<min(trace.count, point + radius)).map { index in
            "\(index == point ? ">>" : "  ") \(index) \(trace[index])"
        }.joined(separator: "\n")
    }
}

/// Walks a trace and lists the states after each event.
private struct CandidateLister {
    private var state: DurabilityState
    private let options: CrashExplorer.Options
    private(set) var candidates: [CrashExplorer.Candidate] = []
    private var indexByKey: [UInt64: Int] = [:]
    private(set) var pointCount = 0
    private(set) var listedCount = 0

    init(start: DiskImage, options: CrashExplorer.Options) {
        // Only the list of uncertain changes matters here, not the bytes.
        state = DurabilityState(DiskImage())
        self.options = options
    }

    mutating func record(_ event: SimulatedEvent) {
        state.record(event)
        guard state.sequence > options.firstEvent else { return }
        switch event {
        case .mark(.acknowledged): list()
        case .finish, .mark: break
        case .change, .start, .sync, .syncFailed, .syncDirectory:
            pointCount += 1
            list()
        }
    }

    private mutating func list() {
        let pending = state.pending
        let base = state.durableKey
        let total = pending.reduce(base) { $0 &+ $1.key }
        add(.none, base)
        add(.all, total)
        var sum = base
        for index in pending.indices {
            let key = pending[index].key
            sum &+= key
            add(PowerCut(.prefix(index + 1)), sum)
            add(PowerCut(.omitting(index)), total &- key)
            add(PowerCut(.only(index)), base &+ key)
        }
        if pending.count > 2 { listSubsets(base) }
        guard let newest = state.newestWrite else { return }
        listTears(of: newest, base, total)
        for number in 0..<options.mixtureCount {
            let seed = mix(options.seed &+ mix(UInt64(number))) ^ (total &- base)
            add(PowerCut(.mixed(seed)), base &+ mix(seed))
        }
    }

    private mutating func listSubsets(_ base: UInt64) {
        for number in 0..<options.seededSubsetCount {
            // Not renewed at each event, so that an event that changes nothing adds no state.
            let seed = mix(options.seed &+ UInt64(number)) ^ state.pending.reduce(0) { $0 &+ $1.key }
            var random = SeededRandom(seed: seed)
            var key = base
            for item in state.pending where random.next() >> 63 == 1 { key &+= item.key }
            add(PowerCut(.seeded(seed)), key)
        }
    }

    private mutating func listTears(of newest: Int, _ base: UInt64, _ total: UInt64) {
        let item = state.pending[newest]
        let count = item.change.sectorCount
        var tears: [PowerCut.Tear] = [.sizeOnly]
        let step = max(1, (count - 1) / max(1, options.tearLimit))
        tears += stride(from: 1, to: count, by: step).map { .firstSectors($0) }
        tears += Set([1, 2, count / 2, count - 1]).filter { $0 > 0 && $0 < count }.sorted().map { .lastSectors($0) }
        for tear in tears {
            let part =
                switch tear {
                case .firstSectors(let sectors): sectors
                case .lastSectors(let sectors): sectors | 1 << 40
                case .sizeOnly: 1 << 41
                }
            let key = mix(item.key ^ mix(UInt64(part)))
            add(PowerCut(.all, tear: tear), total &- item.key &+ key)
            add(PowerCut(.none, tear: tear), base &+ key)
        }
    }

    private mutating func add(_ cut: PowerCut, _ key: UInt64) {
        listedCount += 1
        let window = state.acknowledged...max(state.acknowledged, state.issued)
        if let index = indexByKey[key] {
            if candidates[index].windows.last != window { candidates[index].windows.append(window) }
            return
        }
        indexByKey[key] = candidates.count
        candidates.append(
            CrashExplorer.Candidate(point: state.sequence, cut: cut, key: key, windows: [window])
        )
    }
}
