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
        // Under the latch nobody can make the page dirty; another writer may have taken it.
        guard frame.isDirty, frame.packedPageID != 0 else { return }
        let exchange = unsafe frame.state.pointee.ioState.compareExchange(
            expected: FrameIOState.none,
            desired: FrameIOState.writing,
            ordering: .acquiringAndReleasing
        )
        guard exchange.exchanged else {
            outcome.skipped += 1
            return
        }
        guard let file = kernel.files.file(frame.pageID.space) else {
            pool.instance(of: frame).removeDirty(frame)
            unsafe frame.state.pointee.ioState.store(FrameIOState.none, ordering: .releasing)
            pool.statistics.add(.pagesDropped, shard: frame.index)
            outcome.dropped += 1
            return
        }
        batch.add(frame, file, isProtected: true)
        pool.instance(of: frame).removeDirty(frame) { batch.lowerMinimum(to: $0) }
    }

    private func tryLatch(_ frame: Frame) -> Bool {
        for _ in 0..<Self.latchTries {
            if frame.tryLockShared() { return true }
            Scheduling.spinOnce()
        }
        return false
    }
}
