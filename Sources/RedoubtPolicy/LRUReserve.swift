import RedoubtCore

/// How an LRU flusher keeps frames free: a reserve of a quarter of a second's demand, refilled smoothly.
///
/// Demand is frames taken per second. A batch writes what demand takes until the next one has been written, and a tenth
/// of what the reserve lacks, so the device sees a steady rate instead of one burst a second.
struct LRUReserve: Sendable, Hashable {
    private var demand = MovingRate(seconds: 0.5)
    private var suddenDemand = MovingRate(seconds: 0.1)
    private var lastWaits: UInt64 = 0
    private var sleep: UInt64 = Self.longest
    private var lastDecision: UInt64?

    /// The sleep between batches while frames are taken, in nanoseconds.
    static let shortest: UInt64 = 10_000_000
    /// The longest sleep, in nanoseconds.
    static let longest: UInt64 = 1_000_000_000
    /// The most that a batch may take and still have its demand made good at once, in nanoseconds.
    static let longestBatch: UInt64 = 250_000_000
    /// More frames a second than any machine takes; only keeps what two decisions in a moment see from overflowing.
    static let largestDemand = 1e12
    /// The part of a lack that one batch makes good.
    static let refill = 0.1

    /// Decides after a batch.
    mutating func decide(_ inputs: LRUInputs) -> LRURecommendation {
        // A step up counts at once, a step down after half a second.
        let taken = Double(inputs.framesTaken)
        let rate = min(
            Self.largestDemand,
            max(demand.update(now: inputs.now, value: taken), suddenDemand.update(now: inputs.now, value: taken))
        )
        let hasWaiters = inputs.frameWaits != lastWaits
        lastWaits = inputs.frameWaits
        // What is configured is there in any case; beyond that at most an eighth of the pool lies idle.
        let reserve = max(1, inputs.freeFrameTarget, min(inputs.pageCount / 8, Int(0.25 * rate)))
        let lack = max(0, reserve - inputs.freeFrameCount)
        // The next batch takes as long as the last one, often longer than the sleep.
        let elapsed = inputs.now - min(inputs.now, lastDecision ?? inputs.now)
        let batch = min(elapsed - min(elapsed, sleep), Self.longestBatch)
        lastDecision = inputs.now
        sleep = rate > 0 || lack > 0 ? Self.shortest : min(Self.longest, 2 * sleep)
        var pages = Int((rate * Double(Self.shortest + batch) / 1e9 + Double(lack) * Self.refill).rounded(.up))
        // Threads that wait are served at once.
        if hasWaiters || inputs.freeFrameCount == 0 { pages = max(pages, lack) }
        return LRURecommendation(pages: max(pages, min(1, lack)), freeTarget: reserve, sleep: sleep)
    }
}
