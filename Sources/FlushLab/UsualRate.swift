/// What is usual in each tenth of a phase, so that a phase of a low rate is no stall.
///
/// The measure is the median of the phase. Where a rate is aimed at that changes, tenths are compared in proportion to
/// it. Where less than 5 transactions end in a tenth, whole seconds are judged, for chance alone leaves tenths empty; a
/// phase that aims at less than 5 a second is not judged. A median that is next to nothing beside what the best tenths
/// reach is that of a run that stands still most of the time: then the median of those that do not is taken.
struct UsualRate {
    /// The transactions of each tenth, or a tenth of those of the second that it lies in.
    let done: [Double]
    /// What they usually are; 0 where they are not judged.
    let usual: [Double]

    /// Transactions in a tenth from which on tenths are judged, and not seconds.
    private static let fewest = 5.0

    /// Finds what is usual in `span` of `samples`.
    init(_ span: PhaseSpan, _ samples: [Sample]) {
        let own = samples[span.tenths]
        let counts = own.map { Double($0.transactions) }
        let targets = own.map { span.target(at: $0.time - 0.05) }
        let highest = targets.compactMap { $0 }.max()
        guard span.hasLoad, highest.map({ $0 >= Self.fewest }) ?? true else {
            (done, usual) = (counts, counts.map { _ in 0 })
            return
        }
        // Each tenth in proportion to the highest, 1 where no rate is set.
        let parts = targets.map { target in target.map { $0 / (highest ?? 1) } ?? 1 }
        let busy = highest.map { $0 / 10 } ?? counts.filter { $0 > 0 }.median
        let done = busy < Self.fewest && !counts.allSatisfy { $0 == 0 } ? Self.bySecond(counts) : counts
        let leastPart = 0.02
        let scaled = zip(done, parts).filter { $0.1 >= leastPart }.map { $0.0 / $0.1 }
        let level = Self.level(scaled)
        self.done = done
        usual = parts.map { $0 >= leastPart ? $0 * level : 0 }
    }

    /// The mean of each run of ten, in the place of each of them.
    private static func bySecond(_ counts: [Double]) -> [Double] {
        counts.indices.map { index in
            let second = counts[index / 10 * 10..<min(counts.count, index / 10 * 10 + 10)]
            return second.reduce(0, +) / Double(second.count)
        }
    }

    private static func level(_ counts: [Double]) -> Double {
        let middle = counts.median
        let upper = counts.quantile(0.9)
        let high = upper > 0 ? upper : counts.max() ?? 0
        if high <= 0 { return 1 }  // Nothing ever ended: whatever is usual, this is less.
        return middle >= high / 20 ? middle : counts.filter { $0 >= high / 20 }.median
    }
}
