import Synchronization

/// The content that a recovery finds on disks which recoveries left, by the hash of the disk.
///
/// Equal disks are recovered once. Any thread.
final class RecoveredDisks: Sendable {
    private struct Known {
        var hashes: [UInt64: UInt64] = [:]
        var askedCount = 0
        var answeredCount = 0
    }

    private let known = Mutex(Known())

    /// Returns the hash of what was found on the disk with hash `disk`, or nil if none was recovered.
    func hash(after disk: UInt64) -> UInt64? {
        known.withLock { known in
            known.askedCount += 1
            let hash = known.hashes[disk]
            if hash != nil { known.answeredCount += 1 }
            return hash
        }
    }

    /// Keeps what was found.
    func add(_ disk: UInt64, _ hash: UInt64) { known.withLock { $0.hashes[disk] = hash } }

    /// The disks that were asked for, and those of them that were known.
    var counts: (asked: Int, answered: Int) { known.withLock { ($0.askedCount, $0.answeredCount) } }
}
