import RedoubtCore
import RedoubtSystem
import Synchronization

// A hit is: compare the hint's page id (or walk a bucket), latch, compare again, leave a trace.
extension BufferPool {
    /// Returns the frame of `page`, latched shared; reads the page if it is not in memory.
    ///
    /// Waits for latch and I/O.
    ///
    /// `hint` is the number of the frame where the page was last seen, or `.max`.
    /// - Throws: `.corruptPage`, `.readFailed`, `.keyspaceNotFound` if the file is not open, `.poolExhausted`.
    @inline(__always)
    func fetchShared(_ page: PageID, hint: UInt32 = .max) throws(RedoubtError) -> Frame {
        if hint < frameBound {
            let frame = frame(hint)
            if frame.packedPageID == page.packed {
                latchShared(frame)
                if frame.packedPageID == page.packed {
                    touch(frame)
                    return frame
                }
                frame.unlockShared()
            }
        }
        return try fetchSharedByTable(page)
    }

    /// Returns the frame of `page`, latched exclusively; as ``fetchShared(_:hint:)`` otherwise.
    @inline(__always)
    func fetchExclusive(_ page: PageID, hint: UInt32 = .max) throws(RedoubtError) -> Frame {
        if hint < frameBound {
            let frame = frame(hint)
            if frame.packedPageID == page.packed {
                latchExclusive(frame)
                if frame.packedPageID == page.packed {
                    touch(frame)
                    return frame
                }
                frame.unlockExclusive()
            }
        }
        return try fetchExclusiveByTable(page, acceptsUnwritten: false)
    }

    /// Returns the frame of `page` and the version to validate what is read by; no latch is taken.
    ///
    /// Waits only for an exclusive holder and for I/O.
    @inline(__always)
    func fetchOptimistic(
        _ page: PageID,
        hint: UInt32 = .max
    ) throws(RedoubtError) -> (frame: Frame, version: UInt64) {
        if hint < frameBound {
            let frame = frame(hint)
            if let version = frame.optimisticVersion(), frame.packedPageID == page.packed {
                touch(frame)
                return (frame, version)
            }
        }
        return try fetchOptimisticByTable(page)
    }

    /// Returns the frame of `page` latched exclusively for recovery, to which a page of zeros, or beyond the end of the
    /// file, is one that was never written.
    func fetchForRecovery(_ page: PageID) throws(RedoubtError) -> Frame {
        try fetchExclusiveByTable(page, acceptsUnwritten: true)
    }

    /// Returns the frame of `page`, latched exclusively, without reading the page: zeros, or whatever the page last
    /// held if it is in memory.
    ///
    /// The first operation must be one that initialises the page. Waits for the latch, and for a frame unless `spare`
    /// is one: a free frame of the page's instance, taken before, which becomes free again if it is not needed.
    func create(_ page: PageID, spare: Frame? = nil) throws(RedoubtError) -> Frame {
        var spare = spare
        defer { if let spare { giveBack(spare) } }
        while true {
            if let frame = table.find(page) {
                latchExclusive(frame)
                if frame.packedPageID == page.packed {
                    dropSearchIndex(frame)
                    touch(frame)
                    return frame
                }
                frame.unlockExclusive()
            }
            let new: Frame
            if let spare { new = spare } else { new = try takeFreeFrame(instance(of: page)) }
            guard table.insert(page, into: new) == nil else {
                if spare == nil { giveBack(new) }
                continue
            }
            spare = nil
            unsafe new.memory.initializeMemory(as: UInt8.self, repeating: 0, count: pageByteCount)
            unsafe new.state.pointee.newestModification.store(0, ordering: .relaxed)
            unsafe new.state.pointee.firstAccess.store(updateClock(), ordering: .relaxed)
            new.forgetSectors()
            new.set(FrameFlags.accessed | FrameFlags.fresh)
            instance(of: new).insertYoung(new)
            statistics.add(.pagesCreated, shard: page.number.rawValue)
            return new
        }
    }

    /// The frame of `page` if the page is in memory at the moment; no latch is taken.
    func peek(_ page: PageID) -> Frame? { table.find(page) }

    // MARK: Without a hint

    @inline(never)
    private func fetchSharedByTable(_ page: PageID) throws(RedoubtError) -> Frame {
        while true {
            if let frame = table.find(page) {
                latchShared(frame)
                if frame.packedPageID == page.packed {
                    touch(frame)
                    return frame
                }
                frame.unlockShared()
            } else if let frame = try readIn(page, acceptsUnwritten: false) {
                noteFirstAccess(frame)
                frame.downgradeToShared()
                return frame
            }
        }
    }

    @inline(never)
    private func fetchExclusiveByTable(_ page: PageID, acceptsUnwritten: Bool) throws(RedoubtError) -> Frame {
        while true {
            if let frame = table.find(page) {
                latchExclusive(frame)
                if frame.packedPageID == page.packed {
                    touch(frame)
                    return frame
                }
                frame.unlockExclusive()
            } else if let frame = try readIn(page, acceptsUnwritten: acceptsUnwritten) {
                noteFirstAccess(frame)
                return frame
            }
        }
    }

    @inline(never)
    private func fetchOptimisticByTable(_ page: PageID) throws(RedoubtError) -> (frame: Frame, version: UInt64) {
        while true {
            if let frame = table.find(page) {
                let version = frame.optimisticVersion() ?? awaitVersion(frame)
                if frame.packedPageID == page.packed {
                    touch(frame)
                    return (frame, version)
                }
            } else if let frame = try readIn(page, acceptsUnwritten: false) {
                // The next turn finds it, and leaves the trace.
                frame.unlockExclusive()
            }
        }
    }

    // MARK: Latching

    /// Latches `frame` shared.
    ///
    /// Waits.
    @inline(__always)
    func latchShared(_ frame: Frame) {
        if !frame.tryLockShared() { awaitLatch(frame, exclusively: false) }
    }

    /// Latches `frame` exclusively.
    ///
    /// Waits.
    @inline(__always)
    func latchExclusive(_ frame: Frame) {
        if !frame.tryLockExclusive() { awaitLatch(frame, exclusively: true) }
    }

    @inline(never)
    private func awaitLatch(_ frame: Frame, exclusively: Bool) {
        let wait = waits.begin(obstacle(frame))
        defer { waits.end(wait) }
        if exclusively { frame.lockExclusive() } else { frame.lockShared() }
    }

    @inline(never)
    private func awaitVersion(_ frame: Frame) -> UInt64 {
        let wait = waits.begin(obstacle(frame))
        defer { waits.end(wait) }
        return unsafe frame.latch.awaitOptimisticVersion()
    }

    /// Why a frame is latched: a page that comes in is until it is there.
    private func obstacle(_ frame: Frame) -> WaitReason {
        frame.ioState == FrameIOState.reading ? .pageRead : .pageLatch
    }

    // MARK: Traces

    /// Leaves the trace of an access: two loads when there is nothing new to say.
    @inline(__always)
    func touch(_ frame: Frame) {
        let flags = unsafe frame.state.pointee.flags.load(ordering: .relaxed)
        if flags & (FrameFlags.accessed | FrameFlags.referenced) == FrameFlags.accessed | FrameFlags.referenced {
            return
        }
        touchSlowly(frame, flags)
    }

    @inline(never)
    private func touchSlowly(_ frame: Frame, _ flags: UInt32) {
        if flags & FrameFlags.accessed == 0 {
            noteFirstAccess(frame)
            return
        }
        let first = unsafe frame.state.pointee.firstAccess.load(ordering: .relaxed)
        if coarseMilliseconds &- first >= options.oldSublistMilliseconds.load(ordering: .relaxed) {
            frame.set(FrameFlags.referenced)
        }
    }

    /// Treats a page that was just read as one in memory for `oldSublistMilliseconds`: its next use makes it young.
    ///
    /// For inner pages, which every descent needs: where the pool turns over faster than that time, none of them would
    /// ever be found used again.
    func noteEarlierAccess(_ frame: Frame) {
        let delay = options.oldSublistMilliseconds.load(ordering: .relaxed)
        unsafe frame.state.pointee.firstAccess.store(updateClock() &- delay, ordering: .relaxed)
        frame.set(FrameFlags.accessed)
    }

    /// Stamps the first access to a page since it came in, and asks for the next area when the last one was used in
    /// order.
    func noteFirstAccess(_ frame: Frame) {
        let now = updateClock()
        guard frame.set(FrameFlags.accessed) & FrameFlags.accessed == 0 else { return }
        unsafe frame.state.pointee.firstAccess.store(now, ordering: .relaxed)
        considerReadAhead(frame)
    }
}
