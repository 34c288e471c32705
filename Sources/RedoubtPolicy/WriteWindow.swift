/// How many page writes to have in flight at once: enough to keep the device busy, no more.
///
/// A write that waits in the device's queue gains nothing and delays reads. The least latency of the last 100 ms tells
/// a queue from noise: as long as some write finds the device free, it stays near the baseline. Beyond twice the
/// baseline the window shrinks; else it grows by one, if it was used at all.
struct WriteWindow: Sendable, Hashable {
    private(set) var size = 16.0
    private var baseline = 0.0

    /// The smallest window.
    static let minimum = 8.0
    /// The largest window.
    static let maximum = 256.0

    /// Takes what a round has seen, and returns the writes to have in flight in the next.
    ///
    /// - Parameters:
    ///   - minimumLatency: The least latency of the last 100 ms, 0 if nothing was written.
    ///   - inFlight: The writes in flight at the moment.
    ///   - isUrgent: Whether pages must be written whatever it does to reads.
    mutating func update(minimumLatency: UInt64, inFlight: Int, isUrgent: Bool) -> Int {
        let latency = Double(minimumLatency)
        if latency > 0 {
            // The creep lets a device that became slower be believed in the end: twice as slow in half a minute.
            baseline = baseline == 0 ? latency : min(latency, baseline * 1.001)
        }
        if latency > (isUrgent ? 8 : 2) * baseline {
            size = max(Self.minimum, size * 0.7)
        } else if Double(inFlight) + 1 >= size {
            size = min(Self.maximum, size + 1)
        }
        return Int(size)
    }
}
