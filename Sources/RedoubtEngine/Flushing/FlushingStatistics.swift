package import RedoubtCore
package import RedoubtPolicy
import Synchronization

/// What flushing has done since the database was opened; any thread may read it at any time.
///
/// Each figure is right by itself; figures read one after the other may be of different moments.
package final class FlushingStatistics: Sendable {
    /// What the policy recommended last.
    package struct Recommendation: Sendable, Hashable {
        /// Why pages are written from the flush lists.
        package var mode = FlushingRecommendation.Mode.none
        /// Pages asked for, all instances together.
        package var requestedPages = 0
        /// Only pages whose oldest change is below it were asked for.
        package var lsnLimit = UInt64.max
        /// Bytes of redo that writers may add in a second; nil is as many as they like.
        package var admission: Double?
        /// The nanoseconds to the next decision.
        package var roundNanoseconds: UInt64 = 0
        /// Whence the numbers come.
        package var figures = FlushingRecommendation.Figures()
    }

    // By the place of the reason among all.
    private let written = InlineArray<7, Atomic<UInt64>> { _ in Atomic(0) }
    private let roundCount = Atomic<UInt64>(0)
    private let batchCount = Atomic<UInt64>(0)
    private let skippedCount = Atomic<UInt64>(0)
    private let speed = Atomic<UInt64>(0)
    // Written once a round.
    private let last = Mutex<Recommendation>(Recommendation())

    init() {}

    /// The pages written because of `reason`; neighbours count with the page that they were written with.
    package func pagesWritten(_ reason: FlushReason) -> UInt64 {
        written[Self.place(reason)].load(ordering: .relaxed)
    }

    /// The pages written from the flush lists, whatever the reason.
    package var listPagesWritten: UInt64 {
        FlushReason.allCases.reduce(0) { $1 == .lru ? $0 : $0 &+ pagesWritten($1) }
    }

    /// The decisions of the policy.
    package var rounds: UInt64 { roundCount.load(ordering: .relaxed) }
    /// The requests to the slots: the beats of the rounds and what was urgent between them.
    package var batches: UInt64 { batchCount.load(ordering: .relaxed) }
    /// The pages that were chosen and left, because they were latched or being written.
    package var pagesSkipped: UInt64 { skippedCount.load(ordering: .relaxed) }
    /// The pages per second that the device wrote when the database was opened; 0 if that was not measured.
    package var measuredSpeed: UInt64 { speed.load(ordering: .relaxed) }
    /// What the policy recommended last.
    package var recommendation: Recommendation { last.withLock { $0 } }

    private static func place(_ reason: FlushReason) -> Int {
        switch reason {
        case .adaptive: 0
        case .idle: 1
        case .sync: 2
        case .lru: 3
        case .neighbour: 4
        case .request: 5
        case .close: 6
        }
    }

    func add(_ reason: FlushReason, _ pages: Int) {
        written[Self.place(reason)].wrappingAdd(UInt64(pages), ordering: .relaxed)
    }

    func noteSkipped(_ pages: Int) { skippedCount.wrappingAdd(UInt64(pages), ordering: .relaxed) }

    func noteSpeed(_ pagesPerSecond: Double) {
        speed.store(UInt64(max(1, min(pagesPerSecond, IOCapacityEstimate.maximum))), ordering: .relaxed)
    }

    func noteBatch() { batchCount.wrappingAdd(1, ordering: .relaxed) }

    func note(_ recommendation: Recommendation) {
        last.withLock { $0 = recommendation }
        roundCount.wrappingAdd(1, ordering: .relaxed)
    }
}
