/// The pages a second that background flushing may count on, if that is to be found out: a measurement at opening,
/// corrected by what writes show.
///
/// What the device sustains is believed until it is seen to do more, or to queue writes while it does less. Half of it
/// is the capacity, because reads need the other half.
package struct IOCapacityEstimate: Sendable, Hashable {
    /// The pages a second that the device is believed to sustain.
    package private(set) var sustained: Double
    // The least latency seen, slowly forgotten, in nanoseconds.
    private var baseline = 0.0
    private var lastTime: UInt64?
    private var lastWritten: UInt64 = 0

    /// The least capacity, which is also the least that can be set.
    package static let minimum = 100
    /// The most that is believed.
    package static let maximum = 10_000_000.0

    /// Creates an estimate from a measurement at opening, in pages per second.
    package init(measured: Double) {
        sustained = measured.isFinite ? min(Self.maximum, max(2 * Double(Self.minimum), measured)) : 2000
    }

    /// The pages a second that flushing may count on.
    package var pagesPerSecond: Int { max(Self.minimum, Int(sustained / 2)) }

    /// Takes what the last second or so has shown; called about once a second.
    ///
    /// - Parameters:
    ///   - now: The monotonic time in nanoseconds.
    ///   - written: Pages written so far, from all lists.
    ///   - latency: The latency of page writes.
    package mutating func update(now: UInt64, written: UInt64, latency: FlushingInputs.WriteLatency) {
        defer { (lastTime, lastWritten) = (now, written) }
        guard let lastTime, now > lastTime else { return }
        let rate = Double(written - min(written, lastWritten)) * 1e9 / Double(now - lastTime)
        if rate > sustained {
            sustained += (rate - sustained) / 2
        } else if latency.mean > 0, rate > 0 {
            let mean = Double(latency.mean)
            let least = Double(min(latency.minimum == 0 ? latency.mean : latency.minimum, latency.mean))
            baseline = baseline == 0 ? least : min(least, baseline * 1.005)
            if mean > 4 * baseline {
                // Writes queue although the device does less than was believed.
                sustained -= (sustained - rate) / 8
            } else if mean < 2 * baseline && rate > 0.8 * sustained {
                // Nothing queues near the limit: it lies higher.
                sustained *= 1.05
            }
        }
        sustained = min(Self.maximum, max(2 * Double(Self.minimum), sustained))
    }
}
