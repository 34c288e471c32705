package import RedoubtCore
package import RedoubtSystem
import Synchronization

/// An open tablespace: one keyspace, one tree, one file.
///
/// ## Concurrency
/// Everything immutable is a `let`. `treeLock` serialises changes of the tree's structure (pages allocated and freed)
/// and is taken with no latch held. `extensionLock` serialises growth of the file, after `treeLock`.
/// Writers are counted between ``enter()`` and ``leave()``, so that a drop can wait for those that are inside; readers
/// are not: a reader of a dropped space finds the flag and gives up.
package final class Space: Sendable {
    /// The number that every page of the file carries.
    package let id: SpaceID
    /// The path of the file.
    package let path: String
    /// The file.
    package let file: any StorageFile
    /// The index id that every page of the tree carries.
    package let indexID: UInt64
    /// Serialises structure changes of the tree; taken with no latch held.
    package let treeLock = EngineLock()
    /// Serialises growth of the file; taken after `treeLock`, with no latch held.
    let extensionLock = EngineLock()
    /// Held by a batch that writes chains, from before its first pending slot until it has given all back.
    ///
    /// Two batches that each hold half of the slots would wait for ever. Taken in the order of space ids, before
    /// `treeLock`.
    let chainLock = EngineLock()

    // The slots of chains whose freeing failed for want of room; looked at by who writes large values.
    private let leftChains = Mutex<[Int]>([])

    private static let droppedBit: UInt64 = 1 << 63
    private let gate = CacheIsolated(Atomic<UInt64>(0))
    private let emptied = Event()
    private let sizeWord = Atomic<UInt32>(0)
    private let rootHintWord = Atomic<UInt32>(.max)

    init(id: SpaceID, path: String, file: any StorageFile, pageCount: UInt32) {
        self.id = id
        self.path = path
        self.file = file
        indexID = Space.indexID(of: id)
        sizeWord.store(pageCount, ordering: .relaxed)
    }

    /// Returns the index id of the tree of space `id`: the same on every page, derived so that nothing has to store it.
    package static func indexID(of id: SpaceID) -> UInt64 { UInt64(id.rawValue) << 8 | 1 }

    /// The size in pages (FSP_SIZE) as of the last change that this process made or read.
    package var pageCount: UInt32 { sizeWord.load(ordering: .acquiring) }

    /// Notes a new size.
    func setPageCount(_ count: UInt32) {
        sizeWord.store(count, ordering: .releasing)
    }

    /// The frame in which the root of the tree was last seen, or `.max`.
    @inline(__always)
    var rootHint: UInt32 { rootHintWord.load(ordering: .relaxed) }

    /// Remembers the frame of the root; written only when it changes, because every reader reads it.
    @inline(__always)
    func noteRoot(_ frame: UInt32) {
        if rootHintWord.load(ordering: .relaxed) != frame { rootHintWord.store(frame, ordering: .relaxed) }
    }

    /// Keeps the chain that `slot` names for whoever can free it.
    func leaveChain(slot: Int) { leftChains.withLock { $0.append(slot) } }

    /// Takes all the chains that were kept, by their slots; the caller frees or keeps each.
    func takeLeftChains() -> [Int] {
        leftChains.withLock { slots in
            defer { slots.removeAll() }
            return slots
        }
    }

    /// Whether the keyspace was dropped.
    package var isDropped: Bool { gate.value.load(ordering: .acquiring) & Space.droppedBit != 0 }

    /// Counts the caller as a writer until ``leave()``.
    ///
    /// - Throws: `.keyspaceNotFound` once the keyspace is being dropped.
    package func enter() throws(RedoubtError) {
        let before = gate.value.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
        if before & Space.droppedBit != 0 {
            leave()
            throw Space.dropped(path)
        }
    }

    /// Ends what ``enter()`` began.
    package func leave() {
        let now = gate.value.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        precondition(now & ~Space.droppedBit < 1 << 32, "a writer left space \(id) that had not entered")
        if now == Space.droppedBit { emptied.signal() }
    }

    /// Lets no more writers in and waits until those inside have left.
    ///
    /// Returns false if the space was dropped before.
    func close() -> Bool {
        let before = gate.value.bitwiseOr(Space.droppedBit, ordering: .acquiringAndReleasing).oldValue
        if before & Space.droppedBit != 0 { return false }
        while true {
            let ticket = emptied.ticket
            if gate.value.load(ordering: .acquiring) == Space.droppedBit { return true }
            _ = emptied.wait(ticket)
        }
    }

    /// Lets writers in again after a drop that failed before it changed anything.
    func reopen() {
        gate.value.bitwiseAnd(~Space.droppedBit, ordering: .acquiringAndReleasing)
    }

    /// The error of every call on a dropped keyspace.
    package static func dropped(_ path: String) -> RedoubtError {
        RedoubtError(.keyspaceNotFound, "the keyspace was dropped; open another one", path: path)
    }
}
