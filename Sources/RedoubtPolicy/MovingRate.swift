/// The growth of a counter per second, as a mean over a fixed time.
///
/// Keeps some samples of the counter, at most one in a twentieth of the span: being asked more often changes nothing.
struct MovingRate: Sendable, Hashable {
    private let span: UInt64
    private var samples: [Sample] = []

    private struct Sample: Sendable, Hashable {
        var time: UInt64
        var value: Double
    }

    /// Creates a mean over `seconds`.
    init(seconds: Double) {
        span = UInt64(seconds * 1e9)
    }

    /// Takes the counter at `now`, and returns its growth per second since `span` ago, or since the first sample.
    mutating func update(now: UInt64, value: Double) -> Double {
        while samples.count > 1, samples[1].time + span <= now { samples.removeFirst() }
        let rate = samples.first.map { first in
            now > first.time ? max(0, (value - first.value) * 1e9 / Double(now - first.time)) : 0
        }
        if samples.last.map({ now >= $0.time + span / 20 }) ?? true {
            samples.append(Sample(time: now, value: value))
        }
        return rate ?? 0
    }
}
