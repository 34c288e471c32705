import RedoubtCore

/// Percona Server 8.0: MySQL's formulas for the flush lists, and a thread for each LRU list that sleeps less the fewer
/// frames are free.
///
/// Threads that need a frame wait for that thread; they never write pages.
///
/// ## References
/// Percona Server 8.0: `buf_lru_manager_adapt_sleep_time`.
package struct PerconaLRUFlushing: FlushingDecisions, Hashable {
    private var lists = MySQL80Flushing()
    private var sleep = Self.longestSleep

    /// The longest sleep of an LRU flusher, in milliseconds.
    package static let longestSleep = 1000

    /// Creates a policy that has seen nothing.
    package init() {}

    package var usesLRUThreads: Bool { true }

    package mutating func decide(_ inputs: FlushingInputs) -> FlushingRecommendation { lists.decide(inputs) }

    package mutating func decideLRU(_ inputs: LRUInputs) -> LRURecommendation {
        let limit = min(inputs.pageCount, inputs.freeFrameTarget)
        let free = inputs.freeFrameCount * 100
        let hasWorked = inputs.lastWritten + inputs.lastEvicted > 0
        if free < limit && hasWorked {
            sleep = 0
        } else if free > 20 * limit || free < limit {
            sleep = min(Self.longestSleep, sleep + 1)
        } else if free < 5 * limit && sleep >= 50 {
            sleep -= 50
        }
        return LRURecommendation(
            pages: max(1, inputs.freeFrameTarget),
            freeTarget: inputs.freeFrameTarget,
            sleep: UInt64(sleep) * 1_000_000
        )
    }
}
