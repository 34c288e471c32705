/// What a commit waits for, and so what it survives once it has returned.
public enum Durability: Sendable, Hashable, CaseIterable {
    /// Waits until the redo is on the device: survives a power cut. InnoDB: `innodb_flush_log_at_trx_commit = 1`.
    case flushed
    /// Waits until the redo is with the operating system: survives a kill of the process. InnoDB: 2.
    case written
    /// Waits for nothing; the redo is made durable within about one second. InnoDB: 0.
    case deferred
}
