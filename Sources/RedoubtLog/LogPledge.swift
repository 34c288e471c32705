import RedoubtCore
import RedoubtSystem

/// How a write of redo reaches its file.
enum LogRoute: Sendable {
    /// Past the page cache, for what a sync follows soon; through it all the same while it holds what is not durable.
    case device
    /// Into the page cache, for what must survive a kill of the process only.
    case cache
}

/// How far redo is durable or about to be: a block that holds any of that is no longer changed in the page cache.
///
/// The kernel copies a write into a page that the device may be reading at that moment, because of a sync or on the
/// kernel's own account. What the device gets then is a block that is neither the old one nor the new one, and the
/// groups in it that were durable are lost with it, unless it is written once more before the power is cut.
///
/// ## Concurrency
/// All members may be called from any thread. The lock is the last one in order, and held through a write to the page
/// cache: a sync does not begin in the middle of one.
final class LogPledge: @unchecked Sendable {
    private let lock = EngineLock()
    private var position: UInt64

    /// Starts with everything below `position` durable.
    init(_ position: LogSequenceNumber) {
        self.position = position.rawValue
    }

    /// Pledges what is below `target`, which is looked at while no write to the page cache is under way; returns it.
    ///
    /// For whoever begins a sync: before it does.
    func raise(to target: () -> UInt64) -> UInt64 {
        lock.lock()
        defer { lock.unlock() }
        let target = target()
        position = max(position, target)
        return target
    }

    /// Runs `body`, a write to the page cache whose first block is at `block`, unless that block is pledged; returns
    /// whether it was run.
    func unlessPledged(_ block: UInt64, _ body: () throws(RedoubtError) -> Void) throws(RedoubtError) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        // Below the first byte of its payload there is nothing of the block.
        if position > block + UInt64(LogBlock.headerByteCount), !Scheduling.breaks(.changesPledgedBlock) {
            return false
        }
        try body()
        return true
    }
}
