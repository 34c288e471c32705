import RedoubtCore
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
    /// The first of its frames.
    let firstFrame: UInt32
    /// The number of its frames.
    let frameCount: Int
    /// The free frames that the cleaner keeps, at most an eighth of the frames.
    let freeTarget: Int
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
    private let flushPointer: UnsafeMutablePointer<FlushList>
    private let freeHead: UnsafeMutablePointer<UInt32>
    private let free = Atomic<Int>(0)
    private let dirty = Atomic<Int>(0)
    private let listed = Atomic<Int>(0)

    init(
        number: Int,
        firstFrame: UInt32,
        frameCount: Int,
        controls: UnsafeMutableRawPointer,
        options: Configuration.BufferPool,
        slabs: SearchIndexSlabs,
        waits: WaitLedger? = nil
    ) {
        lruLock = EngineLock(waits: waits)
        flushLock = EngineLock(waits: waits)
        freeLock = EngineLock(waits: waits)
        self.number = number
        self.firstFrame = firstFrame
        self.frameCount = frameCount
        self.slabs = slabs
        unsafe self.controls = unsafe controls
        freeTarget = max(4, min(options.lruScanDepth, frameCount / 8))
        unsafe lruPointer = .allocate(capacity: 1)
        unsafe lruPointer.initialize(to: LRUList(controls: controls, oldSublistPercent: options.oldSublistPercent))
        unsafe flushPointer = .allocate(capacity: 1)
        unsafe flushPointer.initialize(to: FlushList(controls: controls))
        unsafe freeHead = .allocate(capacity: 1)
        unsafe freeHead.initialize(to: FrameState.noFrame)
        for index in (0..<frameCount).reversed() { pushFree(frame(firstFrame + UInt32(index))) }
    }

    deinit {
        unsafe lruPointer.deallocate()
        unsafe flushPointer.deallocate()
        unsafe freeHead.deallocate()
    }

    /// The frame with `index`.
    func frame(_ index: UInt32) -> Frame { unsafe Frame(control: controls + Int(index) * Frame.controlByteCount) }

    /// The LRU list; the caller holds ``lruLock``.
    var lru: LRUList { unsafe lruPointer.pointee }

    /// The flush list; the caller holds ``flushLock``.
    var flushList: FlushList { unsafe flushPointer.pointee }

    /// The free frames at the moment.
    var freeCount: Int { free.load(ordering: .relaxed) }
    /// The dirty pages at the moment.
    var dirtyCount: Int { dirty.load(ordering: .acquiring) }
    /// The pages in the LRU list at the moment.
    var pageCount: Int { listed.load(ordering: .relaxed) }

    // MARK: Free frames

    /// Adds a frame without a page, which nobody latches any more.
    func pushFree(_ frame: Frame) {
        freeLock.lock()
        unsafe frame.state.pointee.lruNext.store(freeHead.pointee, ordering: .relaxed)
        unsafe freeHead.pointee = frame.index
        free.wrappingAdd(1, ordering: .relaxed)
        freeLock.unlock()
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

    // MARK: Flush list

    /// Adds a clean page that the mini-transaction which started at `start` changed; the caller has it latched
    /// exclusively.
    func insertDirty(_ frame: Frame, start: LogSequenceNumber) {
        flushLock.lock()
        unsafe flushPointer.pointee.insert(frame, oldest: start.rawValue)
        dirty.wrappingAdd(1, ordering: .releasing)
        flushLock.unlock()
    }

    /// Takes a page out; `before` is told its oldest modification while it still is in the list.
    func removeDirty(_ frame: Frame, _ before: (UInt64) -> Void = { _ in }) {
        flushLock.lock()
        before(frame.oldestModification.rawValue)
        unsafe flushPointer.pointee.remove(frame)
        dirty.wrappingSubtract(1, ordering: .releasing)
        flushLock.unlock()
    }

    /// Says that pages enter in no order from now on, until ``sortFlushList()``.
    func beginUnorderedFlushList() {
        flushLock.lock()
        unsafe flushPointer.pointee.beginUnordered()
        flushLock.unlock()
    }

    /// Puts the flush list in order.
    func sortFlushList() {
        flushLock.lock()
        unsafe flushPointer.pointee.sort()
        flushLock.unlock()
    }

    /// A bound that no dirty page is older than, or nil when no page is dirty.
    func lowWater(window: UInt64) -> UInt64? {
        flushLock.lock()
        defer { flushLock.unlock() }
        return flushList.lowWater(window: window)
    }

    /// Whether there is a dirty page, being written or not, whose oldest change is below `limit`.
    func hasDirty(below limit: UInt64) -> Bool {
        flushLock.lock()
        defer { flushLock.unlock() }
        let list = flushList
        var index = list.tail
        while index != FrameState.noFrame {
            let frame = frame(index)
            if frame.oldestModification.rawValue < limit { return true }
            index = list.previous(frame)
        }
        return false
    }

    /// Appends to `chosen` the numbers of at most `count` dirty pages, oldest first, whose oldest change is below
    /// `limit`.
    ///
    /// A page may be `window` younger than one behind it, so the search ends only that much beyond the limit.
    func chooseOldest(limit: UInt64, window: UInt64, count: Int, into chosen: inout [UInt32]) {
        flushLock.lock()
        defer { flushLock.unlock() }
        let list = flushList
        let end = limit > .max - window ? .max : limit + window
        var index = list.tail
        var wanted = count
        while index != FrameState.noFrame && wanted > 0 {
            let frame = frame(index)
            let oldest = frame.oldestModification.rawValue
            if list.isOrdered && oldest >= end { break }
            if oldest < limit && frame.ioState == FrameIOState.none {
                chosen.append(index)
                wanted -= 1
            }
            index = list.previous(frame)
        }
    }
}
