import RedoubtCore
import Synchronization

/// The decisions of one run of an exploration: those that it is to repeat, and those that it makes.
///
/// The run repeats *segments*, each up to a merge point where the run that found it ended, then the decisions it was
/// given, and from there takes the first of what is possible.
struct DecisionJournal: Sendable {
    /// What happened between two merge points.
    struct Segment: Sendable {
        let decisions: [Int]
        /// What is known of the units behind the merge point that ends it.
        let box: UndecidedPlaces.Box
        /// What the merge point is known by.
        let key: UInt64
    }

    /// Why a run ended early.
    enum End: Sendable {
        /// It came to a merge point with decisions behind it: others may come there too, and then it goes on for all.
        case merge(key: UInt64)
        /// What follows was explored before.
        case known
        /// It read a unit again whose versions were forgotten.
        case neededAgain(Int)
    }

    /// The states that were explored, or are going to be.
    final class Seen: Sendable {
        private let keys = Mutex<Set<UInt64>>([])

        /// Returns whether `key` is new.
        func insert(_ key: UInt64) -> Bool { keys.withLock { $0.insert(key).inserted } }
    }

    private let path: [Segment]
    private let given: [Int]
    /// Whether states are merged.
    private let merges: Bool
    private let seen: Seen
    /// The units that are read in several segments.
    let keptUnits: Set<Int>
    private var position = 0
    private var own: Set<UInt64> = []
    /// The decisions since the last merge point at which a run ended, and how many were possible each time.
    private(set) var taken: [Int] = []
    private(set) var counts: [Int] = []
    /// What the units read since then were when they were first read, as they were chosen.
    var entry: UndecidedPlaces.Box = [:]
    /// The units written since then.
    var written: Set<Int> = []
    /// Why the run ended; nil while it goes on, or if it came to its own end.
    var end: End?
    /// Whether the run did not repeat what it was to repeat: the program is not a function of what it reads.
    private(set) var hasDiverged = false

    init(
        path: [Segment] = [],
        given: [Int] = [],
        merges: Bool = false,
        keptUnits: Set<Int> = [],
        seen: Seen = Seen()
    ) {
        self.path = path
        self.given = given
        self.merges = merges
        self.keptUnits = keptUnits
        self.seen = seen
    }

    /// Whether segments are left to be repeated.
    var isReplaying: Bool { position < path.count }

    /// Whether the merge point that the run comes to matters.
    var wantsDigest: Bool {
        // A run that was given decisions comes to the merge points before the first of them behind another run.
        merges && (!taken.isEmpty || (!isReplaying && given.isEmpty))
    }

    /// Returns which of `count` possibilities to take.
    mutating func decide(_ count: Int) -> Int {
        let script = isReplaying ? path[position].decisions : given
        let choice = taken.count < script.count ? script[taken.count] : 0
        if choice >= count { hasDiverged = true }
        taken.append(choice < count ? choice : 0)
        counts.append(count)
        return choice < count ? choice : 0
    }

    /// Ends a segment that is repeated; returns what is known of the units then.
    mutating func passSegment(_ key: UInt64) -> UndecidedPlaces.Box? {
        if key != path[position].key || taken != path[position].decisions { hasDiverged = true }
        let box = path[position].box
        position += 1
        taken = []
        counts = []
        entry = [:]
        written = []
        return box
    }

    /// Comes to a merge point that is not repeated; returns whether the run ends there.
    mutating func arrive(_ key: UInt64, _ box: UndecidedPlaces.Box) -> Bool {
        if taken.isEmpty {
            let state = key &+ boxHash(box)
            if own.contains(state) { return false }
            own.insert(state)
            if seen.insert(state) { return false }
            end = .known
        } else {
            end = .merge(key: key)
        }
        return true
    }
}

/// Returns a hash of what is known of units: a sum over them.
func boxHash(_ box: UndecidedPlaces.Box) -> UInt64 {
    box.reduce(0) { $0 &+ unitHash($1.key, $1.value) }
}

/// Returns what one unit adds to it.
func unitHash(_ unit: Int, _ versions: [UInt16]) -> UInt64 {
    versions.reduce(mix(UInt64(unit))) { mix($0 ^ UInt64($1)) }
}
