/// Holds the redo age at a target: how fast to write dirty pages by age, and how much redo to admit if that is not fast
/// enough.
///
/// The deadlines of pages give the rate (``DeadlineSchedule``); a proportional-integral trim takes away what is left of
/// the error. Writers are slowed only when the device cannot write as fast as the deadlines ask, before the age gets
/// near its limit.
///
/// ## Invariants
/// 1. What is admitted in a round is at most half of the room that is left below the limit: whatever is measured
///    wrongly, the limit is not passed by writers that keep to the admission. None is named while writers of a
///    gigabyte a second could not use up the room in a round, because admission costs them a clock and a shared word.
struct AgeControl: Sendable, Hashable {
    /// What one round decides.
    struct Outcome: Sendable, Hashable {
        /// Pages to write per second.
        var pageRate = 0.0
        /// Bytes of redo to admit per second, nil for any number.
        var admission: Double?
        /// Whether pages must be written whatever it does to reads.
        var isUrgent = false
    }

    private var integral = 0.0
    // What admission lacks to hold the balance, because the device is not as fast as measured or pages are not spread
    // evenly; never positive, so nothing is admitted at the limit.
    private var bias = 0.0
    private var speed = DeviceSpeed()
    private var lastAdmission: Double?

    /// The seconds that a round takes.
    static let round = 0.05
    /// An admission that is no less is not named, in bytes per second.
    static let unlimited = 5e8
    /// The gain of the error, per horizon.
    static let proportionalGain = 1.0
    /// The gain of its integral, per second and horizon.
    static let integralGain = 0.25
    /// The share of the required rate that the trim leaves in any case, so that humps are flattened while the age is
    /// still below its target.
    static let flatteningShare = 0.6
    /// The target as a share of the limit.
    static let targetShare = 0.9
    /// Where between target and limit as much redo is admitted as flushing sets free.
    static let balance = 0.25

    /// Decides for a round.
    ///
    /// - Parameters:
    ///   - schedule: The deadlines.
    ///   - limit: The age that must not be reached, in bytes.
    ///   - written: Pages written from flush lists so far.
    ///   - lruRate: Pages per second that LRU flushing writes.
    ///   - assumedSpeed: Pages per second that the device is taken to write as long as it was never too slow.
    ///   - now: The time in nanoseconds.
    ///   - seconds: The time since the round before.
    mutating func decide(
        _ schedule: DeadlineSchedule,
        limit: Double,
        written: Double,
        lruRate: Double,
        assumedSpeed: Double,
        now: UInt64,
        seconds: Double
    ) -> Outcome {
        let isHeldBack = lastAdmission.map { schedule.redoRate > 0.7 * $0 } ?? false
        speed.update(written: written, now: now, seconds: seconds, isHeldBack: isHeldBack)
        let required = schedule.requiredRate(writtenElsewhere: lruRate)
        let error = schedule.age - schedule.targetAge

        var outcome = Outcome()
        outcome.pageRate = pageRate(schedule, required: required, error: error, seconds: seconds)
        outcome.isUrgent = error > 0 && speed.isSaturated
        speed.request(outcome.pageRate * seconds)

        let pages = speed.pagesPerSecond(assumed: assumedSpeed)
        let balanceAge = schedule.targetAge + Self.balance * (limit - schedule.targetAge)
        var admission = min(
            Self.largestAdmission(age: schedule.age, limit: limit) ?? .infinity,
            schedule.bearableRedo(pageRate: pages, within: balanceAge)
        )
        let isTooSlow = speed.isSaturated || schedule.age > balanceAge || required > speed.measured ?? .infinity
        if error > 0 && isTooSlow {
            let room = limit - balanceAge
            bias = max(-room / 2, min(0, bias + Self.integralGain * (balanceAge - schedule.age) * seconds))
            let share = max(0, 1 + (balanceAge + bias - schedule.age) / room)
            admission = min(admission, schedule.redoHeld(byOldest: pages) * share)
        } else {
            bias *= 1 - seconds
        }
        outcome.admission = admission < Self.unlimited ? admission : nil
        lastAdmission = outcome.admission
        return outcome
    }

    /// Half of the room below the limit in each round, in bytes per second; nil if that need not be named.
    static func largestAdmission(age: Double, limit: Double) -> Double? {
        let admission = max(0, limit - age) / (2 * round)
        return admission < unlimited ? admission : nil
    }

    private mutating func pageRate(
        _ schedule: DeadlineSchedule,
        required: Double,
        error: Double,
        seconds: Double
    ) -> Double {
        let gain = schedule.tailDensity / schedule.horizon
        let rate = required + gain * (Self.proportionalGain * error + integral)
        let least = Self.flatteningShare * required
        // What a bound has cut off is not summed up.
        let isBounded = error > 0 ? speed.isSaturated : rate < least
        if !isBounded {
            let most = 0.25 * schedule.targetAge
            integral = max(-most, min(most, integral + Self.integralGain * error * seconds / schedule.horizon))
        }
        return max(0, least, rate)
    }
}
