import RedoubtCore
import RedoubtSystem

/// Waiting for one of the slots that name pending chains, which nobody signals: whoever needs one looks again and
/// again.
///
/// All looks together are one wait in the ledger, so that one that does not end is seen while it lasts.
struct SlotWait {
    private var begun: (wait: Wait, mark: DiskSpace.Mark)?

    /// Frees the chains that keep slots of `trees` for want of space before, and sleeps until the next look.
    ///
    /// - Throws: `.diskFull` if slots are kept by chains whose freeing waits for pages that find no space.
    @inline(never)
    mutating func next(_ kernel: Kernel, _ trees: [Tree]) throws(RedoubtError) {
        let present = begun ?? (kernel.waits.begin(.largeValue), kernel.health.space.mark)
        begun = present
        for tree in trees { tree.freeLeftChains() }
        try kernel.health.space.check(since: present.mark)
        Scheduling.sleep(microseconds: 500)
    }

    /// Ends the wait, if there was one.
    mutating func end(_ kernel: Kernel) {
        if let begun { kernel.waits.end(begun.wait) }
        begun = nil
    }
}
