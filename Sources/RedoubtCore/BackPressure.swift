/// How much writers are held back, so that the redo log and the pool stay within their limits.
public enum BackPressure: String, Sendable, Hashable, CaseIterable {
    /// Not at all.
    case normal
    /// Slowed to the rate at which pages are written.
    case delayed
    /// No redo is admitted until pages have been written and a checkpoint moves.
    case stopped
}
