/// The ages at which MySQL 5.7 and MariaDB act, from the size of the redo: a tenth is kept back, then some pages for
/// each thread, then another tenth; flushing hurries at 7/8 of the rest and panics at 15/16.
///
/// They lie below the limits of the log itself (`LogLimits`) for the same capacity, so a policy that keeps them never
/// finds writers waiting at the log's own limit first.
///
/// ## References
/// MySQL 5.7: `log_calc_max_ages`. MariaDB 10.8: `log_t::set_capacity`.
package struct ClassicRedoLimits: Sendable, Hashable {
    /// What the log may hold: MySQL 5.7's total capacity, MariaDB's `log_capacity`.
    package let total: Int
    /// The age at which flushing should hurry.
    ///
    /// InnoDB: `max_modified_age_async`.
    package let asyncAge: Int
    /// The age at which it must.
    ///
    /// InnoDB: `max_modified_age_sync`.
    package let syncAge: Int
    /// The age at which writers wait for a checkpoint.
    ///
    /// InnoDB: `max_checkpoint_age`.
    package let checkpointAge: Int

    /// Computes the ages for files that hold `payload` bytes of redo, headers not counted.
    package init(payload: Int) {
        total = payload - payload / 10
        // Four pages for each of ten background threads, and eight.
        let free = total - (4 * 10 + 8) * 16384
        checkpointAge = max(1, free - free / 10)
        asyncAge = max(1, checkpointAge - checkpointAge / 8)
        syncAge = max(1, checkpointAge - checkpointAge / 16)
    }

    /// Returns `age` in percent of ``asyncAge``, rounded down.
    func asyncPercent(of age: Int) -> Int {
        // In two parts, because an age beyond all sense times 100 overflows.
        age / asyncAge * 100 + age % asyncAge * 100 / asyncAge
    }
}
