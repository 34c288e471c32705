public import RedoubtSimulation

/// What a siege found.
public struct Verdict: Sendable, CustomStringConvertible {
    /// Something that must not be.
    public struct Violation: Sendable, CustomStringConvertible {
        /// What it is repeated by: the key of a state, or the place of a fault.
        public let key: String
        /// What was wrong.
        public let message: String
        /// The crash, for a trace file or a report; nil if it was no power cut.
        public var crash: TraceFile.Crash?

        /// Both in one line.
        public var description: String { "\(key): \(message)" }
    }

    /// A mistake that was made on purpose.
    public struct Canary: Sendable, CustomStringConvertible {
        /// What it is.
        public let name: String
        /// The states or runs judged until it was caught; nil if it was not.
        public let caughtAfter: Int?

        /// Creates the outcome of a canary.
        public init(name: String, caughtAfter: Int?) {
            self.name = name
            self.caughtAfter = caughtAfter
        }

        /// The outcome in one line.
        public var description: String {
            caughtAfter.map { "canary \"\(name)\" caught after \($0)" } ?? "canary \"\(name)\" NOT CAUGHT"
        }
    }

    /// The events after which the power was cut.
    public var pointCount = 0
    /// The different disks judged.
    public var stateCount = 0
    /// The runs in which a fault fired.
    public var faultRunCount = 0
    /// What the runs with each kind of fault came to.
    public var outcomes: [FaultOutcomes] = []
    /// What was wrong, at most 100.
    public var violations: [Violation] = []
    /// All that was wrong.
    public var violationCount = 0
    /// The mistakes that were to be caught.
    public var canaries: [Canary] = []
    /// The real time in seconds.
    public var seconds = 0.0

    /// Creates the verdict of a siege that has not begun.
    public init() {}

    /// Whether there was something to judge, nothing was wrong, and every canary was caught: a siege that would not
    /// have noticed a mistake says nothing.
    public var isGood: Bool {
        violationCount == 0 && stateCount + faultRunCount > 0 && !canaries.isEmpty
            && canaries.allSatisfy { $0.caughtAfter != nil }
    }

    /// The runs in which acknowledged commits were missing, or wrong content found, without an error: violations where
    /// anything is promised, figures to be known where nothing is.
    public var undetectedCount: Int { outcomes.reduce(0) { $0 + $1.undetectedCount } }

    /// The figures in one line, the canaries, what the kinds of faults came to of which a program need not survive all,
    /// and the first violations.
    public var description: String {
        let rate = seconds > 0 ? Int(Double(stateCount) / seconds) : 0
        let line =
            "\(pointCount) crash points, \(stateCount) different disks (\(rate)/s), "
            + "\(faultRunCount) runs with a fault (\(undetectedCount) undetected), \(violationCount) violations"
        let damage = outcomes.filter { $0.kind.promise == .detection || $0.kind.promise == .nothing }
        let lines = [line] + canaries.map { "  \($0)" } + damage.filter { $0.runCount > 0 }.map { "  \($0)" }
        return (lines + violations.prefix(10).map { "  \($0)" }).joined(separator: "\n")
    }

    /// Adds what another siege came to.
    package mutating func add(_ other: Verdict) {
        pointCount += other.pointCount
        stateCount += other.stateCount
        faultRunCount += other.faultRunCount
        outcomes += other.outcomes
        violations += other.violations.prefix(max(0, 100 - violations.count))
        violationCount += other.violationCount
        canaries += other.canaries
        seconds += other.seconds
    }

    mutating func add(_ violation: Violation) {
        violationCount += 1
        if violations.count < 100 { violations.append(violation) }
    }
}
