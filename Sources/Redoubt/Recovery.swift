import RedoubtEngine

/// How far the recovery of a database that was not closed has come.
public struct Recovery: Sendable, Hashable {
    /// What it is doing: "scanning" the redo log, "applying" it to pages, or "cleaning" up after unfinished work.
    public let phase: String
    /// How much of ``total`` is done.
    public let position: UInt64
    /// What there is to do, in bytes of redo or in records; 0 while it is not known.
    public let total: UInt64

    init(_ progress: RecoveryProgress) {
        phase = progress.phase.rawValue
        position = progress.position
        total = progress.total
    }
}
