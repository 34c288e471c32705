/// A mistake that page cleaners have had, made again on purpose, to show what it looks like.
///
/// Named after the entries of MariaDB's bug tracker.
package enum CleanerBug: String, Sendable, Hashable, CaseIterable {
    /// MDEV-24949: nothing is written while nothing else happens.
    case idleFlushingLost
    /// MDEV-25093: the age of the redo counts only when it is nearly full.
    case ageLowWaterIgnored
    /// MDEV-31939: the low-water mark of the dirty share arrives as zero, which is off.
    case dirtyLowWaterZero
    /// MDEV-33053: frames are made free only when there are none left.
    case lruWaitsForEmpty
    /// MDEV-34265: furious flushing makes no frames free.
    case syncSkipsLRU
    /// MDEV-36226: what flush lists may write is taken from what LRU lists may.
    case listTakesLRUBudget
    /// MDEV-39600: who needs redo space is heard only when a round ends.
    case requestsUnheard

    /// The entry that it was found under.
    package var entry: String {
        switch self {
        case .idleFlushingLost: "MDEV-24949"
        case .ageLowWaterIgnored: "MDEV-25093"
        case .dirtyLowWaterZero: "MDEV-31939"
        case .lruWaitsForEmpty: "MDEV-33053"
        case .syncSkipsLRU: "MDEV-34265"
        case .listTakesLRUBudget: "MDEV-36226"
        case .requestsUnheard: "MDEV-39600"
        }
    }
}
