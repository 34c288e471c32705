import RedoubtCore

/// A policy whose capacity is found out where the option says so.
///
/// What the inputs name is the measurement at opening; from the first decision on ``IOCapacityEstimate`` corrects it by
/// what writes show. A capacity that is set passes through, and forgets the estimate.
struct EstimatingDecisions: FlushingDecisions {
    private var base: any FlushingDecisions
    private var estimate: IOCapacityEstimate?
    private var nextUpdate: UInt64 = 0

    /// Nanoseconds between corrections.
    private static var period: UInt64 { 1_000_000_000 }

    /// Creates the same decisions as `base`.
    init(_ base: any FlushingDecisions) {
        self.base = base
    }

    var usesLRUThreads: Bool { base.usesLRUThreads }

    mutating func decideLRU(_ inputs: LRUInputs) -> LRURecommendation { base.decideLRU(inputs) }

    mutating func decide(_ inputs: FlushingInputs) -> FlushingRecommendation {
        guard inputs.options.ioCapacity.pagesPerSecond == nil else {
            estimate = nil
            return base.decide(inputs)
        }
        var present = estimate ?? IOCapacityEstimate(measured: 2 * Double(inputs.ioCapacity))
        if estimate == nil || inputs.now >= nextUpdate {
            present.update(
                now: inputs.now,
                written: inputs.listPagesWritten &+ inputs.lruPagesWritten,
                latency: inputs.writeLatency
            )
            nextUpdate = inputs.now + Self.period
        }
        estimate = present
        var resolved = inputs
        resolved.ioCapacity = present.pagesPerSecond
        return base.decide(resolved)
    }
}
