package import RedoubtCore
package import RedoubtSystem
import Synchronization

/// An open tablespace: one keyspace, one tree, one file.
///
/// ## Concurrency
/// Everything immutable is a `let`. `treeLock` serialises changes of the tree's structure (pages allocated and freed)
/// and is taken with no latch held. `extensionLock` serialises growth of the file, after `treeLock`.
/// Writers are counted between ``enter(_:)`` and ``leave()``, so that a drop can wait for those that are inside;
/// readers are not: a reader of a dropped space finds the flag and gives up.
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
    private static let heldBit: UInt64 = 1 << 62
    private static let countMask = heldBit - 1
    // Taken by who keeps writers out, so that there is one.
    private let holdLock = EngineLock()
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

    /// Counts the caller as a writer until ``leave()``; waits while writers are kept out.
    ///
    /// - Throws: `.keyspaceNotFound` once the keyspace is being dropped; `.busy` if writers are kept out and the caller
    ///   has asked not to wait.
    func enter(_ kernel: Kernel) throws(RedoubtError) {
        while try !tryEnter() {
            guard Scheduling.slowdownManner != .fails else {
                throw RedoubtError(.busy, "writers are kept out of the keyspace for an export", path: path)
            }
            let wait = kernel.waits.begin(.keyspaceChange)
            defer { kernel.waits.end(wait) }
            while true {
                let ticket = emptied.ticket
                if gate.value.load(ordering: .acquiring) & Space.heldBit == 0 { break }
                emptied.wait(ticket)
            }
        }
    }

    /// Counts the caller as a writer until ``leave()``, or returns false while writers are kept out.
    ///
    /// - Throws: `.keyspaceNotFound` once the keyspace is being dropped.
    func tryEnter() throws(RedoubtError) -> Bool {
        let before = gate.value.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
        if before & (Space.droppedBit | Space.heldBit) == 0 { return true }
        leave()
        if before & Space.droppedBit != 0 { throw Space.dropped(path) }
        return false
    }

    /// Keeps writers out until ``release()``, and waits until those inside have left; one caller at a time.
    ///
    /// Who holds a space must not write to it.
    ///
    /// - Throws: `.keyspaceNotFound` once the keyspace is being dropped.
    func hold(_ kernel: Kernel) throws(RedoubtError) {
        holdLock.lock(.keyspaceChange, in: kernel.waits)
        gate.value.bitwiseOr(Space.heldBit, ordering: .acquiringAndReleasing)
        while true {
            let ticket = emptied.ticket
            let now = gate.value.load(ordering: .acquiring)
            if now & Space.droppedBit != 0 {
                release()
                throw Space.dropped(path)
            }
            if now & Space.countMask == 0 { return }
            emptied.wait(ticket)
        }
    }

    /// Lets writers in again after ``hold(_:)``.
    func release() {
        gate.value.bitwiseAnd(~Space.heldBit, ordering: .acquiringAndReleasing)
        emptied.signal()
        holdLock.unlock()
    }

    /// Ends what ``enter(_:)`` began.
    package func leave() {
        let now = gate.value.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        let count = now & Space.countMask
        precondition(count < 1 << 32, "a writer left space \(id) that had not entered")
        if count == 0 && now != 0 { emptied.signal() }
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
