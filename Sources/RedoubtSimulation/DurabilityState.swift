import RedoubtCore

/// What a disk is certain to hold and what it may hold, after the events so far: the persistence model.
///
/// A change is uncertain from its event until a sync of its file (content, size) or of its directory (names) covers it.
/// A power cut keeps any subset of the uncertain changes, applied in their order.
package struct DurabilityState: Sendable {
    /// A change that no sync has covered.
    struct Pending: Sendable {
        let change: StorageChange
        let sequence: Int
        /// The write has ended, so that a sync covers it.
        var isFinished: Bool
        /// A sync of it failed, so that no later sync covers it.
        var isStuck: Bool
        /// What stands for this change in the key of a set of changes.
        var key: UInt64 { mix(UInt64(sequence)) }

        /// Returns the same of `change`, which is a part of this one.
        func with(_ change: StorageChange) -> Pending {
            Pending(change: change, sequence: sequence, isFinished: isFinished, isStuck: isStuck)
        }
    }

    /// What is certain.
    package private(set) var durable: DiskImage
    private(set) var pending: [Pending] = []
    /// The sum of the keys of the changes that became certain.
    private(set) var durableKey: UInt64 = 0
    /// The number of the next event.
    package private(set) var sequence = 0
    /// The commits that must be found.
    package private(set) var acknowledged = 0
    /// The commits that may be found.
    package private(set) var issued = 0

    /// Creates the state of a disk on which everything in `image` is durable.
    package init(_ image: DiskImage, keepsHash: Bool = false) {
        durable = image
        durable.keepsHash = keepsHash
    }

    /// The changes that a power cut now may keep or lose.
    package var pendingCount: Int { pending.count }

    /// The writes under way.
    var unfinished: [Pending] { pending.filter { !$0.isFinished } }

    /// Takes the next event into account.
    package mutating func record(_ event: SimulatedEvent) {
        switch event {
        case .change(let change):
            pending.append(Pending(change: change, sequence: sequence, isFinished: true, isStuck: false))
        case .start(let change):
            pending.append(Pending(change: change, sequence: sequence, isFinished: false, isStuck: false))
        case .finish(let started):
            for index in pending.indices where pending[index].sequence == started { pending[index].isFinished = true }
        case .sync(let file):
            settle { $0.isFinished && !$0.isStuck && $0.change.contentFile == file }
        case .syncFailed(let file):
            for index in pending.indices where pending[index].change.contentFile == file && pending[index].isFinished {
                pending[index].isStuck = true
            }
        case .syncAbandoned(let file, let aftermath):
            abandon(file, aftermath)
        case .syncDirectory(let path):
            settle { $0.change.isCovered(bySyncOf: path) }
        case .syncDirectoryFailed:
            // Names are the journal's: a later sync covers them, or the file system has stopped.
            break
        case .mark(.issued(let number)):
            issued = max(issued, number)
        case .mark(.acknowledged(let number)):
            acknowledged = max(acknowledged, number)
        case .mark(.note):
            break
        }
        sequence += 1
    }

    private mutating func settle(_ isCovered: (Pending) -> Bool) {
        var left: [Pending] = []
        for item in pending {
            guard isCovered(item) else {
                left.append(item)
                continue
            }
            durable.apply(item.change)
            durableKey &+= item.key
            // An older write to the same place cannot come back over a newer one that is durable.
            guard left.contains(where: { $0.change.isReplaced(by: item.change) }) else { continue }
            left = left.flatMap { older in
                older.change.remains(under: item.change).map { older.with($0) }
            }
        }
        pending = left
    }

    /// Gives up what a sync of `file` should have made durable.
    private mutating func abandon(_ file: Int, _ aftermath: SyncAftermath) {
        let size = durable.contentSize(file)
        pending = pending.compactMap { item in
            guard item.isFinished, !item.isStuck, item.change.contentFile == file else { return item }
            return item.change.remains(after: aftermath, durableSize: size).map { item.with($0) }
        }
    }

    /// The position of the newest write that is uncertain.
    var newestWrite: Int? { pending.lastIndex { $0.change.sectorCount > 0 } }

    /// Returns the disk as `cut` leaves it.
    package func image(after cut: PowerCut) -> DiskImage {
        var image = durable
        let newest = cut.tear == nil ? nil : newestWrite
        var random = SeededRandom(seed: 0)
        switch cut.selection {
        case .seeded(let seed), .mixed(let seed): random = SeededRandom(seed: seed)
        default: break
        }
        for index in pending.indices {
            var isKept = false
            switch cut.selection {
            case .none: isKept = false
            case .all: isKept = true
            case .prefix(let count): isKept = index < count
            case .omitting(let omitted): isKept = index != omitted
            case .only(let only): isKept = index == only
            case .seeded: isKept = random.next() >> 63 == 1
            case .mixed:
                for part in pending[index].change.mixed(&random) { image.apply(part) }
                continue
            }
            if index == newest, let tear = cut.tear {
                image.apply(pending[index].change.torn(tear))
            } else if isKept {
                image.apply(pending[index].change)
            }
        }
        image.dropUnreachable()
        return image
    }
}
