import RedoubtCore
import RedoubtSystem
import Synchronization

/// What the pool counts.
///
/// Hits are not counted: a hit costs about as much as the memory access itself.
enum PoolCounter: Int, CaseIterable, Sendable {
    /// Pages read because somebody wanted them.
    case misses
    /// Pages read ahead.
    case pagesReadAhead
    /// Pages made without a read.
    case pagesCreated
    /// Clean pages that left memory.
    case evictions
    /// Pages that the eviction scan moved to the young end.
    case madeYoung
    /// Times that a thread waited for a free frame.
    case freeWaits
    /// Microseconds of those waits.
    case freeWaitMicroseconds
    /// Pages written.
    case pagesWritten
    /// Doublewrite batches written.
    case doublewriteBatches
    /// Pages in those batches.
    case doublewritePages
    /// Bytes that those batches are shorter because they have changed sectors only.
    case doublewriteSavedBytes
    /// Syncs of data files because a doublewrite file was full.
    case doublewriteDataSyncs
    /// Pages written without a doublewrite, because it is off, redo makes them anew, or the device writes
    /// them all or nothing.
    case doublewriteSkips
    /// Pages written all or nothing by the device.
    case atomicWrites
    /// Writes of pages or copies that found no space, each try.
    case writesWithoutSpace
    /// Dirty pages dropped with their space.
    case pagesDropped
    /// Search indexes built.
    case searchIndexesBuilt
    /// Checkpoints written.
    case checkpoints
    /// Pages whose writing took neighbours along.
    case neighbourBatches
    /// Neighbours chosen to be written with another page.
    case neighbourPages
    /// Pages asked for because many pages of their area were in use.
    case pagesReadAheadAtRandom
    /// Pages that left memory without ever having been used.
    case readAheadEvictions
    /// Pages read because a dump named them.
    case poolPagesLoaded
    /// Loads that found no dump, or one that cannot be used.
    case poolLoadsIgnored
    /// Dumps written.
    case poolDumpsWritten
    /// Dumps that could not be written.
    case poolDumpsFailed
    /// Changes of the memory.
    case resizes
    /// Frames given back to the system.
    case framesWithdrawn
}

/// Counters in shards, so that threads rarely meet; the sum of all shards is the figure.
@safe
struct PoolStatistics: @unchecked Sendable {
    private let counters: UnsafeMutablePointer<Atomic<UInt64>>
    private static var shardCount: Int { 8 }
    // A shard fills whole pairs of cache lines.
    private static var shardStride: Int { (PoolCounter.allCases.count + 15) / 16 * 16 }

    init() {
        unsafe counters = .allocate(capacity: Self.shardCount * Self.shardStride)
        for index in 0..<Self.shardCount * Self.shardStride { unsafe (counters + index).initialize(to: Atomic(0)) }
    }

    func deallocate() {
        unsafe counters.deallocate()
    }

    /// Adds `amount`; `shard` is any number that spreads threads, such as a page number.
    func add(_ counter: PoolCounter, _ amount: UInt64 = 1, shard: UInt32 = 0) {
        let index = Int(shard % UInt32(Self.shardCount)) * Self.shardStride + counter.rawValue
        unsafe counters[index].wrappingAdd(amount, ordering: .relaxed)
    }

    /// The sum of `counter`.
    subscript(_ counter: PoolCounter) -> UInt64 {
        var sum: UInt64 = 0
        for shard in 0..<Self.shardCount {
            sum &+= unsafe counters[shard * Self.shardStride + counter.rawValue].load(ordering: .relaxed)
        }
        return sum
    }
}
