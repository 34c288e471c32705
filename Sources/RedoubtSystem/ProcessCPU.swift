import CRedoubtShims
import Glibc
import Synchronization

/// How busy this process keeps the processors, sampled at most every 100 ms by whoever asks.
///
/// A simulated thread reads zero, so that nothing depends on the real load.
package final class ProcessCPU: Sendable {
    /// The time between samples.
    package static let intervalNanoseconds: UInt64 = 100_000_000

    /// The number of processors that the process may run on.
    package let processorCount: Int

    private let sampledAt = Atomic<UInt64>(0)
    private let usedAt = Atomic<UInt64>(0)
    // User time in thousandths of one processor.
    private let usage = Atomic<Int>(0)

    /// Starts with no usage known.
    package init() {
        processorCount = max(1, Int(redoubt_processor_count()))
    }

    /// The user time of the process in percent of one processor; above 100 if several are busy.
    package var percentOfOne: Double {
        if Scheduling.isSimulated { return 0 }
        sample(at: redoubt_monotonic_nanoseconds())
        return Double(usage.load(ordering: .relaxed)) / 10
    }

    /// The user time of the process in percent of all processors.
    package var percentOfAll: Double { percentOfOne / Double(processorCount) }

    private func sample(at now: UInt64) {
        let before = sampledAt.load(ordering: .relaxed)
        guard before == 0 || now &- before >= Self.intervalNanoseconds else { return }
        // One thread samples; the others go on with the old value.
        guard sampledAt.compareExchange(expected: before, desired: now, ordering: .acquiringAndReleasing).exchanged
        else { return }
        let used = redoubt_user_nanoseconds()
        let usedBefore = usedAt.exchange(used, ordering: .relaxed)
        guard before != 0, used >= usedBefore else { return }
        usage.store(Int((used - usedBefore) * 1000 / (now - before)), ordering: .relaxed)
    }
}
