import RedoubtCore
import RedoubtPolicy
import RedoubtSystem
import Synchronization

/// A part of the pool with lists and locks of its own.
///
/// The 64 pages of an extent always belong to the same instance.
///
/// Lock order: frame latch -> LRU lock -> page table shard. Nothing is taken under the flush-list or free-list lock.
/// Under the LRU lock a latch is only tried.
@safe
final class PoolInstance: @unchecked Sendable {
    /// The number of the instance.
    let number: Int
    /// The memory of search indexes.
    let slabs: SearchIndexSlabs

    private let controls: UnsafeMutableRawPointer
    /// Protects ``lru``.
    let lruLock: EngineLock
    /// Protects ``flushList``.
    let flushLock: EngineLock
    private let freeLock: EngineLock
    // Behind pointers, because a mutable class property pays a dynamic exclusivity check on each access.
    private let lruPointer: UnsafeMutablePointer<LRUList>
    let flushPointer: UnsafeMutablePointer<FlushList>
    private let freeHead: UnsafeMutablePointer<UInt32>
    // Changes with the flush list; apart from it, because a copy of the list is cheap and one of these is not.
    let agesPointer: UnsafeMutablePointer<DirtyAges>
    /// Signalled when a thread runs short of frames here: wakes the LRU flusher.
    let roomWanted = Event()
    private let frames: Atomic<Int>
    private let held: Atomic<Int>
    private let limit: Atomic<UInt32>
    private let target = Atomic<Int>(0)
    private let free = Atomic<Int>(0)
    let dirty = Atomic<Int>(0)
    private let listed = Atomic<Int>(0)
    private let taken = Atomic<UInt64>(0)
    private let waits = Atomic<UInt64>(0)
    private let mark = Atomic<Int>(0)
    private let search = Atomic<UInt32>(SearchState.anew)

    /// Creates the instance with `number` of `instanceCount`: its frames are every `instanceCount`th from `number` on,
    /// `frameCount` of them to begin with.
    init(
        number: Int,
        instanceCount: Int,
        frameCount: Int,
        controls: UnsafeMutableRawPointer,
        options: Configuration.BufferPool,
        redoCapacity: Int,
        slabs: SearchIndexSlabs,
        waits: WaitLedger? = nil
    ) {
        lruLock = EngineLock(waits: waits)
        flushLock = EngineLock(waits: waits)
        freeLock = EngineLock(waits: waits)
        self.number = number
        frames = Atomic(frameCount)
        held = Atomic(frameCount)
        limit = Atomic(UInt32(frameCount * instanceCount))
        self.slabs = slabs
        unsafe self.controls = unsafe controls
        unsafe lruPointer = .allocate(capacity: 1)
        unsafe lruPointer.initialize(to: LRUList(controls: controls, oldSublistPercent: options.oldSublistPercent))
        unsafe flushPointer = .allocate(capacity: 1)
        unsafe flushPointer.initialize(to: FlushList(controls: controls))
        unsafe agesPointer = .allocate(capacity: 1)
        unsafe agesPointer.initialize(to: DirtyAges(redoCapacity: redoCapacity))
        unsafe freeHead = .allocate(capacity: 1)
        unsafe freeHead.initialize(to: FrameState.noFrame)
        setFreeTarget(scanDepth: options.lruScanDepth)
        for index in (0..<frameCount).reversed() { pushFree(frame(UInt32(index * instanceCount + number))) }
    }

    deinit {
        unsafe lruPointer.deallocate()
        unsafe flushPointer.deallocate()
        unsafe freeHead.deallocate()
        unsafe agesPointer.deallocate()
    }

    /// The frame with `index`.
    func frame(_ index: UInt32) -> Frame { unsafe Frame(control: controls + Int(index) * Frame.controlByteCount) }

    /// The LRU list; the caller holds ``lruLock``.
    var lru: LRUList { unsafe lruPointer.pointee }

    /// The frame that the sweep looks at next; the caller holds ``lruLock``.
    var sweepPosition: UInt32 {
        get { unsafe lruPointer.pointee.sweep }
        set { unsafe lruPointer.pointee.sweep = newValue }
    }

    /// The flush list; the caller holds ``flushLock``.
    var flushList: FlushList { unsafe flushPointer.pointee }

    /// The number of its frames that the memory option allows.
    var frameCount: Int { frames.load(ordering: .relaxed) }

    /// The number of its frames that hold pages or may: more than ``frameCount`` while some have to leave.
    var heldCount: Int { held.load(ordering: .relaxed) }

    /// The frames from which on none is given to anybody.
    var frameLimit: UInt32 { limit.load(ordering: .relaxed) }

    /// Sets ``frameCount``, and with it the free frames that the cleaner keeps.
    func setFrameCount(_ count: Int, scanDepth: Int) {
        frames.store(count, ordering: .relaxed)
        setFreeTarget(scanDepth: scanDepth)
    }

    /// The free frames that the cleaner keeps, at most an eighth of the frames.
    var freeTarget: Int { target.load(ordering: .relaxed) }

    /// Sets the free frames that the cleaner keeps.
    func setFreeTarget(scanDepth: Int) {
        target.store(max(4, min(scanDepth, frameCount / 8)), ordering: .relaxed)
        setRoomMark(freeTarget / 2)
    }

    /// The free frames at the moment.
    var freeCount: Int { free.load(ordering: .relaxed) }
    /// The dirty pages at the moment.
    var dirtyCount: Int { dirty.load(ordering: .acquiring) }
    /// The pages in the LRU list at the moment.
    var pageCount: Int { listed.load(ordering: .relaxed) }
    /// The frames taken from the free list so far.
    var framesTaken: UInt64 { taken.load(ordering: .relaxed) }
    /// The times that a thread waited for a frame so far.
    var frameWaits: UInt64 { waits.load(ordering: .relaxed) }

    /// Whether a short search for a clean page may find one: not after one that found none, until pages were cleaned.
    ///
    /// InnoDB: `try_LRU_scan`.
    var isSearchPromising: Bool { search.load(ordering: .relaxed) != SearchState.vain }

    /// Says that a search found nothing, or that one found something and the next may go on there.
    func noteSearch(found: Bool) {
        let state = found ? SearchState.goesOn : SearchState.vain
        if search.load(ordering: .relaxed) != state { search.store(state, ordering: .relaxed) }
    }

    /// Says that pages were cleaned: the next search begins at the tail again.
    func noteCleaned() {
        search.store(SearchState.anew, ordering: .relaxed)
    }

    /// The frame that a search for a clean page looks at next; the caller holds ``lruLock``.
    func nextSearchPosition() -> UInt32 {
        let isAnew = search.load(ordering: .relaxed) == SearchState.anew
        if isAnew { search.store(SearchState.goesOn, ordering: .relaxed) }
        let position = lru.search
        return isAnew || position == FrameState.noFrame ? lru.tail : position
    }

    /// Sets where the search goes on; the caller holds ``lruLock``.
    func setSearchPosition(_ index: UInt32) { unsafe lruPointer.pointee.search = index }

    private enum SearchState {
        static var vain: UInt32 { 0 }
        static var goesOn: UInt32 { 1 }
        static var anew: UInt32 { 2 }
    }

    /// With fewer free frames, whoever takes one wakes who makes room.
    var roomMark: Int { mark.load(ordering: .relaxed) }

    /// Sets ``roomMark``.
    func setRoomMark(_ count: Int) { mark.store(count, ordering: .relaxed) }

    /// Counts a thread that waits for a frame.
    func noteWait() { waits.wrappingAdd(1, ordering: .relaxed) }

    // MARK: Free frames

    /// Adds a frame without a page, which nobody latches any more; one that has to leave is withdrawn instead.
    func pushFree(_ frame: Frame) {
        freeLock.lock()
        if frame.index < frameLimit {
            linkFreeLocked(frame)
            free.wrappingAdd(1, ordering: .relaxed)
        } else {
            withdrawLocked(frame)
        }
        freeLock.unlock()
    }

    private func linkFreeLocked(_ frame: Frame) {
        unsafe frame.state.pointee.lruNext.store(freeHead.pointee, ordering: .relaxed)
        unsafe freeHead.pointee = frame.index
    }

    private func withdrawLocked(_ frame: Frame) {
        unsafe frame.state.pointee.lruNext.store(FrameState.noFrame, ordering: .relaxed)
        frame.set(FrameFlags.withdrawn)
        held.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Lets frames up to `limit` be given out.
    func setFrameLimit(_ limit: UInt32) {
        freeLock.lock()
        self.limit.store(limit, ordering: .relaxed)
        freeLock.unlock()
    }

    /// Takes a withdrawn frame below the limit into use again.
    func takeBack(_ frame: Frame) {
        freeLock.lock()
        frame.clear(FrameFlags.withdrawn)
        held.wrappingAdd(1, ordering: .relaxed)
        linkFreeLocked(frame)
        free.wrappingAdd(1, ordering: .relaxed)
        freeLock.unlock()
    }

    /// Ends the giving out of frames from `limit` on and withdraws the free ones among them; one thread at a time.
    ///
    /// Lets go of the lock every few frames; until the end some free frames are not to be had.
    func withdrawFree(from limit: UInt32) {
        freeLock.lock()
        self.limit.store(limit, ordering: .relaxed)
        var next = unsafe freeHead.pointee
        unsafe freeHead.pointee = FrameState.noFrame
        freeLock.unlock()
        while next != FrameState.noFrame {
            freeLock.lock()
            var left = Self.stretch
            while next != FrameState.noFrame && left > 0 {
                let frame = frame(next)
                next = unsafe frame.state.pointee.lruNext.load(ordering: .relaxed)
                if frame.index < limit {
                    linkFreeLocked(frame)
                } else {
                    withdrawLocked(frame)
                    free.wrappingSubtract(1, ordering: .relaxed)
                }
                left -= 1
            }
            freeLock.unlock()
        }
    }

    /// Takes a free frame and latches it exclusively; nil when there is none.
    func popFree() -> Frame? {
        guard freeCount > 0 else { return nil }
        freeLock.lock()
        let index = unsafe freeHead.pointee
        guard index != FrameState.noFrame else {
            freeLock.unlock()
            return nil
        }
        let frame = frame(index)
        unsafe freeHead.pointee = frame.state.pointee.lruNext.load(ordering: .relaxed)
        unsafe frame.state.pointee.lruNext.store(FrameState.noFrame, ordering: .relaxed)
        free.wrappingSubtract(1, ordering: .relaxed)
        taken.wrappingAdd(1, ordering: .relaxed)
        freeLock.unlock()
        // Whoever followed a stale hint here sees no page and lets go at once.
        frame.lockExclusive()
        return frame
    }

    // MARK: LRU list

    /// Adds a page that was read.
    func insertOld(_ frame: Frame) {
        lruLock.lock()
        unsafe lruPointer.pointee.insertOld(frame)
        listed.wrappingAdd(1, ordering: .relaxed)
        lruLock.unlock()
    }

    /// Adds a page that was created.
    func insertYoung(_ frame: Frame) {
        lruLock.lock()
        unsafe lruPointer.pointee.insertYoung(frame)
        listed.wrappingAdd(1, ordering: .relaxed)
        lruLock.unlock()
    }

    /// Takes a page out if it is in.
    func removeFromLRU(_ frame: Frame) {
        lruLock.lock()
        if frame.has(FrameFlags.listed) { removeFromLRULocked(frame) }
        lruLock.unlock()
    }

    /// Takes a page out; the caller holds ``lruLock``.
    func removeFromLRULocked(_ frame: Frame) {
        unsafe lruPointer.pointee.remove(frame)
        listed.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Moves a page to the young end; the caller holds ``lruLock``.
    func makeYoungLocked(_ frame: Frame) {
        unsafe lruPointer.pointee.makeYoung(frame)
    }

    /// Sets the share of the old part of the LRU list.
    func setOldSublist(percent: Int) {
        lruLock.lock()
        unsafe lruPointer.pointee.setOldSublist(percent: percent)
        lruLock.unlock()
    }
}
