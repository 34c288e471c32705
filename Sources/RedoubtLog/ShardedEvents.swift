import RedoubtCore
import RedoubtSystem

/// Events for those who wait for a position in the log, by the block that it lies in: one signal wakes few.
struct ShardedEvents: Sendable {
    private static let count: UInt64 = 64
    private let events = (0..<count).map { _ in Event() }

    /// Returns the event of those who wait for `position`. InnoDB: slot `(lsn - 1) / 512 mod n`.
    func event(for position: UInt64) -> Event {
        events[Int((position &- 1) / 512 % Self.count)]
    }

    /// Wakes those who wait for positions in `before ... after`.
    func signal(after before: UInt64, upTo after: UInt64) {
        guard after > before else { return }
        let first = before / 512
        let last = (after - 1) / 512
        if last - first >= Self.count - 1 { return signalAll() }
        for shard in first...last { events[Int(shard % Self.count)].signal() }
    }

    /// Wakes all who wait.
    func signalAll() {
        for event in events { event.signal() }
    }
}
