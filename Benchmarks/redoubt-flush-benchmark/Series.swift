/// Figures of a list of numbers.
enum Series {
    /// The mean, 0 of none.
    static func mean(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }

    /// The standard deviation relative to the mean.
    static func variation(_ values: [Double]) -> Double {
        let mean = mean(values)
        guard values.count > 1, mean > 0 else { return 0 }
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(values.count - 1)).squareRoot() / mean
    }

    /// The value that the share `part` of all are at most, 0 of none.
    static func quantile(_ values: [Double], _ part: Double) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }

    /// The value in the middle, the mean of the two there of an even number, 0 of none.
    static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    /// The least value relative to the median.
    static func worstToMedian(_ values: [Double]) -> Double {
        let median = median(values)
        return median > 0 ? (values.min() ?? 0) / median : 0
    }
}

/// A stretch of a run, from one time to another, in seconds of the monotonic clock.
struct Stretch: Sendable {
    let start: Double
    let end: Double

    /// The stretch without its first `seconds`.
    func dropping(_ seconds: Double) -> Stretch { Stretch(start: min(end, start + seconds), end: end) }

    /// The samples within.
    func samples(of all: [Sample]) -> [Sample] { all.filter { $0.seconds >= start && $0.seconds <= end } }
}

extension Array where Element == Sample {
    /// How much `field` grows a second.
    func rate(_ field: Sample.Field) -> Double {
        guard let first, let last, last.seconds > first.seconds else { return 0 }
        return Double(last[field] - first[field]) / (last.seconds - first.seconds)
    }

    /// How much `field` grows in each whole second.
    func ratesBySecond(_ field: Sample.Field) -> [Double] {
        var rates: [Double] = []
        guard var start = first else { return [] }
        // A sample may come a little early or late; what counts is the time between those taken.
        for sample in self where sample.seconds - start.seconds >= 0.95 {
            rates.append(Double(sample[field] - start[field]) / (sample.seconds - start.seconds))
            start = sample
        }
        return rates
    }

    /// The durations of all updates but those before the first sample.
    var latencies: Histogram {
        var sum = Histogram()
        for sample in dropFirst() { sum.add(sample.latencies) }
        return sum
    }

    /// The greatest value of `figure`.
    func most(_ figure: (Sample) -> Double) -> Double { map(figure).max() ?? 0 }

    /// The mean value of `figure`.
    func mean(_ figure: (Sample) -> Double) -> Double { Series.mean(map(figure)) }
}
