/// Holds the redo age at a target: how fast to write dirty pages by age, and how much redo to admit if that is not fast
/// enough.
///
/// The deadlines of pages give the rate (``DeadlineSchedule``); a proportional-integral trim takes away what is left of
/// the error. Writers are slowed only when the device cannot write as fast as the deadlines ask, before the age gets
/// near its limit; and while they are slowed near the target, pages are written as fast as the device takes them.
///
/// ## Invariants
/// 1. What is admitted in a round is at most half of the room that is left below the limit: whatever is measured
///    wrongly, the limit is not passed by writers that keep to the admission. None is named while writers of a
///    gigabyte a second could not use up the room in a round, because admission costs them a clock and a shared word.
/// 2. Nobody is held back for a speed that was not tried: it is measured while pages are written flat out.
struct AgeControl: Sendable, Hashable {
    /// What one round decides.
    struct Outcome: Sendable, Hashable {
        /// Pages to write per second.
        var pageRate = 0.0
        /// Bytes of redo to admit per second, nil for any number.
        var admission: Double?
        /// Whether pages must be written whatever it does to reads.
        var isUrgent = false
        /// Whether pages are to be written as fast as the device takes them, ``pageRate`` being no less than that.
        var isFlatOut = false
    }

    private var integral = 0.0
    // What admission lacks to hold the balance, because the device is not as fast as measured or pages are not spread
    // evenly; never positive, so nothing is admitted at the limit.
    private var bias = 0.0
    private var speed = DeviceSpeed()
    private var lastAdmission: Double?
    private var isFlatOut = false
    // Redo that writers added, and that they were free to add, over the last tenth of a second.
    private var added = MovingRate(seconds: 0.1)
    private var admitted = MovingRate(seconds: 0.1)
    private var admittedSum = 0.0

    /// The seconds that a round takes.
    static let round = 0.02
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
    static let targetShare = 0.95
    /// Where between target and limit as much redo is admitted as flushing sets free.
    static let balance = 0.4
    /// Writers that add no less than this share of what is admitted are held back by it.
    static let heldBackShare = 0.9
    /// How far below the target, as a share of the limit, writing goes on flat out while writers are held back.
    static let slack = 0.15
    /// How many times the known speed is asked for to find out whether the device is faster.
    static let flatOutFactor = 2.0
    /// How much of the admission goes with the distance from the balance, as long as the limit is not near: little, so
    /// that the unevenness of the device ends in the age, and not in the writers.
    static let softness = 0.2
    /// How much of the way from the balance to the limit is soft.
    static let softPart = 0.6

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
        let isHeldBack = isHeldBack(schedule, now: now, seconds: seconds)
        speed.update(written: written, now: now, seconds: seconds, isTried: isFlatOut, isHeldBack: isHeldBack)
        let required = schedule.requiredRate(writtenElsewhere: lruRate)
        let error = schedule.age - schedule.targetAge

        var outcome = Outcome()
        outcome.pageRate = pageRate(schedule, required: required, error: error, seconds: seconds)
        // What can be written when it is due is not written long before.
        let known = speed.pagesPerSecond(assumed: assumedSpeed)
        let peak = schedule.peakRate / max(1, known)
        outcome.pageRate *= max(Self.closeness(error / limit), Self.urgency(ofPeak: peak))
        isFlatOut = isHeldBack && error > -Self.slack * limit
        if isFlatOut {
            outcome.isFlatOut = true
            outcome.pageRate = max(outcome.pageRate, Self.flatOutFactor * known)
        }
        outcome.isUrgent = outcome.isFlatOut || (error > 0 && speed.isSaturated)
        speed.request(outcome.pageRate * seconds)

        outcome.admission = admission(schedule, limit: limit, required: required, pages: known, seconds: seconds)
        lastAdmission = outcome.admission
        return outcome
    }

    /// Whether writers would add more redo if they were let.
    private mutating func isHeldBack(_ schedule: DeadlineSchedule, now: UInt64, seconds: Double) -> Bool {
        admittedSum += min(Self.unlimited, lastAdmission ?? Self.unlimited) * seconds
        let admitted = admitted.update(now: now, value: admittedSum)
        let added = added.update(now: now, value: Double(schedule.end))
        return lastAdmission != nil && added > Self.heldBackShare * admitted
    }

    private mutating func admission(
        _ schedule: DeadlineSchedule,
        limit: Double,
        required: Double,
        pages: Double,
        seconds: Double
    ) -> Double? {
        let balanceAge = schedule.targetAge + Self.balance * (limit - schedule.targetAge)
        var admission = Self.largestAdmission(age: schedule.age, limit: limit) ?? .infinity
        // A speed that is only assumed must not hold anybody back below the target.
        if speed.measured != nil && !isFlatOut {
            admission = min(admission, schedule.bearableRedo(pageRate: pages, within: balanceAge))
        }
        let isTooSlow = speed.isSaturated || schedule.age > balanceAge || required > speed.measured ?? .infinity
        if isFlatOut || schedule.age > schedule.targetAge && isTooSlow {
            let room = limit - balanceAge
            bias = max(-room / 2, min(0, bias + Self.integralGain * (balanceAge - schedule.age) * seconds))
            let share = Self.share((balanceAge + bias - schedule.age) / room)
            admission = min(admission, schedule.redoHeld(byOldest: pages) * share)
        } else {
            bias *= 1 - seconds
        }
        return admission < Self.unlimited ? admission : nil
    }

    /// How much of the rate is left at an age that differs from the target by `error`, a share of the limit: all from
    /// 0.02 below on, nothing at 0.04 below.
    static func closeness(_ error: Double) -> Double { min(1, max(0, 2 + 50 * error)) }

    /// How much of the rate is left whatever the age, because pages are so many at some age that the device would need
    /// `share` of its speed when they are due: all from 0.75 on, nothing up to a half.
    static func urgency(ofPeak share: Double) -> Double { min(1, max(0, 4 * share - 2)) }

    /// The share of what flushing sets free that is admitted at `distance` below the balance, 1 being that from the
    /// balance to the limit: 1 at the balance, 0 at the limit, flat near the balance.
    static func share(_ distance: Double) -> Double {
        if distance > -softPart { return 1 + softness * distance }
        let atEnd = 1 - softness * softPart
        return max(0, atEnd * (1 + distance) / (1 - softPart))
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
