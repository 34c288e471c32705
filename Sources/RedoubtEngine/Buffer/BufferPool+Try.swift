import RedoubtCore
import RedoubtSystem

// What can be had at once: the page is in memory, and nobody stands in the way.
extension BufferPool {
    /// Returns the frame of `page` and the version to validate what is read by; nil if the page is not in memory or is
    /// latched exclusively.
    func tryFetchOptimistic(_ page: PageID, hint: UInt32) -> (frame: Frame, version: UInt64)? {
        guard let frame = present(page, hint: hint), let version = frame.optimisticVersion(),
            frame.packedPageID == page.packed
        else { return nil }
        touch(frame)
        return (frame, version)
    }

    /// Returns frame `hint` and the version to validate what is read by, if the frame holds `page` and nobody has
    /// latched it exclusively; else nil.
    @inline(__always)
    func hit(_ page: PageID, in hint: UInt32) -> (frame: Frame, version: UInt64)? {
        guard hint < frameBound else { return nil }
        let frame = frame(hint)
        guard let version = frame.optimisticVersion(), frame.packedPageID == page.packed else { return nil }
        touch(frame)
        return (frame, version)
    }

    /// Returns the frame of `page`, latched; nil if the page is not in memory or the latch is not free.
    func tryFetch(_ page: PageID, hint: UInt32, exclusively: Bool) -> Frame? {
        guard let frame = present(page, hint: hint) else { return nil }
        guard exclusively ? frame.tryLockExclusive() : frame.tryLockShared() else { return nil }
        guard frame.packedPageID == page.packed else {
            frame.unlock(exclusively: exclusively)
            return nil
        }
        touch(frame)
        return frame
    }

    /// Takes credit for `count` frames if that needs no waiting.
    func tryAcquirePins(_ count: Int) -> Bool { credit.tryAcquire(count) }

    private func present(_ page: PageID, hint: UInt32) -> Frame? {
        if hint < frameBound, frame(hint).packedPageID == page.packed { return frame(hint) }
        return peek(page)
    }
}
