import RedoubtCore
import Synchronization

/// The order in which pages of an instance leave memory: a list with a midpoint.
///
///     head (used lately) ... young ... | old ... tail (next to go)
///
/// Pages that are read enter at the midpoint, so a scan that uses each page once passes through the old part and leaves
/// the young part alone. The midpoint exists from 512 pages on; below, every page counts as old and enters at the head.
/// Callers hold the LRU lock of the instance.
///
/// ## References
/// InnoDB: `buf_LRU_old_adjust_len`, `innodb_old_blocks_pct`.
@safe
struct LRUList {
    private let controls: UnsafeMutableRawPointer
    /// The share of the old part, in 1024ths.
    private(set) var oldRatio: Int
    /// The pages in the list.
    private(set) var count = 0
    /// The pages in the old part, 0 while there is no midpoint.
    private(set) var oldCount = 0
    private(set) var head = FrameState.noFrame
    private(set) var tail = FrameState.noFrame
    /// The first old frame, or none while there is no midpoint.
    private(set) var midpoint = FrameState.noFrame
    /// Where the sweep under way goes on: the frame to look at next, or none at its end.
    ///
    /// This and ``search`` move towards the head when their frame leaves, so that a scan may let go of the lock at any
    /// time.
    ///
    /// InnoDB: `lru_hp`, `lru_scan_itr`.
    var sweep = FrameState.noFrame
    /// Where the next search for a clean page begins, or none for the tail.
    var search = FrameState.noFrame

    /// From this length on the list has a midpoint.
    ///
    /// InnoDB: `BUF_LRU_OLD_MIN_LEN`.
    static var midpointMinimum: Int { 512 }
    /// The old part may be off its size by so many pages.
    ///
    /// InnoDB: `BUF_LRU_OLD_TOLERANCE`.
    static var tolerance: Int { 20 }
    /// The fewest young pages.
    ///
    /// InnoDB: `BUF_LRU_NON_OLD_MIN_LEN`.
    static var youngMinimum: Int { 5 }

    /// Creates an empty list over the frames whose control blocks start at `controls`.
    init(controls: UnsafeMutableRawPointer, oldSublistPercent: Int) {
        unsafe self.controls = unsafe controls
        oldRatio = oldSublistPercent * 1024 / 100
    }

    /// Returns the size that the old part of a list of `count` pages should have.
    static func oldTarget(count: Int, ratio: Int) -> Int {
        min(count * ratio / 1024, count - (tolerance + youngMinimum))
    }

    /// Sets the share of the old part, in percent.
    mutating func setOldSublist(percent: Int) {
        let ratio = percent * 1024 / 100
        guard ratio != oldRatio else { return }
        oldRatio = ratio
        if midpoint != FrameState.noFrame { adjust() }
    }

    private func frame(_ index: UInt32) -> Frame {
        unsafe Frame(control: controls + Int(index) * Frame.controlByteCount)
    }

    /// The neighbour of `frame` towards the tail.
    func next(_ frame: Frame) -> UInt32 { unsafe frame.state.pointee.lruNext.load(ordering: .relaxed) }

    /// The neighbour of `frame` towards the head.
    func previous(_ frame: Frame) -> UInt32 { unsafe frame.state.pointee.lruPrevious.load(ordering: .relaxed) }

    private func setNext(_ index: UInt32, _ value: UInt32) {
        unsafe frame(index).state.pointee.lruNext.store(value, ordering: .relaxed)
    }

    private func setPrevious(_ index: UInt32, _ value: UInt32) {
        unsafe frame(index).state.pointee.lruPrevious.store(value, ordering: .relaxed)
    }

    /// Adds a page that was read: at the midpoint.
    mutating func insertOld(_ new: Frame) {
        precondition(!new.has(FrameFlags.listed), "frame \(new.index) is in the LRU list already")
        if midpoint == FrameState.noFrame {
            link(new, before: head)
            new.set(FrameFlags.old | FrameFlags.listed)
            count += 1
            establishMidpointIfLong()
        } else {
            let after = next(frame(midpoint))
            link(new, before: after)
            new.set(FrameFlags.old | FrameFlags.listed)
            count += 1
            oldCount += 1
            adjust()
        }
    }

    /// Adds a page that was created: at the head.
    mutating func insertYoung(_ new: Frame) {
        precondition(!new.has(FrameFlags.listed), "frame \(new.index) is in the LRU list already")
        link(new, before: head)
        count += 1
        if midpoint == FrameState.noFrame {
            new.set(FrameFlags.old | FrameFlags.listed)
            establishMidpointIfLong()
        } else {
            new.clear(FrameFlags.old)
            new.set(FrameFlags.listed)
            adjust()
        }
    }

    /// Takes `gone` out.
    mutating func remove(_ gone: Frame) {
        precondition(gone.has(FrameFlags.listed), "frame \(gone.index) is not in the LRU list")
        let index = gone.index
        let wasOld = gone.has(FrameFlags.old)
        if midpoint == index {
            // A neighbour takes over: the one towards the head becomes old, so that the count stays as it is.
            let neighbour = previous(gone)
            if neighbour != FrameState.noFrame {
                midpoint = neighbour
                frame(neighbour).set(FrameFlags.old)
                oldCount += 1
            } else {
                midpoint = next(gone)
            }
        }
        if sweep == index { sweep = previous(gone) }
        if search == index { search = previous(gone) }
        unlink(gone)
        gone.clear(FrameFlags.listed | FrameFlags.old)
        count -= 1
        guard midpoint != FrameState.noFrame else { return }
        if wasOld { oldCount -= 1 }
        if count < Self.midpointMinimum {
            markAllOld()
            midpoint = FrameState.noFrame
            oldCount = 0
        } else {
            adjust()
        }
    }

    /// Moves `frame` to the head.
    mutating func makeYoung(_ frame: Frame) {
        remove(frame)
        insertYoung(frame)
    }

    private mutating func link(_ new: Frame, before successor: UInt32) {
        let index = new.index
        let predecessor = successor == FrameState.noFrame ? tail : previous(frame(successor))
        setNext(index, successor)
        setPrevious(index, predecessor)
        if predecessor == FrameState.noFrame { head = index } else { setNext(predecessor, index) }
        if successor == FrameState.noFrame { tail = index } else { setPrevious(successor, index) }
    }

    private mutating func unlink(_ gone: Frame) {
        let before = previous(gone)
        let after = next(gone)
        if before == FrameState.noFrame { head = after } else { setNext(before, after) }
        if after == FrameState.noFrame { tail = before } else { setPrevious(after, before) }
        setNext(gone.index, FrameState.noFrame)
        setPrevious(gone.index, FrameState.noFrame)
    }

    private mutating func establishMidpointIfLong() {
        guard count >= Self.midpointMinimum else { return }
        // Every page is old; the adjustment gives the excess back to the young part.
        midpoint = head
        oldCount = count
        adjust()
    }

    private mutating func adjust() {
        let target = Self.oldTarget(count: count, ratio: oldRatio)
        while oldCount + Self.tolerance < target {
            let neighbour = previous(frame(midpoint))
            precondition(neighbour != FrameState.noFrame, "the old part of \(oldCount) pages has no younger neighbour")
            midpoint = neighbour
            frame(neighbour).set(FrameFlags.old)
            oldCount += 1
        }
        while oldCount > target + Self.tolerance {
            let leaving = frame(midpoint)
            midpoint = next(leaving)
            leaving.clear(FrameFlags.old)
            oldCount -= 1
        }
    }

    private func markAllOld() {
        var index = head
        while index != FrameState.noFrame {
            let current = frame(index)
            current.set(FrameFlags.old)
            index = next(current)
        }
    }
}
