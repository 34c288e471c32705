/// Bytes of redo that recovery of this database replays in a second on this machine, as its own recoveries showed.
///
/// A recovery counts from the first look at the log to the moment at which the database can be used: the scan, the
/// repair of torn pages, the reads of the pages that records belong to (they take most of the time), and the writing of
/// pages where memory was short. So the rate depends on how many pages a byte of redo touches, and not on the device
/// alone; what the workload was like before the last crash is taken for what it is now.
package struct ReplayRate: Sendable, Hashable {
    /// What is assumed until a recovery was measured, in bytes per second.
    package static let assumed: Double = 100_000_000
    /// The rates that are believed, in bytes per second: below, a target would leave writers no redo to work with.
    package static let believed: ClosedRange<Double> = 1_048_576...10_000_000_000
    /// Shorter recoveries say more about the opening of files than about redo, in bytes.
    package static let byteCountMinimum: UInt64 = 4 << 20

    /// What recoveries showed, nil before the first.
    package private(set) var measured: Double?

    /// Continues from what ``recorded`` was when the database was open before; what is not possible counts as nothing.
    package init(recorded: UInt64 = 0) {
        let rate = Double(recorded)
        measured = Self.believed.contains(rate) ? rate : nil
    }

    /// What to count on, in bytes per second.
    package var bytesPerSecond: Double { measured ?? Self.assumed }

    /// What to keep for the next opening; 0 before the first measurement.
    package var recorded: UInt64 { UInt64(measured ?? 0) }

    /// Takes a recovery of `bytes` bytes of redo that took `nanoseconds` into account, if it was long enough.
    ///
    /// A slower one counts for half and a faster one for a quarter: the target of recovery is a promise.
    package mutating func note(bytes: UInt64, nanoseconds: UInt64) {
        guard bytes >= Self.byteCountMinimum else { return }
        let rate = Double(bytes) * 1e9 / Double(max(1, nanoseconds))
        let present = min(Self.believed.upperBound, max(Self.believed.lowerBound, rate))
        guard let before = measured else {
            measured = present
            return
        }
        measured = before + (present - before) * (present < before ? 0.5 : 0.25)
    }
}
