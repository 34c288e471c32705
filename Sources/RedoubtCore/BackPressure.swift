/// How much writers are held back, so that the redo log and the pool stay within their limits.
public enum BackPressure: String, Sendable, Hashable, CaseIterable {
    /// Not at all: whatever rate there may be, nobody has to wait for it.
    case normal
    /// Slowed to the rate at which pages are written: somebody waits for its turn, or did within the last quarter of a
    /// second.
    case delayed
    /// No redo is admitted until pages have been written and a checkpoint moves.
    case stopped
}
