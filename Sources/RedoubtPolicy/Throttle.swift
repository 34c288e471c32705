package import RedoubtCore

/// How fast writers may add redo, so that nothing reaches its limit: a rate that falls smoothly, not a wall.
///
/// Below its target a gauge asks for nothing. Above, with `C` for what flushing makes up for in a second:
///
///     rate = max(C * (limit - level) / (level - target), (limit - level) / 0.25 s)
///
/// It comes down from infinity at the target, is `C` half way, where the level stays where it is, and 0 at the limit.
/// The second term keeps a rate from being stricter than the time between two decisions demands, and from sticking at 0
/// while `C` is not known. Of several gauges the strictest decides.
///
/// InnoDB has no such rate: there writers run into the limit, and wait until it is gone.
package struct Throttle: Sendable, Hashable {
    /// Something that fills up as redo is added, in bytes of redo.
    package struct Gauge: Sendable, Hashable {
        /// How full it is.
        package var level: Double
        /// Where writers begin to be slowed.
        package var target: Double
        /// Where they stop.
        package var limit: Double

        /// Creates a gauge; one whose limit is not above its target slows nobody.
        package init(level: Double, target: Double, limit: Double) {
            self.level = level
            self.target = target
            self.limit = limit
        }
    }

    /// What may not overflow.
    package var gauges: [Gauge]
    /// The bytes of redo per second that flushing makes up for.
    package var flushRate: Double
    /// The share of the room left that may be filled in a second, whatever ``flushRate`` is.
    private static let roomPerSecond = 4.0

    /// Creates the question.
    package init(gauges: [Gauge], flushRate: Double) {
        self.gauges = gauges
        self.flushRate = flushRate
    }

    /// The bytes of redo that writers may add in a second; nil for as many as they like.
    package var admission: Double? {
        var least: Double?
        for gauge in gauges where gauge.limit > gauge.target && gauge.level > gauge.target {
            let room = max(0, gauge.limit - gauge.level)
            let rate = max(max(0, flushRate) * room / (gauge.level - gauge.target), room * Self.roomPerSecond)
            least = min(least ?? rate, rate)
        }
        return least
    }

    /// How far that holds writers back.
    package var backPressure: BackPressure {
        guard let admission else { return .normal }
        return admission > 0 ? .delayed : .stopped
    }
}

/// Rates that a ``Throttle`` needs, as means over about a second, from figures that only grow.
package struct ThrottleRates: Sendable {
    /// The bytes of redo added in a second.
    package private(set) var redo = 0.0
    /// The pages written in a second.
    package private(set) var written = 0.0
    /// The pages that became dirty in a second.
    package private(set) var dirtied = 0.0

    private var last: (now: UInt64, lsn: UInt64, written: UInt64, dirty: Int)?

    /// Creates rates of 0.
    package init() {}

    /// Takes the figures at `now` nanoseconds: the end of the log, the pages written so far, the dirty pages.
    package mutating func note(now: UInt64, lsn: UInt64, pagesWritten: UInt64, dirtyPages: Int) {
        defer { last = (now, lsn, pagesWritten, dirtyPages) }
        guard let last, now > last.now else { return }
        let seconds = Double(now - last.now) / 1e9
        let weight = seconds / (seconds + 1)
        let pages = Double(pagesWritten &- last.written)
        redo += weight * (Double(lsn &- last.lsn) / seconds - redo)
        written += weight * (pages / seconds - written)
        dirtied += weight * (max(0, pages + Double(dirtyPages - last.dirty)) / seconds - dirtied)
    }

    /// The bytes of redo for each page that becomes dirty; 0 if none does.
    package var redoPerPage: Double { dirtied > 0 ? redo / dirtied : 0 }

    /// The bytes of redo per second that the writing of pages makes up for.
    package var flushRate: Double { written * redoPerPage }
}
