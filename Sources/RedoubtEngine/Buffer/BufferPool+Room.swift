import RedoubtCore
import RedoubtSystem
import Synchronization

// Free frames: from the free list, else from the tail of the LRU list, else from the page cleaner.
extension BufferPool {
    /// How far the first search for a clean page goes.
    ///
    /// InnoDB: `BUF_LRU_SEARCH_SCAN_THRESHOLD`.
    static var firstScanDepth: Int { 100 }

    /// Returns a frame without a page, latched exclusively.
    ///
    /// Waits for the page cleaner if every page is dirty or in use; the caller holds no list lock.
    ///
    /// - Throws: `.poolExhausted` after the time limit, `.diskFull` if pages find no space, `.fenced` if no page can be
    ///   written any more.
    func takeFreeFrame(_ instance: PoolInstance) throws(RedoubtError) -> Frame {
        if let frame = takeFreeFrameAtOnce(instance) {
            if instance.freeCount < instance.roomMark { wantRoom(instance) }
            return frame
        }
        return try waitForFreeFrame(instance)
    }

    /// Returns a frame without a page if that takes no more than a short search.
    func takeFreeFrameAtOnce(_ instance: PoolInstance) -> Frame? {
        if let frame = instance.popFree() { return frame }
        return instance.isSearchPromising ? evict(instance, depth: Self.firstScanDepth) : nil
    }

    /// Wakes whoever makes room in `instance`.
    private func wantRoom(_ instance: PoolInstance) {
        if lruFlushersServe { instance.roomWanted.signal() } else { cleanerNeeded.signal() }
    }

    @inline(never)
    private func waitForFreeFrame(_ instance: PoolInstance) throws(RedoubtError) -> Frame {
        let wait = waits.begin(.freeFrame)
        defer { waits.end(wait) }
        let start = Scheduling.now()
        let deadline = start.advanced(milliseconds: waitMilliseconds)
        let mark = health.space.mark
        statistics.add(.freeWaits)
        instance.noteWait()
        defer { statistics.add(.freeWaitMicroseconds, Scheduling.now().nanoseconds(since: start) / 1000) }
        while true {
            let ticket = framesFreed.ticket
            if let frame = instance.popFree() ?? evict(instance, depth: 2 * instance.frameCount) { return frame }
            if health.isFenced { throw health.fencedError() }
            try health.space.check(since: mark)
            let now = Scheduling.now()
            guard now < deadline else {
                throw RedoubtError(
                    .poolExhausted,
                    "no frame of \(instance.frameCount) became free within \(waitMilliseconds) ms, "
                        + "\(instance.dirtyCount) are dirty; raise memory or use fewer threads"
                )
            }
            if makeRoomInline(.frames) { continue }
            wantRoom(instance)
            // A latch given back is not signalled, so look again after a while.
            framesFreed.wait(ticket, deadline: min(deadline, now.advanced(milliseconds: 10)))
        }
    }

    /// Takes a clean page that nobody uses out of memory and returns its frame, latched exclusively; nil if there is
    /// none among the next `depth` pages.
    ///
    /// Goes on where the search before ended, from the tail of the LRU list to its head and round again, and lets go of
    /// the lock every few pages. Pages used again are made young on the way.
    func evict(_ instance: PoolInstance, depth: Int) -> Frame? {
        var left = min(depth, instance.pageCount)
        while left > 0 {
            instance.lruLock.lock()
            var frame: Frame?
            var steps = min(left, PoolInstance.stretch)
            left -= steps
            while steps > 0 && frame == nil {
                let index = instance.nextSearchPosition()
                guard index != FrameState.noFrame else { break }
                let current = self.frame(index)
                instance.setSearchPosition(instance.lru.previous(current))
                steps -= 1
                if !keepYoungLocked(current, instance), takeOutLocked(current, instance) { frame = current }
            }
            instance.lruLock.unlock()
            guard let frame else { continue }
            instance.noteSearch(found: true)
            if frame.index < instance.frameLimit { return frame }
            // It has to leave, and serves nobody any more.
            giveBack(frame)
        }
        instance.noteSearch(found: false)
        return nil
    }

    /// Frees up to `wanted` frames from the tail of the LRU list on and returns how many; the numbers of dirty pages
    /// met on the way, at most `dirtyMaximum`, are appended to `dirty`.
    ///
    /// Lets go of the lock every few pages.
    ///
    /// InnoDB: `buf_flush_LRU_list_batch`.
    func sweep(_ instance: PoolInstance, wanted: Int, dirty: inout [UInt32], dirtyMaximum: Int) -> Int {
        var freed = 0
        var left = max(instance.freeTarget, Self.firstScanDepth) * 2
        var isFirst = true
        var isAtEnd = false
        while freed < wanted && left > 0 && dirty.count < dirtyMaximum && !isAtEnd {
            var taken: [Frame] = []
            instance.lruLock.lock()
            if isFirst { instance.sweepPosition = instance.lru.tail }
            isFirst = false
            var steps = min(left, PoolInstance.stretch)
            left -= steps
            while steps > 0 && freed + taken.count < wanted && dirty.count < dirtyMaximum {
                guard instance.sweepPosition != FrameState.noFrame else { break }
                let frame = frame(instance.sweepPosition)
                instance.sweepPosition = instance.lru.previous(frame)
                steps -= 1
                if keepYoungLocked(frame, instance) { continue }
                if takeOutLocked(frame, instance) {
                    taken.append(frame)
                } else if frame.isDirty && frame.ioState == FrameIOState.none {
                    dirty.append(frame.index)
                }
            }
            isAtEnd = instance.sweepPosition == FrameState.noFrame
            instance.lruLock.unlock()
            for frame in taken { giveBack(frame) }
            freed += taken.count
        }
        if freed > 0 { instance.noteCleaned() }
        return freed
    }

    /// Evicts the page in `frame` if it is clean and nobody uses it, and returns the frame to the free list; false if
    /// not.
    func evict(_ frame: Frame) -> Bool {
        let instance = instance(of: frame)
        instance.lruLock.lock()
        let isTaken = frame.has(FrameFlags.listed) && takeOutLocked(frame, instance)
        instance.lruLock.unlock()
        if isTaken { giveBack(frame) }
        return isTaken
    }

    /// Moves a page that was used again to the young end; the caller holds the LRU lock.
    func keepYoungLocked(_ frame: Frame, _ instance: PoolInstance) -> Bool {
        guard frame.has(FrameFlags.referenced) else { return false }
        frame.clear(FrameFlags.referenced)
        instance.makeYoungLocked(frame)
        statistics.add(.madeYoung, shard: frame.index)
        return true
    }

    private func takeOutLocked(_ frame: Frame, _ instance: PoolInstance) -> Bool {
        if Scheduling.breaks(.evictsDirtyPages), frame.isDirty { instance.removeDirty(frame) }
        guard !frame.isDirty, frame.ioState == FrameIOState.none, frame.tryLockExclusive() else { return false }
        guard !frame.isDirty, frame.ioState == FrameIOState.none else {
            frame.unlockExclusive()
            return false
        }
        instance.removeFromLRULocked(frame)
        // Only what was read ahead, or loaded, can leave without ever having been used.
        if !frame.has(FrameFlags.accessed) { statistics.add(.readAheadEvictions, shard: frame.index) }
        takeOutOfTable(frame)
        statistics.add(.evictions, shard: frame.index)
        return true
    }

    /// Ends the residence of the page in the exclusively latched `frame`, which has left the lists.
    func takeOutOfTable(_ frame: Frame) {
        precondition(
            !frame.isDirty && frame.ioState != FrameIOState.writing,
            "page \(frame.pageID) leaves memory, dirty since \(frame.oldestModification), I/O state \(frame.ioState)"
        )
        table.remove(frame)
        dropSearchIndex(frame)
        frame.clear(FrameFlags.perPage)
    }

    /// Returns an exclusively latched frame without a page to the free list.
    func giveBack(_ frame: Frame) {
        precondition(frame.packedPageID == 0, "frame \(frame.index) is given back with page \(frame.pageID)")
        unsafe frame.state.pointee.ioState.store(FrameIOState.none, ordering: .releasing)
        frame.unlockExclusive()
        instance(of: frame).pushFree(frame)
        framesFreed.signal()
    }

    /// Takes the clean page in the exclusively latched `frame` out of memory at once, unlatches the frame and frees it.
    func abandon(_ frame: Frame) {
        instance(of: frame).removeFromLRU(frame)
        takeOutOfTable(frame)
        giveBack(frame)
    }

    /// Takes all pages of `space` out of memory; dirty ones are dropped.
    ///
    /// Waits for latches and for writes in flight; the caller holds no latch and has unregistered the file.
    func discard(space: SpaceID) {
        // A frame laid out later holds no page of the space: its reader finds the file gone.
        for index in 0..<frameBound {
            let frame = frame(index)
            while frame.pageID.space == space && frame.packedPageID != 0 {
                latchExclusive(frame)
                guard frame.pageID.space == space else {
                    frame.unlockExclusive()
                    break
                }
                let ticket = writesEnded.ticket
                if frame.ioState == FrameIOState.writing {
                    frame.unlockExclusive()
                    // After a fence the write never ends; nothing is evicted either.
                    if health.isFenced { break }
                    // Nor does it as long as nobody looks again after those that found no space.
                    if health.space.isFull { _ = makeRoomInline(.space) }
                    waits.during(.pageWrite) {
                        _ = writesEnded.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 100))
                    }
                    continue
                }
                if frame.isDirty {
                    instance(of: frame).removeDirty(frame)
                    statistics.add(.pagesDropped, shard: index)
                }
                abandon(frame)
            }
        }
    }
}
