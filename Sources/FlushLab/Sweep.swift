package import RedoubtCore

/// Runs over a grid: every combination of values of some settings, under every policy.
package struct Sweep: Sendable {
    /// A setting and the values that it takes.
    package struct Axis: Sendable, Hashable {
        /// The name of an option, or another key of a scenario.
        package let key: String
        /// Its values, as texts.
        package let values: [String]

        /// Whether the values have an order: they begin with digits.
        package var isOrdered: Bool { values.allSatisfy { $0.first?.isNumber ?? false } }

        /// Creates an axis.
        package init(key: String, values: [String]) {
            (self.key, self.values) = (key, values)
        }
    }

    /// A combination.
    package struct Point: Sendable, Hashable {
        /// Its number.
        package let number: Int
        /// The values, one for each axis.
        package let values: [String]
        /// The policy.
        package let policy: FlushingPolicy
        /// The scenario with these values.
        package let scenario: Scenario

        /// Creates a combination.
        package init(number: Int, values: [String], policy: FlushingPolicy, scenario: Scenario) {
            (self.number, self.values, self.policy, self.scenario) = (number, values, policy, scenario)
        }
    }

    /// What was varied.
    package let axes: [Axis]
    /// All combinations, in order: the last axis turns fastest, the policies after it.
    package let points: [Point]

    /// The most combinations that a sweep may have.
    package static let mostPoints = 100_000

    /// Creates a sweep of `scenario` over `axes`; `set` gives a scenario the value of a key.
    ///
    /// - Throws: what `set` throws, or a problem if there are too many combinations.
    package init(
        _ scenario: Scenario,
        over axes: [Axis],
        set: (inout Scenario, String, String) throws(ScenarioProblem) -> Void
    ) throws(ScenarioProblem) {
        self.axes = axes
        var combinations: [[String]] = [[]]
        for axis in axes {
            let count = combinations.count.multipliedReportingOverflow(by: max(1, axis.values.count))
            guard !count.overflow, count.partialValue <= Self.mostPoints else {
                throw ScenarioProblem(
                    file: scenario.name,
                    line: 0,
                    key: axis.key,
                    message: "a sweep has at most \(Self.mostPoints) combinations"
                )
            }
            combinations = combinations.flatMap { head in axis.values.map { head + [$0] } }
        }
        var points: [Point] = []
        for values in combinations {
            var changed = scenario
            for (axis, value) in zip(axes, values) { try set(&changed, axis.key, value) }
            for policy in changed.policies {
                points.append(Point(number: points.count, values: values, policy: policy, scenario: changed))
            }
        }
        self.points = points
    }
}

/// What is to be reached by settings.
package enum Aim: Sendable, Hashable {
    /// As few and short stalls as possible; of equals, the most transactions.
    case noStalls
    /// As few bytes written for a transaction as possible, with at least nine tenths of the best throughput.
    case leastWrites
    /// As many transactions as possible, while recovery takes at most so many seconds.
    case recovery(within: Double)
    /// As many transactions as possible.
    case throughput
}

/// How good a run is for an aim: the greater the better, compared from the first figure on.
package struct Merit: Sendable, Hashable, Comparable {
    /// Figures in order of weight.
    package let figures: [Double]

    /// Creates a merit of figures.
    init(figures: [Double]) { self.figures = figures }

    /// Judges a run; `best` is the highest throughput seen in the sweep.
    package init(_ verdict: Verdict, for aim: Aim, best: Double) {
        let rate = verdict.medianRate
        switch aim {
        case .noStalls:
            // Tenths of a second and hundredths of time: less is noise.
            let stall = ((verdict.stall?.seconds ?? 0) * 10).rounded() / 10
            figures = [-stall, -(verdict.slowShare * 100).rounded(), rate]
        case .leastWrites:
            figures = [rate >= 0.9 * best ? 1 : 0, -(verdict.bytesPerTransaction ?? .infinity), rate]
        case .recovery(let seconds):
            self = .recovering(in: verdict.recoverySeconds ?? 0, within: seconds, rate: rate)
        case .throughput:
            figures = [rate]
        }
    }

    /// What a throughput with a time of recovery is worth: outside the aim the way to it counts, so that a search knows
    /// whereto.
    static func recovering(in seconds: Double, within aim: Double, rate: Double) -> Merit {
        Merit(figures: seconds <= aim ? [1, rate] : [0, -seconds])
    }

    /// Whether the first figure in which they differ is less.
    package static func < (left: Merit, right: Merit) -> Bool {
        for (a, b) in zip(left.figures, right.figures) where a != b { return a < b }
        return false
    }
}

/// A search of settings for an aim: of a small grid every point, so that the result is the best of a sweep; of a large
/// one from the best point of a coarse grid on, one setting at a time, by its neighbours, until nothing is better.
package struct Search: Sendable {
    /// What is varied, values in ascending order where they are numbers.
    package let axes: [Sweep.Axis]
    /// Values that have been judged, by index on each axis.
    package private(set) var judged: [[Int]: Merit] = [:]
    /// Those in the order of judging.
    package private(set) var order: [[Int]] = []

    /// Creates a search.
    package init(axes: [Sweep.Axis]) {
        self.axes = axes
    }

    /// The best so far; of equals the first.
    package var best: [Int]? {
        var best: [Int]?
        for point in order {
            guard let merit = judged[point] else { continue }
            if let present = best, let other = judged[present], !(other < merit) { continue }
            best = point
        }
        return best
    }

    /// Takes note of what a point is worth.
    package mutating func note(_ point: [Int], _ merit: Merit) {
        if judged.updateValue(merit, forKey: point) == nil { order.append(point) }
    }

    /// The points to judge next: the ends and the middle of each axis first, then the neighbours of the best; empty if
    /// all of those are judged.
    package func next() -> [[Int]] {
        guard let best else { return coarse }
        var found: [[Int]] = []
        for axis in axes.indices {
            for other in neighbours(best[axis], on: axes[axis]) {
                var point = best
                point[axis] = other
                guard axes[axis].values.indices.contains(other), judged[point] == nil else { continue }
                found.append(point)
            }
        }
        return found
    }

    /// The most points of a grid that is judged as a whole.
    package static let smallGrid = 200

    /// The values beside one; where they have no order, all others.
    private func neighbours(_ index: Int, on axis: Sweep.Axis) -> [Int] {
        axis.isOrdered ? [index - 1, index + 1] : axis.values.indices.filter { $0 != index }
    }

    private var coarse: [[Int]] {
        let count = axes.reduce(1) { count, axis in
            min(Self.smallGrid + 1, count * max(1, min(Self.smallGrid + 1, axis.values.count)))
        }
        var points: [[Int]] = [[]]
        for axis in axes {
            let last = axis.values.count - 1
            let isWhole = last < 2 || count <= Self.smallGrid || !axis.isOrdered
            let picks = isWhole ? Array(0...max(0, last)) : [0, last / 2, last]
            points = points.flatMap { head in picks.map { head + [$0] } }
        }
        return points
    }
}
