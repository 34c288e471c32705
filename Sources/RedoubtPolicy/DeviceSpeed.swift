/// How many pages a second the device writes, learnt from what was asked for and what was achieved.
///
/// Only a device that is asked for more than it can do shows its speed; one that keeps up may be faster, and one that
/// is asked for little may be short of other things.
struct DeviceSpeed: Sendable, Hashable {
    private var requested = 0.0
    private var requestedRate = MovingRate(seconds: 0.25)
    private var writtenRate = MovingRate(seconds: 0.25)
    private var known: Double?

    /// Whether the device achieves less than it was asked for.
    private(set) var isSaturated = false
    /// Pages written per second of late.
    private(set) var achieved = 0.0

    /// The pages a second to count on, `assumed` as long as the device was never too slow.
    func pagesPerSecond(assumed: Double) -> Double { known ?? max(achieved, assumed) }

    /// What the device was found to do, nil if it was never too slow.
    var measured: Double? { known }

    /// Takes the pages written so far.
    ///
    /// - Parameters:
    ///   - written: The counter of pages written.
    ///   - now: The time in nanoseconds.
    ///   - seconds: The time since the round before.
    ///   - isTried: Whether as much was asked for as the device would take.
    ///   - isHeldBack: Whether writers are held back because of what was believed.
    mutating func update(written: Double, now: UInt64, seconds: Double, isTried: Bool, isHeldBack: Bool) {
        achieved = writtenRate.update(now: now, value: written)
        let wanted = requestedRate.update(now: now, value: requested)
        // What is in flight at a change of rate must not count: 5 % and a few pages.
        isSaturated = wanted > 1.05 * achieved + 50
        if isTried && isSaturated {
            // Follows within a second, so that a ramp of the demand is not taken for a slow device, nor a stutter
            // of the device for its speed.
            let before = known ?? achieved
            known = before + (achieved - before) * min(1, seconds)
        } else if let before = known {
            // Writers are held back and the device is not busy: it may be faster than is known.
            known = max(before * (isHeldBack ? 1 + 0.5 * seconds : 1), achieved)
        }
    }

    /// Takes the pages that a round asks for.
    mutating func request(_ pages: Double) { requested += pages }
}
