import RedoubtCore
import RedoubtSystem
import Synchronization

// The memory becomes more at once, and less frame by frame; see "Another size" in the README.
extension BufferPool {
    /// The frames that the memory option allows.
    var frameCount: UInt32 { size.target.load(ordering: .relaxed) }

    /// The frames from which on all are given to nobody.
    var frameLimit: UInt32 { size.limit.load(ordering: .acquiring) }

    /// Whether frames have to leave yet.
    var isShrinking: Bool { size.isShrinking.load(ordering: .acquiring) }

    /// How far the pool has followed the last change of the memory option.
    var resizeStatus: PoolResizeStatus {
        var status = PoolResizeStatus()
        status.targetFrameCount = Int(frameCount)
        status.frameCount = instances.reduce(0) { $0 + $1.heldCount }
        if isShrinking { status.phase = frameCount < frameLimit ? .waitingForCredit : .withdrawing }
        return status
    }

    /// Throws `.invalidConfiguration` if the pool cannot be made one of `memory` while it is open.
    func checkResize(to memory: ByteCount) throws(RedoubtError) {
        let least = plan.memoryMinimum(laidOut: Int(frameBound))
        guard memory.rawValue >= least && memory.rawValue <= plan.memoryMaximum else {
            throw RedoubtError(
                .invalidConfiguration,
                "memory is \(memory.rawValue), but must be in \(least)...\(plan.memoryMaximum) until the database is "
                    + "closed; memoryMaximum sets the upper end when opening"
            )
        }
    }

    /// Makes the pool one of `memory`, which ``checkResize(to:)`` has admitted; one thread at a time.
    ///
    /// More frames can be used on return. Fewer are only asked for: the page cleaner does the work.
    func resize(to memory: ByteCount) {
        size.lock.lock()
        let count = plan.frameCount(memory: memory.rawValue, laidOut: Int(frameBound))
        let share = count / plan.instanceCount
        let before = frameLimit
        // From now on what is promised fits the new size.
        if UInt32(count) < before { credit.setLimit(frameCount: share) }
        size.target.store(UInt32(count), ordering: .relaxed)
        wantHugePagesForSearchIndexes(count == plan.frameCountMaximum)
        for instance in instances {
            instance.slabs.setLimit(byteCount: MemoryPlan.searchIndexByteCount(frameCount: share))
        }
        if UInt32(count) >= before {
            grow(from: before, to: UInt32(count))
            credit.setLimit(frameCount: share)
        }
        let scanDepth = configuration.bufferPool.lruScanDepth
        for instance in instances { instance.setFrameCount(share, scanDepth: scanDepth) }
        noteWhetherShrinking()
        size.lock.unlock()
        statistics.add(.resizes)
        framesFreed.signal()
        cleanerNeeded.signal()
    }

    /// Takes the frames from `start` to `end` into use, as far as they are not in use still; the caller holds the lock
    /// of the size.
    private func grow(from start: UInt32, to end: UInt32) {
        let bound = frameBound
        wantHugePages(true, in: 0..<end)
        for index in stride(from: bound, to: end, by: 1) {
            layOut(index)
            frame(index).set(FrameFlags.withdrawn | FrameFlags.givenBack)
        }
        if end > bound {
            size.givenBack.wrappingAdd(end - bound, ordering: .relaxed)
            size.bound.store(end, ordering: .releasing)
        }
        size.limit.store(end, ordering: .releasing)
        // Whoever gives a frame back from now on sees the new limit; so no frame is withdrawn behind our back.
        for instance in instances { instance.setFrameLimit(end) }
        // The free lists give out first what they got last: the frames with low numbers, so that the next shrink finds
        // the others unused.
        for index in (start..<end).reversed() {
            let frame = frame(index)
            guard frame.has(FrameFlags.withdrawn) else { continue }
            if frame.clear(FrameFlags.givenBack) & FrameFlags.givenBack != 0 {
                size.givenBack.wrappingSubtract(1, ordering: .relaxed)
            }
            instance(of: frame).takeBack(frame)
        }
    }

    /// Ends the giving out of frames that have to leave, if what is promised to mini-transactions fits the others.
    func lowerFrameLimit() {
        size.lock.lock()
        defer { size.lock.unlock() }
        let target = frameCount
        guard target < frameLimit, credit.isWithinLimit else { return }
        size.limit.store(target, ordering: .releasing)
        // Nor does the kernel put together again what is given back piece by piece.
        wantHugePages(false, in: target..<frameBound)
        for instance in instances { instance.withdrawFree(from: target) }
        // Whoever wanted a frame meanwhile found fewer than there were.
        framesFreed.signal()
    }

    /// Gives the memory of those of `frames` that are withdrawn back to the system; returns how many.
    func giveBackFrames(_ frames: Range<UInt32>) -> Int {
        size.lock.lock()
        defer { size.lock.unlock() }
        var count = 0
        // Consecutive frames go together.
        var start = frames.lowerBound
        for index in frames {
            let frame = frame(index)
            if frame.has(FrameFlags.withdrawn) && !frame.has(FrameFlags.givenBack) {
                frame.set(FrameFlags.givenBack)
                count += 1
                continue
            }
            giveBackMemory(start..<index)
            start = index + 1
        }
        giveBackMemory(start..<frames.upperBound)
        size.givenBack.wrappingAdd(UInt32(count), ordering: .relaxed)
        statistics.add(.framesWithdrawn, UInt64(count))
        return count
    }

    /// Gives back what the search indexes no longer may use and no longer use; returns whether there is more.
    func giveBackSearchIndexes() -> Bool {
        size.lock.lock()
        defer { size.lock.unlock() }
        var isMore = false
        for instance in instances {
            let share = plan.searchIndexByteCountMaximum * instance.number
            if instance.slabs.giveBack({ giveBackSlabs(share + $0.lowerBound..<share + $0.upperBound) }) {
                isMore = true
            }
        }
        return isMore
    }

    /// Drops the search indexes of pages in `frames` that lie in memory which has to be given back; a page that is in
    /// use keeps its index until the next time.
    func dropSearchIndexesBeyondLimit(_ frames: Range<UInt32>) {
        for index in frames {
            let frame = frame(index)
            let found = currentSearchIndex(frame)
            guard !found.isNone, instance(of: frame).slabs.isBeyondLimit(found), frame.tryLockExclusive() else {
                continue
            }
            let present = currentSearchIndex(frame)
            if !present.isNone && instance(of: frame).slabs.isBeyondLimit(present) { dropSearchIndex(frame) }
            frame.unlockExclusive()
        }
    }

    /// Notes whether there is anything to give back yet.
    func endShrinkIfDone() {
        size.lock.lock()
        noteWhetherShrinking()
        size.lock.unlock()
    }

    private func noteWhetherShrinking() {
        let bound = frameBound
        let areFramesGone = frameLimit == frameCount && size.givenBack.load(ordering: .relaxed) == bound - frameCount
        let isDone = areFramesGone && instances.allSatisfy { $0.slabs.isWithinLimit }
        size.isShrinking.store(!isDone, ordering: .releasing)
    }
}
