import RedoubtCore
import RedoubtSystem
import Synchronization

/// A page that a mini-transaction has latched.
@safe
struct MemoEntry {
    /// The frame.
    var frame: Frame
    /// Latched exclusively, else shared.
    var isExclusive: Bool
    /// Changed: stays latched until commit.
    var isModified: Bool
    /// How often it was asked for.
    var holds: UInt16
}

/// The memory of a mini-transaction: the memo of latched pages and the redo group being written.
///
/// Used again and again, so that a mini-transaction allocates nothing.
///
/// A frame is found in the memo by walking over the first ``walkedCount`` entries, which is all of them as a rule. Of
/// those beyond, the exclusive ones have their place in ``FrameState/memoPosition``: only who holds that latch writes
/// it, so a frame is at the place that it says or is not among them. Shared ones beyond are counted, and looked for.
@safe
struct MiniTransactionContext {
    private(set) var entries: UnsafeMutablePointer<MemoEntry>
    private(set) var entryCapacity = 64
    /// The pages latched.
    var entryCount = 0
    /// The entries beyond the first ``walkedCount`` that are not exclusive.
    private var farSharedCount = 0
    private(set) var buffer: UnsafeMutableRawPointer
    private(set) var bufferCapacity = MiniTransactionContext.bufferCapacityAtRest
    /// The bytes of the group, with the 4 for its length.
    var byteCount = MiniTransactionContext.groupHeaderByteCount
    /// The page of the last record, packed; 0 for none.
    var lastPage: UInt64 = 0
    // Frames without a page, latched, for pages to be made; no memory before the first one.
    private var spares: UnsafeMutablePointer<Frame>?
    private var spareCapacity = 0
    /// The frames held for pages to be made.
    private(set) var spareCount = 0

    /// The entries at the front that are looked for one by one.
    private static var walkedCount: Int { 8 }
    /// The bytes that the log fills in.
    static var groupHeaderByteCount: Int { 4 }
    private static var bufferCapacityAtRest: Int { 8192 }

    init() {
        unsafe entries = .allocate(capacity: 64)
        unsafe buffer = .allocate(byteCount: Self.bufferCapacityAtRest, alignment: 16)
    }

    func deallocate() {
        unsafe entries.deallocate()
        unsafe buffer.deallocate()
        unsafe spares?.deallocate()
    }

    /// Makes the context as new; large buffers are given back.
    mutating func reset() {
        entryCount = 0
        farSharedCount = 0
        byteCount = Self.groupHeaderByteCount
        lastPage = 0
        if bufferCapacity > 16 * Self.bufferCapacityAtRest {
            unsafe buffer.deallocate()
            bufferCapacity = Self.bufferCapacityAtRest
            unsafe buffer = .allocate(byteCount: bufferCapacity, alignment: 16)
        }
    }

    /// Adds a latched page.
    mutating func push(_ entry: MemoEntry) {
        if entryCount == entryCapacity {
            let larger = UnsafeMutablePointer<MemoEntry>.allocate(capacity: 2 * entryCapacity)
            unsafe larger.moveInitialize(from: entries, count: entryCount)
            unsafe entries.deallocate()
            unsafe entries = unsafe larger
            entryCapacity *= 2
        }
        unsafe (entries + entryCount).initialize(to: entry)
        if entryCount >= Self.walkedCount { notePosition(entryCount) }
        entryCount += 1
    }

    /// Notes where the entry at `index`, which is not among the first, stands.
    private mutating func notePosition(_ index: Int) {
        let entry = unsafe entries[index]
        if entry.isExclusive {
            unsafe entry.frame.state.pointee.memoPosition.store(UInt32(index), ordering: .relaxed)
        } else {
            farSharedCount += 1
        }
    }

    /// Takes the entry at `index` out; the order of the others stays.
    mutating func remove(at index: Int) {
        for later in index + 1..<max(index + 1, entryCount) { unsafe entries[later - 1] = entries[later] }
        entryCount -= 1
        farSharedCount = 0
        for later in min(Self.walkedCount, entryCount)..<entryCount { notePosition(later) }
    }

    /// Keeps `frame` for a page to be made.
    mutating func pushSpare(_ frame: Frame) {
        if spareCount == spareCapacity {
            let capacity = max(16, 2 * spareCapacity)
            let larger = UnsafeMutablePointer<Frame>.allocate(capacity: capacity)
            if let spares = unsafe spares {
                unsafe larger.moveInitialize(from: spares, count: spareCount)
                unsafe spares.deallocate()
            }
            unsafe spares = unsafe larger
            spareCapacity = capacity
        }
        unsafe (spares.unsafelyUnwrapped + spareCount).initialize(to: frame)
        spareCount += 1
    }

    /// Takes out a frame that was kept and for which `isWanted` holds, the last one first.
    @inline(__always)
    mutating func takeSpare(_ isWanted: (Frame) -> Bool) -> Frame? {
        var index = spareCount &- 1
        while index >= 0 {
            let frame = unsafe spares.unsafelyUnwrapped[index]
            if isWanted(frame) {
                spareCount -= 1
                unsafe spares.unsafelyUnwrapped[index] = unsafe spares.unsafelyUnwrapped[spareCount]
                return frame
            }
            index &-= 1
        }
        return nil
    }

    /// The position of `frame` in the memo, in a number of steps that does not grow with the memo.
    @inline(__always)
    func position(of frame: Frame) -> Int? {
        var index = min(entryCount, Self.walkedCount) &- 1
        while index >= 0 {
            if unsafe entries[index].frame == frame { return index }
            index &-= 1
        }
        return entryCount > Self.walkedCount ? farPosition(of: frame) : nil
    }

    @inline(never)
    private func farPosition(of frame: Frame) -> Int? {
        let noted = Int(unsafe frame.state.pointee.memoPosition.load(ordering: .relaxed))
        if noted < entryCount, unsafe entries[noted].frame == frame { return noted }
        if farSharedCount == 0 { return nil }
        return (Self.walkedCount..<entryCount).first { unsafe entries[$0].frame == frame }
    }

    /// The position of the frame of `page` in the memo.
    @inline(__always)
    func position(of page: PageID) -> Int? {
        let packed = page.packed
        var index = entryCount &- 1
        while index >= 0 {
            if unsafe entries[index].frame.packedPageID == packed { return index }
            index &-= 1
        }
        return nil
    }

    /// The room behind the records, at least `byteCount` bytes.
    mutating func room(_ wanted: Int) -> UnsafeMutableRawBufferPointer {
        if byteCount + wanted > bufferCapacity {
            var capacity = bufferCapacity
            while capacity < byteCount + wanted { capacity *= 2 }
            let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
            unsafe larger.copyMemory(from: buffer, byteCount: byteCount)
            unsafe buffer.deallocate()
            unsafe buffer = unsafe larger
            bufferCapacity = capacity
        }
        return unsafe UnsafeMutableRawBufferPointer(start: buffer + byteCount, count: bufferCapacity - byteCount)
    }

    /// The group written so far.
    var group: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: buffer, count: byteCount)
    }
}

/// The contexts of a database, one a thread as a rule: a thread starts its search at a place of its own.
@safe
final class MiniTransactionContexts: @unchecked Sendable {
    private static var slotCount: Int { 64 }
    private let slots: UnsafeMutablePointer<Slot>

    private struct Slot: ~Copyable {
        let address = Atomic<UInt>(0)
        let padding = InlineArray<15, UInt64>(repeating: 0)
    }

    init() {
        unsafe slots = IsolatedMemory.allocate(Slot.self, count: Self.slotCount)
        for index in 0..<Self.slotCount { unsafe (slots + index).initialize(to: Slot()) }
    }

    deinit {
        for index in 0..<Self.slotCount {
            let address = unsafe slots[index].address.load(ordering: .acquiring)
            if let context = unsafe UnsafeMutablePointer<MiniTransactionContext>(bitPattern: address) {
                unsafe context.pointee.deallocate()
                unsafe context.deallocate()
            }
        }
        unsafe IsolatedMemory.free(slots)
    }

    /// Takes a context out of its slot, or makes one.
    @inline(__always)
    func take() -> UnsafeMutablePointer<MiniTransactionContext> {
        let slot = Int(Scheduling.threadOrdinal) % Self.slotCount
        let address = unsafe slots[slot].address.exchange(0, ordering: .acquiring)
        if let context = unsafe UnsafeMutablePointer<MiniTransactionContext>(bitPattern: address) {
            return unsafe context
        }
        return unsafe make()
    }

    @inline(never)
    private func make() -> UnsafeMutablePointer<MiniTransactionContext> {
        let context = UnsafeMutablePointer<MiniTransactionContext>.allocate(capacity: 1)
        unsafe context.initialize(to: MiniTransactionContext())
        return unsafe context
    }

    /// Puts a context back; a second one of the same slot is freed.
    @inline(__always)
    func give(_ context: UnsafeMutablePointer<MiniTransactionContext>) {
        unsafe context.pointee.reset()
        let slot = Int(Scheduling.threadOrdinal) % Self.slotCount
        let exchange = unsafe slots[slot].address.compareExchange(
            expected: 0,
            desired: UInt(bitPattern: context),
            ordering: .releasing
        )
        if !exchange.exchanged {
            unsafe context.pointee.deallocate()
            unsafe context.deallocate()
        }
    }
}
