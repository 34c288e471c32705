package import RedoubtCore

/// A place in a recovery from which on everything follows from the disk and a digest of what is in memory.
///
/// An exploration of all disks needs such places: states that agree there are explored once. Each is a claim about the
/// code around it, made where that code is; `LazyExplorer` says how the claims are checked. Nothing in builds without
/// `REDOUBT_INTERLEAVING`.
package enum MergePoint: UInt64, Sendable {
    /// A block beyond the end of the redo was looked at.
    case redoTail = 1
    /// The redo is as new writes may follow it.
    case redoContinued
    /// A page of a doublewrite file was looked at.
    case copiesScanned
    /// A data page that has a copy was looked at, and put right if it was torn.
    case pageRepaired
    /// The records of a page were applied.
    case redoApplied
    /// For programs in tests.
    case other
}

/// What stays in memory between merge points, beside what these name themselves.
package enum MemoryPart: UInt64, Sendable {
    /// The redo files and the checkpoint that were chosen.
    case redoFiles = 1
    /// The groups of the redo.
    case redoGroups
    /// Where the redo ends, and what is stale behind.
    case redoEnd
    /// The copies of pages that were found.
    case copies
    /// The torn pages without a copy.
    case unrepairedPages
    /// What page 0 of each file says.
    case headers
    /// The pages to which redo was applied.
    case appliedPages
}

extension Scheduling {
    /// Says that memory holds, from now on, a part with this digest, on which all merge points that follow depend; 0 if
    /// it is not used any more.
    package static func remember(_ part: MemoryPart, _ digest: @autoclosure () -> UInt64) {
        #if REDOUBT_INTERLEAVING
        guard let current, current.isExploring else { return }
        current.remember(part, digest())
        #endif
    }

    /// Says that all that follows depends on the disk and on `digest`; throws if that was explored before.
    package static func merge(at point: MergePoint, _ digest: @autoclosure () -> UInt64) throws(RedoubtError) {
        #if REDOUBT_INTERLEAVING
        guard let current, current.isExplored(at: point, digest) else { return }
        throw RedoubtError(.systemCallFailed, "what follows was explored before")
        #endif
    }

    /// Whether the calling thread belongs to an exploration of all disks, which wants pages to be read one by one.
    ///
    /// The constant false in builds without `REDOUBT_INTERLEAVING`.
    @inlinable
    @inline(__always)
    package static var isExploring: Bool {
        #if REDOUBT_INTERLEAVING
        explores
        #else
        false
        #endif
    }

    @usableFromInline static var explores: Bool { current?.isExploring ?? false }
}
