/// What an exploration of all disks of a moment came to.
public struct LazyReport<Outcome: Hashable & Sendable>: Sendable, CustomStringConvertible {
    /// Something that runs came to.
    public struct Finding: Sendable {
        /// What.
        public let outcome: Outcome
        /// The runs that ended with it.
        public internal(set) var runCount: Int
        /// A disk that leads to it, of those that a power cut can leave.
        public let witness: DiskImage
        /// What the power cut kept for that disk.
        public let kept: String
        /// Whether a run on the witness, with nothing undecided, came to the same.
        public let isConfirmed: Bool
    }

    /// The places that were uncertain.
    public var placeCount = 0
    /// The disks that these leave, as a power of two.
    public var combinationBits = 0.0
    /// The runs, those included that ended at a merge point.
    public var runCount = 0
    /// The different states at merge points from which the exploration went on.
    public var stateCount = 0
    /// How often it began again, because something was read again that was not expected to be.
    public var restartCount = 0
    /// Everything that runs came to, in the order of the exploration.
    public var findings: [Finding] = []
    /// Why something was left out; nil if nothing was.
    public var limit: String?
    /// The disks drawn by seed that were judged by themselves.
    public var auditedCount = 0
    /// Those of them with an outcome that the exploration has not.
    public var auditMissCount = 0
    /// The real time in seconds.
    public var seconds = 0.0

    /// Whether all disks were covered.
    ///
    /// No limit was hit, each outcome was found again on a disk with nothing undecided, and so was that of each disk
    /// that was drawn.
    public var isComplete: Bool {
        limit == nil && findings.allSatisfy(\.isConfirmed) && auditMissCount == 0
    }

    /// The outcomes.
    public var outcomes: Set<Outcome> { Set(findings.map(\.outcome)) }

    /// The figures in one line.
    public var description: String {
        let bits = (combinationBits * 10).rounded() / 10
        var text =
            "\(placeCount) uncertain places, 2^\(bits) disks, \(runCount) runs, \(stateCount) merged states, "
            + "\(findings.count) outcomes, \(auditedCount) disks drawn"
        if restartCount > 0 { text += ", begun again \(restartCount) times" }
        let doubts = findings.count { !$0.isConfirmed }
        if doubts > 0 { text += ", \(doubts) outcomes NOT CONFIRMED" }
        if auditMissCount > 0 { text += ", \(auditMissCount) outcomes MISSED" }
        return text + (limit.map { ", INCOMPLETE: \($0)" } ?? ", complete")
    }
}
