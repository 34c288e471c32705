/// What the ages of dirty pages ask of flushing: pure arithmetic over ``DirtyAges`` at one moment.
///
/// A page must be written when the log has grown so far that its oldest change is `targetAge` old: its *deadline* is
/// `(oldest + targetAge - end) / redoRate` seconds away.
struct DeadlineSchedule {
    /// All dirty pages by age.
    let ages: DirtyAges
    /// The least oldest modification.
    let oldest: UInt64
    /// The end of the log.
    let end: UInt64
    /// The age to hold, in bytes.
    let targetAge: Double
    /// Bytes of redo per second.
    let redoRate: Double

    /// The distance from the oldest modification to the end of the log.
    var age: Double { Double(end - min(end, oldest)) }

    /// The time over which what is due at once is spread, in seconds: one, or a quarter of the time in which the log is
    /// turned over, if that is less.
    var horizon: Double { redoRate > 1 ? min(1, max(0.2, 0.25 * targetAge / redoRate)) : 1 }

    /// The least constant rate, in pages per second, that meets every deadline, nothing being due sooner than the
    /// horizon.
    ///
    /// It is the largest of `count(deadline <= t) / t`: a hump of pages raises it long before the hump is due.
    ///
    /// - Parameter writtenElsewhere: Pages per second that LRU flushing writes anyway: they count for the deadlines
    ///   beyond the horizon, where they will have been written.
    func requiredRate(writtenElsewhere: Double) -> Double {
        let width = Double(ages.bucketWidth)
        // Position and time grow together: begin with all that is due within the horizon.
        let horizon = horizon
        let near = Double(end) - targetAge + redoRate * horizon
        let nearCount = near < Double(oldest) ? 0 : ages.count(through: UInt64(near), from: oldest)
        var rate = Double(nearCount) / horizon
        guard redoRate > 1 else { return rate }
        var position = max(near, Double(oldest))
        // Behind the last bucket all pages are counted, and more time only asks for less.
        let last = min(Double(end), Double(oldest) + width * Double(DirtyAges.bucketCount))
        for _ in 0...DirtyAges.bucketCount where position < last {
            position = min((position / width).rounded(.down) * width + width, Double(end))
            let seconds = (position + targetAge - Double(end)) / redoRate
            let count = Double(ages.count(through: UInt64(max(0, position - 1)), from: oldest))
            rate = max(rate, (count - writtenElsewhere * seconds) / max(horizon, seconds))
        }
        return rate
    }

    /// The pages per second that would be due at the worst time if each was written at its deadline: over a quarter of
    /// a second, and at least two buckets.
    var peakRate: Double {
        guard redoRate > 1, end > oldest else { return 0 }
        let width = Double(ages.bucketWidth)
        let span = Int(min(Double(DirtyAges.bucketCount), max(2, redoRate / 4 / width)))
        let first = oldest / ages.bucketWidth
        let last = end / ages.bucketWidth
        var sum = 0
        var most = 0
        for index in first...min(last, first + UInt64(DirtyAges.bucketCount - 1)) {
            sum += Int(ages[index])
            if index >= first + UInt64(span) { sum -= Int(ages[index - UInt64(span)]) }
            most = max(most, sum)
        }
        return Double(most) * redoRate / (Double(span) * width)
    }

    /// Returns the most redo per second with which `pageRate` pages a second meet every deadline, if pages may become
    /// `largestAge` old.
    ///
    /// It is the least of `pageRate x (bytes to the deadline) / (pages due until then)`. Pages that are due now do not
    /// count: their deadlines are lost, and what flushing sets free then limits writers.
    func bearableRedo(pageRate: Double, within largestAge: Double) -> Double {
        var least = Double.infinity
        var position = oldest
        var count = 0.0
        for _ in 0..<DirtyAges.bucketCount where position < end {
            let index = position / ages.bucketWidth
            count += Double(ages[index])
            position = min(end, (index + 1) * ages.bucketWidth)
            let bytes = Double(position) + largestAge - Double(end)
            if bytes > 0.05 * largestAge, count > 0 { least = min(least, pageRate * bytes / count) }
        }
        return least
    }

    /// Returns how many bytes of redo the oldest `pages` pages hold back: what flushing so many of them sets free.
    func redoHeld(byOldest pages: Double) -> Double {
        guard pages > 0 else { return 0 }
        let held = age
        if ages.total == 0 { return held }
        if pages >= Double(ages.total) { return held * pages / Double(ages.total) }
        let width = ages.bucketWidth
        var start = oldest
        var sum = 0.0
        for _ in 0..<DirtyAges.bucketCount {
            let index = start / width
            let count = Double(ages[index])
            let next = min((index + 1) * width, max(end, start + 1))
            if sum + count >= pages {
                return Double(start - oldest) + Double(next - start) * (pages - sum) / count
            }
            sum += count
            start = next
            if start >= end { break }
        }
        return held
    }

    /// Pages per byte of redo at the old end: over what is due within the horizon, and at least two buckets.
    var tailDensity: Double {
        let bytes = max(2 * Double(ages.bucketWidth), redoRate * horizon)
        let span = UInt64(min(bytes, Double(ages.bucketWidth) * Double(DirtyAges.bucketCount)))
        return Double(ages.count(through: oldest + span, from: oldest)) / bytes
    }
}
