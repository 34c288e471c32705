import RedoubtCore
import RedoubtSystem
import Synchronization

// A page is copied under a latch that is only tried; everything after that is done to the copy.
extension PageWriter {
    /// How often a latch is tried before the page is left for the next batch.
    private static var latchTries: Int { 64 }

    /// Copies the page in `frame` into the batch and takes it off the flush list.
    func take(_ frame: Frame, into batch: PageBatch, _ outcome: inout Outcome) {
        guard frame.isDirty else { return }
        if kernel.breaks(.waitsForLatches) {
            frame.lockShared()
        } else if !tryLatch(frame) {
            outcome.skipped += 1
            return
        }
        defer { frame.unlockShared() }
        guard frame.claimForWriting() else {
            if frame.isDirty { outcome.skipped += 1 }
            return
        }
        guard let file = kernel.files.file(frame.pageID.space) else {
            pool.instance(of: frame).removeDirty(frame)
            unsafe frame.state.pointee.ioState.store(FrameIOState.none, ordering: .releasing)
            pool.statistics.add(.pagesDropped, shard: frame.index)
            outcome.dropped += 1
            return
        }
        let isAtomic = file.writesAtomically
        let isProtected = needsDoublewrite(frame) && !isAtomic
        let sectors = frame.takeSectors(
            file,
            isForgetful: kernel.breaks(.forgetsUnsyncedSectors),
            losesOne: kernel.breaks(.losesChangedSector)
        )
        batch.add(frame, file, sectors: sectors, isProtected: isProtected, isAtomic: isAtomic)
        if !isProtected { pool.statistics.add(.doublewriteSkips, shard: frame.index) }
        pool.instance(of: frame).removeDirty(frame) { batch.lowerMinimum(to: $0) }
    }

    /// Whether a tear of the page in `frame`, which is latched and taken, must be found or put right by the doublewrite
    /// file.
    ///
    /// Not the first write since the page was made anew: its initialising record stands at or behind the oldest change,
    /// so behind every checkpoint until the write is synced, and recovery begins with it and never looks at the file.
    /// Page 0 is read before.
    private func needsDoublewrite(_ frame: Frame) -> Bool {
        let wasMadeAnew = frame.clear(FrameFlags.madeAnew) & FrameFlags.madeAnew != 0
        if doublewrite == nil { return false }
        if Scheduling.breaks(.leavesPagesUncopied), frame.pageID.number.rawValue % 2 == 1 { return false }
        return !wasMadeAnew || frame.pageID.number.rawValue == 0
    }

    private func tryLatch(_ frame: Frame) -> Bool {
        for _ in 0..<Self.latchTries {
            if frame.tryLockShared() { return true }
            Scheduling.spinOnce()
        }
        return false
    }
}
