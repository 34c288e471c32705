import Synchronization

/// A rule of flushing that a test breaks on purpose, to prove that it would notice.
///
/// Can be set in builds with `REDOUBT_INTERLEAVING` only; elsewhere no rule is ever broken.
package enum CleanerFault: UInt32 {
    /// Nothing is written while nothing else happens (MDEV-24949).
    case losesIdleFlushing = 1
    /// The redo age counts only once it forces sync flushing (MDEV-25093).
    case losesAgeLowWater = 2
    /// The policy sees a low water mark of zero (MDEV-31939).
    case losesDirtyLowWater = 4
    /// LRU batches wait until the free list is empty (MDEV-33053).
    case waitsForEmptyFreeList = 8
    /// Sync flushing skips LRU batches (MDEV-34265).
    case syncSkipsLRU = 16
    /// What the flush-list batch may write is taken from what the LRU batch may (MDEV-36226).
    case listTakesLRUBudget = 32
    /// Who asks for flushing waits for the batch under way (MDEV-39600).
    case requestsWaitForBatches = 64
    /// The cleaner takes redo credit before it makes room in the redo.
    case takesRedoCredit = 128
    /// Requests are looked at when the policy decides, not between.
    case finishesRounds = 256
    /// What is urgent for the redo is left alone while frames are short.
    case framesStarveRedo = 512
    /// The writer waits for the latch of a page.
    case waitsForLatches = 1024
    /// LRU flushers that cannot start are relied on all the same.
    case endsOnError = 2048
    /// Writes that found no space are left to who takes their writer next.
    case forgetsRefusedWrites = 4096
    /// A copy has the sectors changed since the page was last written, whether or not that write is durable.
    case forgetsUnsyncedSectors = 8192
    /// A copy lacks one of the sectors that changed.
    case losesChangedSector = 16384
    /// The room of copies is given away when their pages are written, before they are durable.
    case forgetsUnsyncedSegments = 32768
    /// Pages are written before the redo of their changes is durable.
    case writesBeforeRedo = 65536
    /// The checkpoint passes pages that are dirty.
    case checkpointsPastDirtyPages = 131072
    /// Flush-list batches begin with the youngest of their pages.
    case handsOverNewestFirst = 262144
    /// Recovery writes no page before it has applied everything.
    case recoveryMakesNoRoom = 524288
    /// Recovery gathers all redo before it applies any.
    case recoveryGathersAll = 1048576
    /// Batches may be larger than the log buffer.
    case admitsAnyGroup = 2097152
}

extension Kernel {
    /// Whether the test wants this rule broken.
    @inline(__always)
    func breaks(_ rule: CleanerFault) -> Bool {
        #if REDOUBT_INTERLEAVING
        faults.load(ordering: .relaxed) & rule.rawValue != 0
        #else
        false
        #endif
    }
}

extension Flushing {
    /// Whether the test wants this rule broken.
    @inline(__always)
    func breaks(_ rule: CleanerFault) -> Bool { kernel.breaks(rule) }
}
