package import RedoubtCore

/// How far opening a database that was not closed in order has come.
package struct RecoveryProgress: Sendable, Hashable {
    /// What recovery is doing.
    package var phase: RecoveryPhase
    /// Where the log has been read to, or the records applied.
    package var position: UInt64
    /// Where the log ends, or how many records there are; 0 if that is not known yet.
    package var total: UInt64
}
