/// How much writers are held back.
public enum BackPressure: String, Sendable, Hashable, CaseIterable {
    /// Not at all.
    case normal
    /// Slowed to the rate at which pages are written.
    case delayed
    /// No redo is admitted until a checkpoint moves.
    case stopped
}
