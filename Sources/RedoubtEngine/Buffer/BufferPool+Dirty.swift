import RedoubtCore
import RedoubtLog
import RedoubtSystem
import Synchronization

// Pages become dirty at the commit of a mini-transaction, or in recovery.
extension BufferPool {
    /// Stamps the exclusively latched page in `frame` as changed by the mini-transaction at `range`, and enters it in
    /// the flush list if it is clean.
    ///
    /// To be called between `waitForCloseRoom` and `close` of the log.
    func noteModification(_ frame: Frame, _ range: LogRange) {
        if Scheduling.breaks(.stampsFirstChangeOnly), frame.isDirty, frame.bytes.lsn != .zero { return }
        frame.bytes.lsn = range.end
        unsafe frame.state.pointee.newestModification.store(range.end.rawValue, ordering: .releasing)
        if frame.has(FrameFlags.fresh) { frame.clear(FrameFlags.fresh) }
        if frame.isDirty {
            return
        }
        if Scheduling.breaks(.losesRedirtying), frame.ioState == FrameIOState.writing { return }
        instance(of: frame).insertDirty(frame, start: range.start)
    }

    /// Stamps the exclusively latched page in `frame` after recovery applied the group at `range` to it.
    ///
    /// Between ``beginRecovery()`` and ``endRecovery()`` pages enter the flush lists in any order.
    func noteRecovered(_ frame: Frame, _ range: LogRange) {
        noteModification(frame, range)
    }

    /// Says that pages become dirty in any order from now on.
    func beginRecovery() {
        for instance in instances { instance.beginUnorderedFlushList() }
    }

    /// Puts the flush lists in order; no page may become dirty meanwhile.
    func endRecovery() {
        for instance in instances { instance.sortFlushList() }
    }
}
