/// A decision of the policy while it is carried out: how many pages of each instance are due by when.
///
/// A round is served in *beats*, requests to the slots that are small enough to look between them for what is urgent.
/// A paced round has a beat at regular times and gives each its share of the pages; any other has them back to back.
package struct CleanerRound: Sendable {
    /// What was decided.
    package let recommendation: FlushingRecommendation
    /// When, in nanoseconds.
    package let begin: UInt64
    // Pages written, or given up because there are no more.
    private var served: [Int]

    /// The longest and shortest time between the beats of a paced round, in nanoseconds.
    package static var beatMaximum: UInt64 { 50_000_000 }
    /// See ``beatMaximum``.
    package static var beatMinimum: UInt64 { 5_000_000 }

    /// Begins to carry out `recommendation`.
    package init(_ recommendation: FlushingRecommendation, at begin: UInt64) {
        self.recommendation = recommendation
        self.begin = begin
        served = Array(repeating: 0, count: recommendation.listPages.count)
    }

    /// When the next decision is to be made.
    package var end: UInt64 { begin &+ recommendation.nextRound }

    /// The time from beat to beat.
    package var beat: UInt64 { min(Self.beatMaximum, max(Self.beatMinimum, recommendation.nextRound / 20)) }

    private var isPaced: Bool { recommendation.isPaced && recommendation.nextRound > beat }

    /// Returns the pages of each instance that are due at `now` and not served, at most `most` each.
    package func due(at now: UInt64, most: Int) -> [Int] {
        recommendation.listPages.indices.map { index in
            max(0, min(most, share(of: recommendation.listPages[index], at: now) - served[index]))
        }
    }

    /// Returns the pages of `total` that should be served by the end of the beat that holds `now`.
    private func share(of total: Int, at now: UInt64) -> Int {
        guard isPaced else { return total }
        let count = (recommendation.nextRound + beat - 1) / beat
        let number = min(count, (now &- begin) / beat + 1)
        return Int((Double(total) * Double(number) / Double(count)).rounded(.up))
    }

    /// Notes that `count` pages of `instance` were written; with `isAtEnd`, that there are no more to write.
    package mutating func note(_ instance: Int, written count: Int, isAtEnd: Bool) {
        served[instance] = isAtEnd ? recommendation.listPages[instance] : served[instance] + count
    }

    /// Returns when there is something to do again: the next beat while pages are left, else the end.
    package func nextBeat(after now: UInt64) -> UInt64 {
        let isLeft = recommendation.listPages.indices.contains { served[$0] < recommendation.listPages[$0] }
        guard isLeft else { return end }
        return min(end, isPaced ? begin + ((now &- begin) / beat + 1) * beat : now)
    }
}
