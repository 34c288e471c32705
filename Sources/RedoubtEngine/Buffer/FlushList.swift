import RedoubtCore
import Synchronization

/// The dirty pages of an instance, newest at the head, oldest at the tail.
///
/// Mini-transactions insert at the head without agreeing on an order, so an entry may be younger than its neighbour
/// towards the head by as much as the relaxed-order window of the log: what is below the tail's LSN minus that window
/// is on no page of the list. Recovery applies pages in any order; until ``sort()`` the list knows that it is unordered
/// and finds its oldest entry by looking at all. Callers hold the flush-list lock of the instance.
@safe
struct FlushList {
    private let controls: UnsafeMutableRawPointer
    private(set) var head = FrameState.noFrame
    private(set) var tail = FrameState.noFrame
    /// The dirty pages in the list.
    private(set) var count = 0
    /// Whether neighbours are in order except for the window.
    private(set) var isOrdered = true
    /// Where the scan under way goes on: the frame to look at next, or none at its end.
    ///
    /// Moves towards the head when that frame leaves, so that a scan may let go of the lock at any time.
    ///
    /// InnoDB: `flush_hp`.
    private(set) var scan = FrameState.noFrame

    /// Creates an empty list over the frames whose control blocks start at `controls`.
    init(controls: UnsafeMutableRawPointer) {
        unsafe self.controls = unsafe controls
    }

    private func frame(_ index: UInt32) -> Frame {
        unsafe Frame(control: controls + Int(index) * Frame.controlByteCount)
    }

    private func next(_ frame: Frame) -> UInt32 { unsafe frame.state.pointee.flushNext.load(ordering: .relaxed) }

    /// The neighbour of `frame` towards the head.
    func previous(_ frame: Frame) -> UInt32 { unsafe frame.state.pointee.flushPrevious.load(ordering: .relaxed) }

    /// Adds the clean page in `new`, first changed by the mini-transaction that starts at `oldest`.
    mutating func insert(_ new: Frame, oldest: UInt64) {
        let before = unsafe new.state.pointee.oldestModification.load(ordering: .relaxed)
        precondition(
            before == 0 && oldest != 0,
            "page \(new.pageID) enters the flush list at \(oldest), dirty since \(before)"
        )
        unsafe new.state.pointee.oldestModification.store(oldest, ordering: .releasing)
        linkAtHead(new)
    }

    private mutating func linkAtHead(_ new: Frame) {
        unsafe new.state.pointee.flushNext.store(head, ordering: .relaxed)
        unsafe new.state.pointee.flushPrevious.store(FrameState.noFrame, ordering: .relaxed)
        if head == FrameState.noFrame {
            tail = new.index
        } else {
            unsafe frame(head).state.pointee.flushPrevious.store(new.index, ordering: .relaxed)
        }
        head = new.index
        count += 1
    }

    /// Takes the page in `gone` out; it is clean afterwards.
    mutating func remove(_ gone: Frame) {
        precondition(gone.isDirty, "page \(gone.pageID) leaves the flush list, but is clean")
        let before = previous(gone)
        let after = next(gone)
        if scan == gone.index { scan = before }
        if before == FrameState.noFrame {
            head = after
        } else {
            unsafe frame(before).state.pointee.flushNext.store(after, ordering: .relaxed)
        }
        if after == FrameState.noFrame {
            tail = before
        } else {
            unsafe frame(after).state.pointee.flushPrevious.store(before, ordering: .relaxed)
        }
        unsafe gone.state.pointee.flushNext.store(FrameState.noFrame, ordering: .relaxed)
        unsafe gone.state.pointee.flushPrevious.store(FrameState.noFrame, ordering: .relaxed)
        unsafe gone.state.pointee.oldestModification.store(0, ordering: .releasing)
        count -= 1
    }

    /// Starts a scan at the oldest page.
    mutating func beginScan() {
        scan = tail
    }

    /// Goes on with the scan for at most `steps` pages: appends to `chosen` those whose oldest change is below `limit`
    /// and that nobody writes, until it has `count`.
    ///
    /// A page may be `window` younger than one behind it, so the scan ends only that much beyond the limit. Returns
    /// whether it has ended.
    mutating func scanOn(
        limit: UInt64,
        window: UInt64,
        count: Int,
        steps: Int,
        into chosen: inout [UInt32]
    ) -> Bool {
        let end = limit > .max - window ? .max : limit + window
        var left = steps
        while scan != FrameState.noFrame && chosen.count < count && left > 0 {
            let current = frame(scan)
            let oldest = current.oldestModification.rawValue
            if isOrdered && oldest >= end {
                scan = FrameState.noFrame
                break
            }
            if oldest < limit && current.ioState == FrameIOState.none { chosen.append(scan) }
            scan = previous(current)
            left -= 1
        }
        return scan == FrameState.noFrame
    }

    /// A bound that no page of the list is older than by more than `window`, or nil when the list is empty; what the
    /// window takes off has been taken off.
    func lowWater(window: UInt64) -> UInt64? {
        guard tail != FrameState.noFrame else { return nil }
        if isOrdered {
            let oldest = frame(tail).oldestModification.rawValue
            return oldest > window ? oldest - window : 0
        }
        var minimum = UInt64.max
        var index = tail
        while index != FrameState.noFrame {
            let current = frame(index)
            minimum = min(minimum, current.oldestModification.rawValue)
            index = previous(current)
        }
        return minimum
    }

    /// Says that pages enter in no order, as in recovery.
    mutating func beginUnordered() {
        isOrdered = false
    }

    /// Puts the list in order.
    mutating func sort() {
        var entries: [(oldest: UInt64, index: UInt32)] = []
        entries.reserveCapacity(count)
        var index = tail
        while index != FrameState.noFrame {
            let current = frame(index)
            entries.append((current.oldestModification.rawValue, index))
            index = previous(current)
        }
        entries.sort { $0 < $1 }
        head = FrameState.noFrame
        tail = FrameState.noFrame
        scan = FrameState.noFrame
        count = 0
        for entry in entries {
            linkAtHead(frame(entry.index))
        }
        isOrdered = true
    }
}
