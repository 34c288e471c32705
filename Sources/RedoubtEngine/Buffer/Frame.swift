import RedoubtCore
import RedoubtSystem
import Synchronization

/// A frame of the buffer pool: 16 KiB for a page, and a control block of 128 bytes beside it.
///
/// The handle is one pointer and may be kept for ever, because frames are never unmapped while the pool lives; which
/// page it holds may change whenever nobody holds its latch. So: latch, then compare ``pageID``, then use.
///
///     control block   0  latch (8 bytes)    8  FrameState    128
@safe
struct Frame: Equatable, @unchecked Sendable {
    /// The control block.
    let control: UnsafeMutableRawPointer

    /// The size of a control block: two cache lines, so that neighbours never share one.
    static var controlByteCount: Int { 128 }

    @inline(__always)
    init(control: UnsafeMutableRawPointer) {
        unsafe self.control = control
    }

    /// Returns whether both are the same frame.
    static func == (left: Frame, right: Frame) -> Bool { unsafe left.control == right.control }

    /// Lays out the control block at `control`.
    static func initialize(_ control: UnsafeMutableRawPointer, index: UInt32, bytes: UnsafeMutableRawPointer) {
        precondition(MemoryLayout<FrameState>.size + 8 <= controlByteCount, "a control block outgrew its 128 bytes")
        unsafe control.bindMemory(to: Latch.self, capacity: 1).initialize(to: Latch())
        unsafe (control + 8).bindMemory(to: FrameState.self, capacity: 1)
            .initialize(to: FrameState(index: index, bytesAddress: UInt(bitPattern: bytes)))
    }

    /// The latch of the page.
    @inline(__always)
    var latch: UnsafeMutablePointer<Latch> { unsafe control.assumingMemoryBound(to: Latch.self) }

    /// The rest of the control block.
    @inline(__always)
    var state: UnsafeMutablePointer<FrameState> { unsafe (control + 8).assumingMemoryBound(to: FrameState.self) }

    /// Has the processor fetch what a search in the page reads first, while the caller looks at the page's header.
    @inline(__always)
    func prefetchSearchIndex() {
        SearchIndex(word: unsafe state.pointee.searchIndex.load(ordering: .relaxed)).prefetch()
    }

    /// The number of the frame, which trees keep as a hint.
    @inline(__always)
    var index: UInt32 { unsafe state.pointee.index }

    /// The memory of the page.
    @inline(__always)
    var memory: UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(bitPattern: state.pointee.bytesAddress).unsafelyUnwrapped
    }

    /// The bytes of the page.
    @inline(__always)
    var bytes: PageBytes { unsafe PageBytes(memory) }

    /// The page in the frame in packed form, 0 for none.
    @inline(__always)
    var packedPageID: UInt64 { unsafe state.pointee.pageID.load(ordering: .acquiring) }

    /// The page in the frame; the id of no page when the frame is free.
    @inline(__always)
    var pageID: PageID { PageID(packed: packedPageID) }

    /// The start of the oldest change that is not on its way to the data file, or zero.
    var oldestModification: LogSequenceNumber {
        LogSequenceNumber(rawValue: unsafe state.pointee.oldestModification.load(ordering: .acquiring))
    }

    /// The end of the newest change.
    var newestModification: LogSequenceNumber {
        LogSequenceNumber(rawValue: unsafe state.pointee.newestModification.load(ordering: .acquiring))
    }

    /// Whether there are changes that no writer has taken yet.
    var isDirty: Bool { unsafe state.pointee.oldestModification.load(ordering: .acquiring) != 0 }

    /// The transfer under way; see ``FrameIOState``.
    var ioState: UInt32 { unsafe state.pointee.ioState.load(ordering: .acquiring) }

    /// Claims the page, which the caller has latched, for being written; false if it is clean or somebody else's.
    ///
    /// The claim comes before the look: after a look another writer may write the page from beginning to end before the
    /// claim. Under the latch nobody makes it dirty again.
    func claimForWriting() -> Bool {
        let claim = unsafe state.pointee.ioState.compareExchange(
            expected: FrameIOState.none,
            desired: FrameIOState.writing,
            ordering: .acquiringAndReleasing
        )
        guard claim.exchanged else { return false }
        if isDirty && packedPageID != 0 { return true }
        unsafe state.pointee.ioState.store(FrameIOState.none, ordering: .releasing)
        return false
    }

    /// Whether all of `flags` are set.
    @inline(__always)
    func has(_ flags: UInt32) -> Bool { unsafe state.pointee.flags.load(ordering: .relaxed) & flags == flags }

    /// Sets `flags`; returns what was set before.
    @discardableResult
    func set(_ flags: UInt32) -> UInt32 {
        unsafe state.pointee.flags.bitwiseOr(flags, ordering: .acquiringAndReleasing).oldValue
    }

    /// Clears `flags`; returns what was set before.
    @discardableResult
    func clear(_ flags: UInt32) -> UInt32 {
        unsafe state.pointee.flags.bitwiseAnd(~flags, ordering: .acquiringAndReleasing).oldValue
    }
}

extension Frame {
    /// Latches shared.
    ///
    /// Waits for an exclusive holder.
    @inline(__always)
    func lockShared() { unsafe latch.lockShared() }
    /// Latches shared if that needs no wait.
    @inline(__always)
    func tryLockShared() -> Bool { unsafe latch.tryLockShared() }
    /// Gives the shared latch back.
    @inline(__always)
    func unlockShared() { unsafe latch.unlockShared() }
    /// Whether somebody waits to latch exclusively: who holds the latch for long should give it back.
    @inline(__always)
    var isWanted: Bool { unsafe latch.isWanted }
    /// Latches exclusively.
    ///
    /// Waits for every other holder.
    @inline(__always)
    func lockExclusive() { unsafe latch.lockExclusive() }
    /// Latches exclusively if that needs no wait.
    @inline(__always)
    func tryLockExclusive() -> Bool { unsafe latch.tryLockExclusive() }
    /// Gives the exclusive latch back; versions taken before are no longer valid.
    @inline(__always)
    func unlockExclusive() { unsafe latch.unlockExclusive() }
    /// Turns the exclusive latch into a shared one.
    @inline(__always)
    func downgradeToShared() { unsafe latch.downgradeToShared() }
    /// The version to validate an optimistic read by, or nil while the page is latched exclusively.
    @inline(__always)
    func optimisticVersion() -> UInt64? { unsafe latch.optimisticVersion() }
    /// Whether nobody has latched the page exclusively since `version`.
    @inline(__always)
    func validate(_ version: UInt64) -> Bool { unsafe latch.validate(version) }
}

// Which sectors a torn write can spoil; why these are enough is in the README of the doublewrite files.
extension Frame {
    /// Says that `sectors` of the page, which is latched exclusively, have changed.
    @inline(__always)
    func noteChanged(_ sectors: PageSectors) {
        // No other thread stores while the latch is held, so this needs no exchange.
        let before = unsafe state.pointee.changedSectors.load(ordering: .relaxed)
        unsafe state.pointee.changedSectors.store(before | sectors.bits, ordering: .relaxed)
    }

    /// Says that nothing is known of what the disk holds of the page that the frame is to have.
    func forgetSectors() {
        unsafe state.pointee.changedSectors.store(PageSectors.all.bits, ordering: .relaxed)
        unsafe state.pointee.unsyncedSectors.store(PageSectors.all.bits, ordering: .relaxed)
        unsafe state.pointee.writeTicket.store(.max, ordering: .relaxed)
    }

    /// Says that the page was read from `file`, and is as it was written.
    func noteRead(from file: PageFile) {
        // The ticket of the page is not known, but is not newer. Without a write since the opening, one that this
        // process has not seen may be waiting for a sync.
        let ticket = max(1, file.writtenTicket)
        unsafe state.pointee.changedSectors.store(PageSectors.none.bits, ordering: .relaxed)
        unsafe state.pointee.unsyncedSectors.store(PageSectors.all.bits, ordering: .relaxed)
        unsafe state.pointee.writeTicket.store(ticket, ordering: .relaxed)
    }

    /// Takes the sectors in which the page, which is latched and whose writer the caller is, may differ from the newest
    /// image of it that is durable in `file`.
    ///
    /// With `isForgetful` only those since it was last written, with `losesOne` without one of these, for tests that
    /// show that this is not enough.
    func takeSectors(_ file: PageFile, isForgetful: Bool = false, losesOne: Bool = false) -> PageSectors {
        let changed = PageSectors(bits: unsafe state.pointee.changedSectors.exchange(0, ordering: .relaxed))
        var sectors = (losesOne ? changed.withoutOne : changed).union(.ends)
        if !isForgetful, !file.isSynced(through: unsafe state.pointee.writeTicket.load(ordering: .relaxed)) {
            sectors = sectors.union(PageSectors(bits: unsafe state.pointee.unsyncedSectors.load(ordering: .relaxed)))
        }
        unsafe state.pointee.unsyncedSectors.store(sectors.bits, ordering: .relaxed)
        unsafe state.pointee.writeTicket.store(.max, ordering: .relaxed)
        return sectors
    }

    /// Says that the write of the page has ended, as the write `ticket` of its file.
    func noteWritten(_ ticket: UInt64) {
        unsafe state.pointee.writeTicket.store(ticket, ordering: .relaxed)
    }
}
