package import RedoubtCore

/// Slows writers down as the redo age or the dirty share nears its limit, under policies that do not do it themselves.
///
/// The formula is ``Throttle``. The age counts from what a checkpoint could be written at, up to the age at which pages
/// must be flushed at once, or at which credit ends if that is earlier; slowing begins an eighth below. Dirty pages
/// count up to half way from the option to all frames. A log of less than about 16 MiB has no room between target and
/// limit for a rate: there only credit holds writers back.
package struct WriterThrottling: Sendable {
    private var rates = ThrottleRates()

    /// The ages below which no rate is worth its trouble.
    private static let smallestLimit = 8 << 20
    private static let throttledMilliseconds = 20
    private static let busyMilliseconds = 50
    private static let idleMilliseconds = 250

    /// What is known when it is decided.
    package struct Inputs: Sendable {
        /// The monotonic time in nanoseconds.
        package var now: UInt64 = 0
        /// What a checkpoint could be written at; to be read before ``end``.
        package var bound: UInt64 = 0
        /// The end of the log.
        package var end: UInt64 = 0
        /// Pages written so far.
        package var pagesWritten: UInt64 = 0
        /// Dirty pages, and frames in all.
        package var dirtyCount = 0
        /// See ``dirtyCount``.
        package var frameCount = 0
        /// The limits of the redo log.
        package var limits = FlushingInputs.RedoLimits()

        /// Creates inputs of nothing.
        package init() {}
    }

    /// Creates a throttle that has seen nothing.
    package init() {}

    /// Returns the bytes of redo that writers may add in a second, nil for as many as they like, and the milliseconds
    /// until that is to be decided again.
    package mutating func decide(
        _ inputs: Inputs,
        _ options: Configuration.Flushing
    ) -> (admission: Double?, milliseconds: Int) {
        let redoBefore = rates.redo
        rates.note(now: inputs.now, lsn: inputs.end, pagesWritten: inputs.pagesWritten, dirtyPages: inputs.dirtyCount)
        if options.policy == .redoubt { return (nil, Self.idleMilliseconds) }
        let age = Double(inputs.end - min(inputs.bound, inputs.end))
        let gauges = [Self.ageGauge(age, inputs.limits), dirtyGauge(inputs, options)]
        let admission = Throttle(gauges: gauges, flushRate: rates.flushRate).admission
        if admission != nil { return (admission, Self.throttledMilliseconds) }
        let isBusy = max(redoBefore, rates.redo) > 1_000_000
        return (nil, isBusy ? Self.busyMilliseconds : Self.idleMilliseconds)
    }

    private static func ageGauge(_ age: Double, _ limits: FlushingInputs.RedoLimits) -> Throttle.Gauge {
        let limit = min(limits.syncFlushAge, limits.freeCheckCapacity)
        guard limit >= smallestLimit else { return Throttle.Gauge(level: 0, target: 0, limit: 0) }
        return Throttle.Gauge(level: age, target: Double(limit / 8 * 7), limit: Double(limit))
    }

    private func dirtyGauge(_ inputs: Inputs, _ options: Configuration.Flushing) -> Throttle.Gauge {
        let percent = options.dirtyPagePercentMaximum
        let bytesPerPercent = Double(inputs.frameCount) / 100 * rates.redoPerPage
        return Throttle.Gauge(
            level: Double(inputs.dirtyCount) * rates.redoPerPage,
            target: Double(percent) * bytesPerPercent,
            limit: Double(percent + 100) / 2 * bytesPerPercent
        )
    }
}
