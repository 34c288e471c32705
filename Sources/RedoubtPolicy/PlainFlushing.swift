package import RedoubtCore

/// How many pages the page cleaner should write now: the plain policy, a pure function.
///
/// Four reasons, the most urgent first: the redo log is nearly full (*sync*), frames run out (*free frames*), the share
/// of dirty pages or the age of the redo grows (*background*), and nothing else happens (*idle*). The result names the
/// pages to write from the flush list and the frames to free from the LRU list in this round.
package struct PlainFlushing: Sendable, Hashable {
    /// Pages in the flush lists.
    package var dirtyPageCount = 0
    /// Pages in memory, dirty ones included.
    package var pageCount = 0
    /// Frames on the free lists.
    package var freeFrameCount = 0
    /// Frames that should be free.
    package var freeFrameTarget = 0
    /// The distance from the oldest modification to the end of the log.
    package var age = 0
    /// The age at which flushing should hurry.
    ///
    /// `LogLimits.asyncFlushAge`, less the margin.
    package var asyncAge = Int.max
    /// The age at which it must.
    ///
    /// `LogLimits.syncFlushAge`, less the margin.
    package var syncAge = Int.max
    /// Whether nobody changed anything since the last round.
    package var isIdle = false
    /// The part of a second that a round stands for, in milliseconds.
    package var roundMilliseconds = 1000
    /// The options.
    package var options = Configuration.Flushing()

    /// Creates inputs that ask for nothing.
    package init() {}

    /// Why pages are to be written.
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        /// There is nothing to do.
        case none
        /// Nothing else happens.
        case idle
        /// The share of dirty pages, or the age, has passed its low watermark.
        case background
        /// The redo log is nearly full.
        case sync
    }

    /// What to do in this round.
    package struct Recommendation: Sendable, Hashable {
        /// Pages to write from the flush list, oldest first.
        package var flushCount: Int
        /// Frames to free from the end of the LRU list, writing those that are dirty.
        package var evictCount: Int
        /// Why `flushCount` pages are to be written.
        package var reason: Reason
        /// The age that flushing should bring the log down to; 0 unless the reason is sync.
        package var targetAge: Int
    }

    /// What to do in this round.
    package var recommendation: Recommendation {
        let evictCount = max(0, freeFrameTarget - freeFrameCount)
        guard dirtyPageCount > 0 else {
            return Recommendation(flushCount: 0, evictCount: evictCount, reason: .none, targetAge: 0)
        }
        if age >= syncAge {
            // All that is older than the target must go, however many that are: the caller stops at the target age.
            return Recommendation(
                flushCount: dirtyPageCount,
                evictCount: evictCount,
                reason: .sync,
                targetAge: min(asyncAge, syncAge)
            )
        }
        let (percent, reason) = backgroundPercent
        if percent == 0 { return Recommendation(flushCount: 0, evictCount: evictCount, reason: .none, targetAge: 0) }
        let capacity = options.ioCapacity.pagesPerSecond ?? 2000
        let perSecond = percent >= 100 ? options.ioCapacityMaximum : capacity * percent / 100
        let count = max(1, perSecond * roundMilliseconds / 1000)
        return Recommendation(
            flushCount: min(dirtyPageCount, count),
            evictCount: evictCount,
            reason: reason,
            targetAge: 0
        )
    }

    /// The share of the I/O capacity to use, in percent; 100 and more stands for the maximum capacity.
    private var backgroundPercent: (Int, Reason) {
        let byAge = agePercent
        let byDirt = dirtPercent
        let percent = max(byAge, byDirt)
        if percent > 0 { return (percent, .background) }
        return isIdle ? (min(99, options.idlePercent), .idle) : (0, .none)
    }

    /// From 0 at half the asynchronous age to 100 at that age.
    private var agePercent: Int {
        guard asyncAge > 1, asyncAge < Int.max else { return 0 }
        let start = asyncAge / 2
        if age < start { return 0 }
        return min(100, (age - start) * 100 / (asyncAge - start))
    }

    /// From the low watermark on, the dirty share in percent of the maximum; 100 from there.
    private var dirtPercent: Int {
        guard pageCount > 0 else { return 0 }
        let share = dirtyPageCount * 100 / pageCount
        let low = options.dirtyPagePercentLowWater
        if share >= options.dirtyPagePercentMaximum { return 100 }
        if low == 0 || share < low { return 0 }
        return max(1, share * 100 / (options.dirtyPagePercentMaximum + 1))
    }
}
