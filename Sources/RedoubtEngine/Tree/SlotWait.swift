import RedoubtCore
import RedoubtSystem

/// Waiting for one of the slots that name pending chains, which nobody signals: whoever needs one looks again and
/// again.
///
/// All looks together are one wait in the ledger, so that one that does not end is seen while it lasts.
extension Kernel {
    /// Sleeps until the next look; `wait` is nil before the first.
    @inline(never)
    func waitForSlot(_ wait: inout Wait?) {
        if wait == nil { wait = waits.begin(.largeValue) }
        Scheduling.sleep(microseconds: 500)
    }

    /// Ends the wait, if there was one.
    func endSlotWait(_ wait: inout Wait?) {
        if let begun = wait { waits.end(begun) }
        wait = nil
    }
}
