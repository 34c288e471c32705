/// Tells which waits have become too long, and which of those have ended, from what is seen of them now and then.
///
/// A value that reads no clock: whoever watches hands in what ``WaitLedger/presentWaits(atLeast:)`` returned.
package struct WaitStalls: Sendable {
    /// What happened between two looks.
    package enum Change: Sendable, Hashable {
        /// A wait has lasted too long, and lasts still.
        case began(PresentWait)
        /// It is over; its duration is known to within the time between two looks.
        case ended(PresentWait)
    }

    /// The waits that lasted too long so far, the present ones included.
    package private(set) var count: UInt64 = 0
    /// The longest of them in nanoseconds.
    package private(set) var nanosecondsMaximum: UInt64 = 0
    private var known: [Key: PresentWait] = [:]

    private struct Key: Hashable {
        let place: Int
        let start: EngineInstant
    }

    /// Creates the state before the first look.
    package init() {}

    /// Takes a look: `long` are the waits that last too long at `now`.
    package mutating func update(_ long: [PresentWait], now: EngineInstant) -> [Change] {
        var changes: [Change] = []
        var seen: [Key: PresentWait] = [:]
        for wait in long {
            let key = Key(place: wait.place, start: wait.start)
            seen[key] = wait
            nanosecondsMaximum = max(nanosecondsMaximum, wait.nanoseconds)
            if known[key] == nil {
                count += 1
                changes.append(.began(wait))
            }
        }
        let over = known.filter { seen[$0.key] == nil }.values.sorted { ($0.start, $0.place) < ($1.start, $1.place) }
        for wait in over {
            let elapsed = now.nanoseconds(since: wait.start)
            nanosecondsMaximum = max(nanosecondsMaximum, elapsed)
            changes.append(
                .ended(PresentWait(reason: wait.reason, start: wait.start, nanoseconds: elapsed, place: wait.place))
            )
        }
        known = seen
        return changes
    }
}
