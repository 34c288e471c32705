/// A disk that a power cut could leave, to be judged.
public struct CrashState: Sendable {
    /// The disk; nothing else refers to it.
    public let storage: SimulatedStorage
    /// The number of events before the power cut.
    public let point: Int
    /// The commits that must be found, at the last of the events that leave the state.
    public let acknowledged: Int
    /// The most commits that may be found, at the first of these events.
    public let issued: Int
    /// What the state is known by in the run: see ``CrashExplorer/judge(threadCount:seconds:only:_:)``.
    public let key: UInt64
}

/// A state from which a recovery found the wrong thing.
public struct CrashFailure: Sendable, CustomStringConvertible {
    /// The number of events before the power cut.
    public let point: Int
    /// What the power cut left of the uncertain changes.
    public let kept: String
    /// The same so that it can be repeated, at the first event at which the commits found were not ``allowed``.
    public let cut: CrashCut
    /// What the state is known by: the hash of the disk.
    public let key: UInt64
    /// The commits acknowledged and issued at the event that the finding contradicts.
    public let allowed: ClosedRange<Int>
    /// What was wrong.
    public let message: String

    /// The failure in one line, with the key to replay it by.
    public var description: String {
        "power cut after event \(point), kept \(kept): \(message) "
            + "(allowed commits \(allowed.lowerBound)...\(allowed.upperBound); state 0x\(String(key, radix: 16)))"
    }
}

/// How a set of crash states was judged.
public struct CrashReport: Sendable, CustomStringConvertible {
    /// The I/O events after which power was cut; of a run that the time cut short, those of which a new state was
    /// judged.
    public var pointCount = 0
    /// The states listed, with doubles.
    public var listedCount = 0
    /// The crash points at which every disk that the model allows was listed; none of a run that the time cut short.
    public var exhaustedCount = 0
    /// The different disks listed at some crash point that `statesPerPoint` left out there.
    public var leftOutCount = 0
    /// The states taken: disks with different bytes.
    public var stateCount = 0
    /// The states of which a verdict was reached.
    public var judgedCount = 0
    /// What was wrong, at most 100.
    public var failures: [CrashFailure] = []
    /// All failures.
    public var failureCount = 0
    /// The real time in seconds.
    public var seconds = 0.0

    /// Whether every state was judged.
    public var isComplete: Bool { judgedCount == stateCount }

    /// The figures in one line, and the first failures.
    public var description: String {
        let rate = seconds > 0 ? Int(Double(judgedCount) / seconds) : 0
        let share = isComplete ? "all" : "\(judgedCount) of"
        let line =
            "\(pointCount) crash points (\(exhaustedCount) exhausted), \(listedCount) states listed, \(share) "
            + "\(stateCount) different disks judged (\(rate)/s), \(leftOutCount) left out, \(failureCount) failures"
        return ([line] + failures.prefix(10).map { "  \($0)" }).joined(separator: "\n")
    }
}
