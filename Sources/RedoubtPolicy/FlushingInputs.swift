package import RedoubtCore

/// What a flushing policy may know: everything it decides from, read by the page cleaner before each decision.
///
/// Counters are cumulative since opening; a policy keeps what it saw last and takes the difference. Positions are plain
/// numbers of the log, in bytes.
package struct FlushingInputs: Sendable {
    /// The monotonic time, in nanoseconds.
    package var now: UInt64 = 0
    /// Whether nothing was changed since the decision before.
    package var isIdle = false
    /// Whether pages are being read.
    package var hasPendingReads = false
    /// The end of the log.
    package var currentLSN: UInt64 = 0
    /// The position below which all changes have their pages in the flush lists.
    package var closedLSN: UInt64 = 0
    /// The last checkpoint.
    package var checkpointLSN: UInt64 = 0
    /// The least oldest modification of all flush lists and pages in flight, nil if nothing is dirty.
    package var oldestModification: UInt64?
    /// The instances of the buffer pool.
    package var instances: [Instance] = []
    /// Pages written from flush lists so far.
    package var listPagesWritten: UInt64 = 0
    /// Pages written from the ends of LRU lists so far.
    package var lruPagesWritten: UInt64 = 0
    /// Page writes under way.
    package var writesInFlight = 0
    /// How long page writes take.
    package var writeLatency = WriteLatency()
    /// The limits of the redo log.
    package var limits = RedoLimits()
    /// Bytes of redo that recovery replays in a second on this machine, reads of pages included; see ``ReplayRate``.
    package var replayRate = ReplayRate.assumed
    /// Pages per second that flushing may count on, measured if the option says so.
    package var ioCapacity = 2000
    /// The options.
    package var options = Configuration.Flushing()

    /// Creates inputs of an empty pool and an empty log.
    package init() {}

    /// One instance of the buffer pool.
    package struct Instance: Sendable {
        /// Pages in its flush list.
        package var dirtyPageCount = 0
        /// Pages in its LRU list, dirty ones included.
        package var pageCount = 0
        /// Frames on its free list.
        package var freeFrameCount = 0
        /// Frames that should be free.
        package var freeFrameTarget = 0
        /// Frames taken from the free list so far.
        package var framesTaken: UInt64 = 0
        /// Times that a thread waited for a frame so far.
        package var frameWaits: UInt64 = 0
        /// Its dirty pages by age.
        package var ages: DirtyAges

        /// Creates an empty instance that counts its dirty pages by `ages`.
        package init(ages: DirtyAges) {
            self.ages = ages
        }
    }

    /// How long page writes take, in nanoseconds; 0 is unknown.
    package struct WriteLatency: Sendable, Hashable {
        /// The mean of the last completions.
        package var mean: UInt64 = 0
        /// The least of the last 100 ms.
        package var minimum: UInt64 = 0

        /// Creates latencies that are not known yet.
        package init() {}
    }

    /// The limits of the redo log, as `LogLimits` has them.
    package struct RedoLimits: Sendable, Hashable {
        /// The size of all redo files.
        package var capacity = 0
        /// The age at which flushing should hurry.
        package var asyncFlushAge = Self.unlimited
        /// The age at which it must.
        package var syncFlushAge = Self.unlimited
        /// The most that age and credits may be together: there, writers wait.
        package var freeCheckCapacity = Self.unlimited
        /// The room kept for mini-transactions that run at once.
        package var margin = 0
        /// The age of the oldest dirty page at which adaptive flushing is at its full rate.
        package var dirtyPageAge = Self.unlimited
        /// How far the order of a flush list may differ from the order of the log.
        package var relaxedOrderWindow = 0

        /// An age that no log reaches, small enough to calculate with.
        package static let unlimited = 1 << 50

        /// Creates limits that are never reached.
        package init() {}
    }
}

extension FlushingInputs {
    /// The distance from the oldest modification to the end of what the flush lists have; 0 if nothing is dirty.
    package var age: Int {
        guard let oldestModification, closedLSN > oldestModification else { return 0 }
        return Int(closedLSN - oldestModification)
    }

    /// All dirty pages.
    package var dirtyPageCount: Int { instances.reduce(0) { $0 + $1.dirtyPageCount } }

    /// The share of dirty pages in percent, with InnoDB's divisor.
    package var dirtyPagePercent: Double {
        AdaptiveFlushing.dirtyPagePercent(
            dirtyCount: dirtyPageCount,
            pageCount: instances.reduce(0) { $0 + $1.pageCount },
            freeCount: instances.reduce(0) { $0 + $1.freeFrameCount }
        )
    }

    /// The capacity under pressure, never below ``ioCapacity``.
    package var ioCapacityMaximum: Int { max(1, ioCapacity, options.ioCapacityMaximum) }

    /// The position that a checkpoint could take if the log were durable.
    package var available: UInt64 {
        guard let oldestModification else { return max(closedLSN, checkpointLSN) }
        let lowered = oldestModification - min(oldestModification, UInt64(max(0, limits.relaxedOrderWindow)))
        return max(min(closedLSN, lowered), checkpointLSN)
    }

    /// The position that must be reached because the age with its margin exceeds the sync limit, nil if it does not.
    ///
    /// The window is added, because pages below the position may stand behind others in their list.
    ///
    /// InnoDB: `log_sync_flush_lsn`.
    package var syncFlushLSN: UInt64? {
        let available = available
        guard limits.syncFlushAge < RedoLimits.unlimited, available < currentLSN else { return nil }
        let limit = UInt64(max(0, limits.syncFlushAge - limits.margin))
        guard currentLSN - available > limit else { return nil }
        let target = min(currentLSN, currentLSN - limit)
        return target > available ? target + UInt64(max(0, limits.relaxedOrderWindow)) : nil
    }

    /// Returns `count` pages in equal parts for the instances, each rounded up.
    package func evenly(_ count: Int) -> [Int] {
        let share = (max(0, count) + max(1, instances.count) - 1) / max(1, instances.count)
        return [Int](repeating: share, count: instances.count)
    }

    /// The largest number of frames that should be free in an instance.
    package var freeFrameTarget: Int { instances.reduce(0) { max($0, $1.freeFrameTarget) } }
}
