/// What a commit waits for, and so what it survives once it has returned.
///
/// All commits before it are as durable then. That holds for a call that found nothing to change, too.
public enum Durability: Sendable, Hashable, CaseIterable {
    /// Waits until the redo is on the device: survives a power cut. InnoDB: `innodb_flush_log_at_trx_commit = 1`.
    case flushed
    /// Waits until the redo is with the operating system: survives a kill of the process. InnoDB: 2.
    ///
    /// A device that fails, or a thin volume that finds no space, when the operating system writes it later takes it
    /// back: the next sync fails then, and fences the database.
    case written
    /// Waits for nothing; the redo is made durable within about one second. InnoDB: 0.
    case deferred
}
