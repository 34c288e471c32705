import RedoubtCore

/// A number with a name, as printed and written.
struct Figure: Sendable {
    /// The name, the same for every policy.
    let name: String
    /// The value; nil if it could not be measured.
    let value: Double?

    init(_ name: String, _ value: Double?) {
        self.name = name
        self.value = value
    }
}

/// What a figure is held to.
struct Bound: Sendable {
    /// What is judged.
    let name: String
    /// What was found; nil if it could not be measured.
    let value: Double?
    /// The least or the most that it may be.
    let limit: Double
    /// Whether the limit is the most.
    let isMost: Bool

    /// "ok", "MISSED", or "not measured".
    var verdict: String {
        guard let value else { return "not measured" }
        return (isMost ? value <= limit : value >= limit) ? "ok" : "MISSED"
    }

    /// A bound from above.
    static func most(_ name: String, _ value: Double?, _ limit: Double) -> Bound {
        Bound(name: name, value: value, limit: limit, isMost: true)
    }

    /// A bound from below.
    static func least(_ name: String, _ value: Double?, _ limit: Double) -> Bound {
        Bound(name: name, value: value, limit: limit, isMost: false)
    }
}

/// What one policy did in one part.
struct Outcome: Sendable {
    /// A stretch with a name, in which the load was the same.
    struct Phase: Sendable {
        let name: String
        let stretch: Stretch
    }

    /// The part, "redo" or "lru".
    let part: String
    /// The policy.
    let policy: FlushingPolicy
    /// The hash of the options of the database.
    let configurationHash: String
    /// Every sample.
    var samples: [Sample] = []
    /// The stretches.
    var phases: [Phase] = []
    /// The figures in the order of the table.
    var figures: [Figure] = []
    /// What the policy `redoubt` is judged by.
    var bounds: [Bound] = []
    /// The updates a second that policies are compared by.
    var throughput = 0.0

    /// A figure by its name.
    func figure(_ name: String) -> Double? { figures.first { $0.name == name }?.value }
}

/// Counts the processor time that others use while something is measured.
struct OthersMeter {
    private let start = ProcessFigures.now()
    private let machine = ProcessFigures.machineSeconds
    private let own = ProcessFigures.ownSeconds
    private let child: Double

    /// Begins; `child` has been used by a child that is not waited for yet.
    init(child: Double) { self.child = child }

    /// The processors that everybody else has used on average; `child` as before.
    func processors(child now: Double) -> Double {
        let used = ProcessFigures.machineSeconds - machine
        let ours = ProcessFigures.ownSeconds - own + now - child
        return max(0, used - ours) / max(0.001, ProcessFigures.now() - start)
    }
}
