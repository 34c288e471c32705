import RedoubtCore

/// Walks a trace and lists the disks that a power cut after each event could leave.
struct CandidateLister {
    private var state: DurabilityState
    private let options: CrashExplorer.Options
    private(set) var candidates: [CrashExplorer.Candidate] = []
    private var indexByKey: [UInt64: Int] = [:]
    private(set) var pointCount = 0
    private(set) var listedCount = 0
    private(set) var exhaustedCount = 0
    private var leftOutKeys: Set<UInt64> = []

    /// The disks that were left out of a point and taken at none.
    var leftOutCount: Int { leftOutKeys.reduce(0) { $0 + (indexByKey[$1] == nil ? 1 : 0) } }

    init(start: DiskImage, options: CrashExplorer.Options) {
        state = DurabilityState(start, keepsHash: true)
        self.options = options
    }

    mutating func record(_ event: SimulatedEvent) {
        state.record(event)
        guard state.sequence > options.firstEvent else { return }
        switch event {
        // The same disks, but what must be found in them is more.
        case .mark(.acknowledged): list(isPoint: false)
        case .finish, .mark: break
        case .change, .start, .sync, .syncFailed, .syncAbandoned, .syncDirectory, .syncDirectoryFailed:
            pointCount += 1
            list(isPoint: true)
        }
    }

    private mutating func list(isPoint: Bool) {
        let places = UncertainPlaces(state, model: options.model)
        let window = state.acknowledged...max(state.acknowledged, state.issued)
        var names = UncertainPlaces.Names()
        var first: [CrashExplorer.Candidate] = []
        var others: [CrashExplorer.Candidate] = []
        var fresh: Set<UInt64> = []
        var count = 0
        StateSpace(places, options).forEach { choice, isFirst in
            count += 1
            let key = places.hash(choice, &names)
            if let index = indexByKey[key] {
                if candidates[index].windows.last != window { candidates[index].windows.append(window) }
                return
            }
            guard isPoint, fresh.insert(key).inserted else { return }
            let new = CrashExplorer.Candidate(point: state.sequence, choice: choice, key: key, windows: [window])
            if isFirst { first.append(new) } else { others.append(new) }
        }
        guard isPoint else { return }
        listedCount += count
        if places.choiceCount(limit: StateSpace.exhaustiveLimit + 1) <= StateSpace.exhaustiveLimit {
            exhaustedCount += 1
        }
        if let limit = options.statesPerPoint, others.count > limit {
            var random = SeededRandom(seed: mix(options.seed ^ UInt64(state.sequence)))
            others.shuffle(using: &random)
            for candidate in others[limit...] { leftOutKeys.insert(candidate.key) }
            others.removeLast(others.count - limit)
        }
        for candidate in first + others {
            indexByKey[candidate.key] = candidates.count
            candidates.append(candidate)
        }
    }
}
