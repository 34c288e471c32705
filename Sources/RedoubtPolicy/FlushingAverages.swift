/// The rates of flushing and of the log, averaged as InnoDB does: a new value after so many rounds or seconds, and half
/// of it with half of the value before.
package struct FlushingAverages: Sendable, Hashable {
    /// Pages written from flush lists per second.
    package private(set) var pageRate = 0
    /// Bytes of redo per second.
    package private(set) var lsnRate = 0
    private var startLSN: UInt64 = 0
    private var startTime: UInt64 = 0
    private var startPages: UInt64 = 0
    private var rounds = 0

    /// Whether a window has begun.
    package private(set) var hasStarted = false

    /// Creates averages of nothing.
    package init() {}

    /// Begins a window here; the rates stay.
    package mutating func restart(now: UInt64, lsn: UInt64, pagesWritten: UInt64) {
        (startTime, startLSN, startPages) = (now, lsn, pagesWritten)
        rounds = 0
        hasStarted = true
    }

    /// Counts a round, and takes new rates after `loops` rounds or as many seconds.
    package mutating func update(now: UInt64, lsn: UInt64, pagesWritten: UInt64, loops: Int) {
        rounds += 1
        let elapsed = max(1, Double(now - min(now, startTime)) / 1e9)
        guard rounds >= loops || elapsed >= Double(loops) else { return }
        let pages = Double(pagesWritten - min(pagesWritten, startPages))
        pageRate = Int((pages / elapsed + Double(pageRate)) / 2)
        lsnRate = (lsnRate + Int(Double(lsn - min(lsn, startLSN)) / elapsed)) / 2
        restart(now: now, lsn: lsn, pagesWritten: pagesWritten)
    }
}
