import RedoubtCore
import RedoubtLog
import RedoubtPolicy
import RedoubtSystem

/// Slows writers down as the redo age or the dirty share nears its limit, under policies that do not do it themselves.
///
/// The formula is ``Throttle``. The age counts from what a checkpoint could be written at, up to the age at which pages
/// must be flushed at once, or at which credit ends if that is earlier; slowing begins an eighth below. Dirty pages
/// count up to half way from the option to all frames. A log of less than about 16 MiB has no room between target and
/// limit for a rate: there only credit holds writers back.
struct WriterThrottle {
    private let kernel: Kernel
    private let flushing: Flushing
    private var rates = ThrottleRates()

    /// The ages below which no rate is worth its trouble.
    private static let smallestLimit = 8 << 20
    /// A rate at which a mini-transaction waits for about a second, in bytes per second.
    private static let standstill = 16384.0

    init(_ kernel: Kernel, _ flushing: Flushing) {
        self.kernel = kernel
        self.flushing = flushing
    }

    /// Measures, and sets the limit; returns the milliseconds until that is due again.
    mutating func adjust(now: EngineInstant) -> Int {
        let log = kernel.log
        let pool = kernel.pool
        // The bound first: read the other way round it may have passed the end.
        let bound = flushing.checkpointBound()
        let end = log.currentLSN
        let dirtyCount = pool.dirtyCount
        let redoBefore = rates.redo
        rates.note(
            now: now.nanoseconds,
            lsn: end.rawValue,
            pagesWritten: pool.statistics[.pagesWritten],
            dirtyPages: dirtyCount
        )
        if flushing.options.policy == .redoubt {
            log.admission.setRate(nil, by: .throttle)
            return Self.idleMilliseconds
        }
        let gauges = [ageGauge(Double(end.rawValue - min(bound.rawValue, end.rawValue))), dirtyGauge(dirtyCount)]
        let admission = Throttle(gauges: gauges, flushRate: rates.flushRate).admission
        log.admission.setRate(admission, by: .throttle)
        // Writers that stand still change nothing and ask for no redo capacity: to a policy that is idleness, in which
        // it may write nothing. So they are spoken for here, or they might stand for ever.
        if let admission, admission < Self.standstill { log.wantCapacity() }
        if admission != nil { return Self.throttledMilliseconds }
        return max(redoBefore, rates.redo) > 1_000_000 ? Self.busyMilliseconds : Self.idleMilliseconds
    }

    private static let throttledMilliseconds = 20
    private static let busyMilliseconds = 50
    private static let idleMilliseconds = 250

    private func ageGauge(_ age: Double) -> Throttle.Gauge {
        let limits = kernel.log.limits
        let limit = min(limits.syncFlushAge, limits.freeCheckCapacity)
        guard limit >= Self.smallestLimit else { return Throttle.Gauge(level: 0, target: 0, limit: 0) }
        return Throttle.Gauge(level: age, target: Double(limit / 8 * 7), limit: Double(limit))
    }

    private func dirtyGauge(_ dirtyCount: Int) -> Throttle.Gauge {
        let percent = flushing.options.dirtyPagePercentMaximum
        let bytesPerPercent = Double(kernel.pool.frameCount) / 100 * rates.redoPerPage
        return Throttle.Gauge(
            level: Double(dirtyCount) * rates.redoPerPage,
            target: Double(percent) * bytesPerPercent,
            limit: Double(percent + 100) / 2 * bytesPerPercent
        )
    }
}
