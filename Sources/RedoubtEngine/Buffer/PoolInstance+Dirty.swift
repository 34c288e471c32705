import RedoubtCore
import RedoubtPolicy
import RedoubtSystem
import Synchronization

// The flush list of an instance and its count by age, changed together under the flush lock.
extension PoolInstance {
    /// Adds a clean page that the mini-transaction which started at `start` changed; the caller has it latched
    /// exclusively.
    func insertDirty(_ frame: Frame, start: LogSequenceNumber) {
        flushLock.lock()
        unsafe flushPointer.pointee.insert(frame, oldest: start.rawValue)
        unsafe agesPointer.pointee.add(start.rawValue)
        dirty.wrappingAdd(1, ordering: .releasing)
        flushLock.unlock()
    }

    /// Takes a page out; `before` is told its oldest modification while it still is in the list.
    func removeDirty(_ frame: Frame, _ before: (UInt64) -> Void = { _ in }) {
        flushLock.lock()
        let oldest = frame.oldestModification.rawValue
        before(oldest)
        unsafe flushPointer.pointee.remove(frame)
        unsafe agesPointer.pointee.remove(oldest)
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

    /// The dirty pages by age, with buckets for a log of `redoCapacity` bytes.
    ///
    /// Counts anew when the capacity has changed.
    func dirtyAges(redoCapacity: Int) -> DirtyAges {
        flushLock.lock()
        defer { flushLock.unlock() }
        var fresh = DirtyAges(redoCapacity: redoCapacity)
        if unsafe fresh.bucketWidth == agesPointer.pointee.bucketWidth { return unsafe agesPointer.pointee }
        let list = flushList
        var index = list.tail
        while index != FrameState.noFrame {
            let frame = frame(index)
            fresh.add(frame.oldestModification.rawValue)
            index = list.previous(frame)
        }
        unsafe agesPointer.pointee = fresh
        return fresh
    }

    /// A bound that no dirty page is older than, or nil when no page is dirty.
    func lowWater(window: UInt64) -> UInt64? {
        flushLock.lock()
        defer { flushLock.unlock() }
        return flushList.lowWater(window: window)
    }

    /// Whether there is a dirty page whose oldest change is below `limit`; pages in flight are not counted.
    func hasDirty(below limit: UInt64, window: UInt64) -> Bool {
        flushLock.lock()
        defer { flushLock.unlock() }
        let list = flushList
        let end = limit > .max - window ? .max : limit + window
        var index = list.tail
        while index != FrameState.noFrame {
            let frame = frame(index)
            let oldest = frame.oldestModification.rawValue
            if oldest < limit { return true }
            if list.isOrdered && oldest >= end { return false }
            index = list.previous(frame)
        }
        return false
    }

    /// Starts choosing pages for a flush-list batch at the oldest one.
    ///
    /// One batch an instance: a second one would only make the first look at pages again, or miss some until the next.
    func beginChoosing() {
        flushLock.lock()
        unsafe flushPointer.pointee.beginScan()
        flushLock.unlock()
    }

    /// Appends to `chosen` the numbers of at most `count` dirty pages, oldest first, whose oldest change is below
    /// `limit`, from where the choice before ended; returns whether there are no more.
    ///
    /// Lets go of the lock every few pages. Before it does, `note` is called with `chosen`, the number of those that
    /// were there already, and whether the list is in order.
    @discardableResult
    func chooseOldest(
        limit: UInt64,
        window: UInt64,
        count: Int,
        into chosen: inout [UInt32],
        note: ((inout [UInt32], Int, Bool) -> Void)? = nil
    ) -> Bool {
        var isAtEnd = false
        let most = chosen.count + count
        while !isAtEnd && chosen.count < most {
            let before = chosen.count
            flushLock.lock()
            isAtEnd = unsafe flushPointer.pointee.scanOn(
                limit: limit,
                window: window,
                count: most,
                steps: Self.stretch,
                into: &chosen
            )
            note?(&chosen, before, flushList.isOrdered)
            flushLock.unlock()
        }
        return isAtEnd
    }

    /// The pages that a scan looks at before it lets go of the lock.
    static var stretch: Int { 64 }
}
