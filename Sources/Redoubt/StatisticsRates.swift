package import RedoubtCore

/// What happened between two looks at the same database, by the second.
package struct StatisticsRates: Sendable {
    /// The later look.
    package let now: Statistics
    /// The earlier look; nil for the time since the opening.
    package let before: Statistics?
    /// The time between.
    package let seconds: Double

    /// Compares `now` with `before`, unless that was of another opening: then everything since this one counts.
    package init(_ now: Statistics, since before: Statistics?) {
        self.now = now
        let isSame = before.map {
            $0.processID == now.processID && $0.monotonicNanoseconds < now.monotonicNanoseconds
                && $0[.uptime] <= now[.uptime]
        }
        if let before, isSame == true {
            self.before = before
            seconds = Double(now.monotonicNanoseconds - before.monotonicNanoseconds) / 1e9
        } else {
            self.before = nil
            seconds = max(Double(now[.uptime]) / 1e9, 0.001)
        }
    }

    /// How much the counter called `name` rose.
    package func rise(_ name: CounterName) -> UInt64 { Self.difference(now[name], before?[name] ?? 0) }

    /// How much the counter called `name` rose each second.
    package func perSecond(_ name: CounterName) -> Double { Double(rise(name)) / seconds }

    /// The waits for `reason` that ended each second.
    package func waitsPerSecond(_ reason: WaitReason) -> Double {
        Double(Self.difference(now[reason].count, before?[reason].count ?? 0)) / seconds
    }

    /// The mean number of threads that waited for `reason`.
    package func waitingThreads(_ reason: WaitReason) -> Double {
        Double(Self.difference(now[reason].nanoseconds, before?[reason].nanoseconds ?? 0)) / 1e9 / seconds
    }

    /// The mean milliseconds of what `time` sums up over `count`; nil if there was nothing.
    package func meanMilliseconds(_ time: CounterName, over count: CounterName) -> Double? {
        let number = rise(count)
        return number == 0 ? nil : Double(rise(time)) / 1e6 / Double(number)
    }

    // A forged file may say anything.
    private static func difference(_ now: UInt64, _ before: UInt64) -> UInt64 { now > before ? now - before : 0 }
}
