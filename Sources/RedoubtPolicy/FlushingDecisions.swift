package import RedoubtCore

/// A flushing policy at work: what it saw so far, and what it recommends.
///
/// A value with no clock and no I/O: the same inputs give the same recommendations, in the engine and in tests. The
/// page cleaner has one and each LRU flusher has one of its own, so nothing is shared between threads. It is asked once
/// a round, where an existential costs nothing.
package protocol FlushingDecisions: Sendable {
    /// Decides for the page cleaner; called at the time the decision before named, or earlier.
    mutating func decide(_ inputs: FlushingInputs) -> FlushingRecommendation

    /// Whether LRU lists have a thread each: then page cleaners leave them alone.
    var usesLRUThreads: Bool { get }

    /// Decides for the LRU flusher of one instance, after each of its batches.
    mutating func decideLRU(_ inputs: LRUInputs) -> LRURecommendation
}

extension FlushingDecisions {
    /// LRU lists are served by page cleaners unless a policy says otherwise.
    package var usesLRUThreads: Bool { false }

    /// Fills up the free list once a second.
    package mutating func decideLRU(_ inputs: LRUInputs) -> LRURecommendation {
        LRURecommendation(
            pages: max(1, inputs.freeFrameTarget),
            freeTarget: inputs.freeFrameTarget,
            sleep: 1_000_000_000
        )
    }
}

/// Creates the decisions of `policy`, which has seen nothing so far.
package func makeDecisions(_ policy: FlushingPolicy) -> any FlushingDecisions {
    let decisions: any FlushingDecisions =
        switch policy {
        case .textbook: TextbookFlushing()
        case .mysql80: MySQL80Flushing()
        case .mysql57: MySQL57Flushing()
        case .mariadb: MariaDBFlushing()
        case .perconaLRU: PerconaLRUFlushing()
        case .redoubt: RedoubtFlushing()
        }
    return EstimatingDecisions(decisions)
}
