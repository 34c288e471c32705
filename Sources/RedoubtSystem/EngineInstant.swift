/// A point in monotonic time, in nanoseconds; virtual time in a simulation.
@frozen
package struct EngineInstant: Hashable, Comparable, Sendable {
    /// Nanoseconds since an arbitrary start.
    package let nanoseconds: UInt64

    /// Creates the instant `nanoseconds` after the start.
    @inlinable
    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// Returns whether `left` comes before `right`.
    @inlinable
    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Returns the instant `milliseconds` later.
    @inlinable
    package func advanced(milliseconds: Int) -> EngineInstant {
        EngineInstant(nanoseconds: nanoseconds &+ UInt64(milliseconds) &* 1_000_000)
    }

    /// Returns the instant `microseconds` later.
    @inlinable
    package func advanced(microseconds: Int) -> EngineInstant {
        EngineInstant(nanoseconds: nanoseconds &+ UInt64(microseconds) &* 1000)
    }

    /// Returns the nanoseconds from `earlier` to this instant, 0 if it is later.
    @inlinable
    package func nanoseconds(since earlier: EngineInstant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds &- earlier.nanoseconds : 0
    }
}
