import RedoubtSimulation

/// Which events of a trace a picture shows, and where: a column for each event, a lane for each file and directory.
///
/// Of many events the picture has those that tell most: what was lost, what else was uncertain, syncs and commits, then
/// what stands nearest to the crash.
struct TraceLanes {
    /// A file or directory.
    struct Lane {
        let path: String
        /// Whether its changes are names, which syncs of the directory make durable.
        let isDirectory: Bool
        /// The first change that is uncertain at the crash; nil if there is none.
        var firstUncertain: Int?
        var hasLoss = false
    }

    /// A column of the picture.
    enum Column {
        case event(Int)
        /// So many events are left out here.
        case gap(Int)
    }

    static let columnLimit = 60
    static let laneLimit = 12

    private(set) var lanes: [Lane] = []
    /// Whether nothing that came after the power cut is shown, though there was something.
    private(set) var endsEarly = false
    private(set) var columns: [Column] = []
    /// The lane of each event that is in one.
    private(set) var laneOfEvent: [Int: Int] = [:]
    /// What the crash made of each uncertain change.
    let changes: [Int: CrashScene.Change]
    /// The number of events before the power cut; nil if there is none.
    let point: Int?

    init(_ trace: TraceFile, _ rows: [TraceListing.Row], _ scene: CrashScene?) {
        point = scene?.cut.point
        var changes: [Int: CrashScene.Change] = [:]
        for change in scene?.changes ?? [] { changes[change.event] = change }
        self.changes = changes
        let chosen = choose(trace, rows)
        addLanes(chosen, trace, rows)
        var previous = -1
        for event in chosen {
            let left = rows[(previous + 1)..<event].count { !$0.what.isEmpty }
            if left > 0 { columns.append(.gap(left)) }
            columns.append(.event(event))
            previous = event
        }
        endsEarly = previous < point ?? 0 && rows.count > point ?? .max
        if previous + 1 < rows.count { columns.append(.gap(rows.count - previous - 1)) }
    }

    /// How little an event tells: the more, the sooner it is left out; nil if it is never shown.
    private func rank(_ event: SimulatedEvent, _ number: Int) -> Int? {
        if let change = changes[number] { return change.lostCount > 0 ? 0 : 1 }
        let isAfter = number >= point ?? .max
        switch event {
        case .mark(.note), .finish: return nil
        case .mark: return isAfter ? 6 : 2
        case .syncFailed, .syncAbandoned, .syncDirectoryFailed: return 1
        case .sync, .syncDirectory: return isAfter ? 6 : 3
        case .change, .start: return isAfter ? 6 : 4
        }
    }

    /// The most columns of what was durable long before anything that is uncertain: it explains little.
    private static let historyLimit = 20

    private func choose(_ trace: TraceFile, _ rows: [TraceListing.Row]) -> [Int] {
        let end = point ?? 0
        let begin = changes.keys.min() ?? end
        var near: [(rank: Int, distance: Int, number: Int)] = []
        var history: [Int] = []
        for (number, event) in trace.events.enumerated() {
            guard let rank = rank(event, number) else { continue }
            if rank > 1 && number < begin - 4 && point != nil {
                history.append(number)
            } else if number <= end + 6 || point == nil {
                near.append((rank, abs(end - number), number))
            }
        }
        let chosen = near.sorted { ($0.rank, $0.distance) < ($1.rank, $1.distance) }.prefix(Self.columnLimit)
        let room = min(Self.historyLimit, Self.columnLimit - chosen.count)
        return history.suffix(room) + chosen.map(\.number).sorted()
    }

    private mutating func addLanes(_ chosen: [Int], _ trace: TraceFile, _ rows: [TraceListing.Row]) {
        var places: [String: Int] = [:]
        for number in chosen {
            guard let (path, isDirectory) = Self.place(trace.events[number], rows[number]) else { continue }
            let key = (isDirectory ? "d" : "f") + path
            if places[key] == nil {
                places[key] = lanes.count
                lanes.append(Lane(path: path, isDirectory: isDirectory))
            }
            guard let lane = places[key] else { continue }
            laneOfEvent[number] = lane
            guard let change = changes[number], change.lostCount + change.keptCount > 0 else { continue }
            lanes[lane].firstUncertain = lanes[lane].firstUncertain ?? number
            if change.lostCount > 0 { lanes[lane].hasLoss = true }
        }
        keepLanes()
    }

    /// Orders the lanes, those with a loss first, then those with anything uncertain, and drops those that tell least.
    private mutating func keepLanes() {
        func weight(_ lane: Lane) -> Int {
            lane.hasLoss ? 0 : lane.firstUncertain != nil ? 1 : lane.isDirectory ? 3 : 2
        }
        let order = lanes.indices.sorted { left, right in
            (weight(lanes[left]), lanes[left].path) < (weight(lanes[right]), lanes[right].path)
        }
        let left = Array(order.prefix(Self.laneLimit))
        var numbers: [Int: Int] = [:]
        for (number, lane) in left.enumerated() { numbers[lane] = number }
        laneOfEvent = laneOfEvent.compactMapValues { numbers[$0] }
        lanes = left.map { lanes[$0] }
    }

    /// The lane that `event` belongs to.
    private static func place(_ event: SimulatedEvent, _ row: TraceListing.Row) -> (path: String, isDirectory: Bool)? {
        switch event {
        case .mark, .finish: nil
        case .syncDirectory(let path), .syncDirectoryFailed(let path): (path, true)
        case .sync, .syncFailed, .syncAbandoned: (row.path, false)
        case .change(let change), .start(let change):
            change.contentFile == nil ? (CrashStory.directory(of: row.path), true) : (row.path, false)
        }
    }
}
