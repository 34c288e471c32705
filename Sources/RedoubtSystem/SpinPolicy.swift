/// How long a thread that waits for the redo log spins before it sleeps: a pure function of how busy the processors
/// are.
///
/// Spinning helps while processors idle and hurts when others need them. InnoDB: `innodb_log_spin_cpu_abs_lwm`,
/// `innodb_log_spin_cpu_pct_hwm`, `innodb_log_wait_for_flush_spin_hwm`.
package struct SpinPolicy: Sendable, Hashable {
    /// The turns of a spin at half the upper watermark.
    ///
    /// The default is 25000.
    package var baseCount = 25_000
    /// The share of all processors in percent from which on nobody spins.
    ///
    /// The default is 50.
    package var upperWatermark = 50.0
    /// The share of one processor in percent below which the process is too idle to spin.
    ///
    /// The default is 80.
    package var lowerWatermark = 80.0
    /// The mean time of a sync in microseconds from which on nobody spins for one.
    ///
    /// The default is 400.
    package var syncMicrosecondsMaximum = 400.0

    /// Creates the default policy.
    package init() {}

    /// Returns the turns to spin, given what the process uses: `share` of all processors, and `ofOne` processor, in
    /// percent.
    package func spinCount(share: Double, ofOne: Double) -> Int {
        if share >= upperWatermark || ofOne < lowerWatermark { return 0 }
        let half = upperWatermark / 2
        if share >= half { return baseCount }
        return Int(Double(baseCount) * (1 + 9 * (half - share) / half))
    }

    /// Returns the turns to spin for a sync that takes `syncMicroseconds` on average.
    package func spinCount(share: Double, ofOne: Double, syncMicroseconds: Double) -> Int {
        syncMicroseconds >= syncMicrosecondsMaximum ? 0 : spinCount(share: share, ofOne: ofOne)
    }
}
