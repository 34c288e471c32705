import RedoubtCore
import RedoubtSystem

/// Takes frames out of use after the memory was made less, a stretch at a time: clean pages leave, dirty ones are
/// written and leave, those in use are met again on the next turn.
///
/// One thread at a time: the coordinator of the page cleaner, between two beats; without threads whoever changes the
/// memory.
struct FrameWithdrawal {
    private let flushing: Flushing
    // Where the turn through the frames that have to leave goes on, and the one through those that stay, for their
    // search indexes.
    private var position: UInt32 = 0
    private var indexPosition: UInt32 = 0
    private var hasMoved = false
    private var pause = FrameWithdrawal.shortestPause

    /// The frames that one step looks at.
    private static var stretch: UInt32 { 2048 }
    /// How long to wait after a turn that came to nothing, in nanoseconds: twice as long each time.
    private static var shortestPause: UInt64 { 1_000_000 }
    private static var longestPause: UInt64 { 100_000_000 }
    private static var errorPause: UInt64 { 100_000_000 }

    init(_ flushing: Flushing) {
        self.flushing = flushing
    }

    /// Does a stretch of the work, if there is any; returns when to do the next, in nanoseconds of the clock.
    ///
    /// Waits for the writes of one batch.
    mutating func step(at now: UInt64) -> UInt64 {
        let pool = flushing.pool
        guard pool.isShrinking else {
            pause = Self.shortestPause
            return .max
        }
        pool.lowerFrameLimit()
        do throws(RedoubtError) {
            try withdraw()
        } catch {
            // A fence ends the loop; a full disk may have room again.
            return now + Self.errorPause
        }
        let limit = pool.frameLimit
        if position < pool.frameBound || indexPosition < limit { return now }
        // The end of a turn.
        if pool.giveBackSearchIndexes() { indexPosition = 0 }
        position = limit
        pool.endShrinkIfDone()
        defer { hasMoved = false }
        if hasMoved {
            pause = Self.shortestPause
            return now
        }
        pause = min(2 * pause, Self.longestPause)
        return now + pause
    }

    private mutating func withdraw() throws(RedoubtError) {
        let pool = flushing.pool
        let limit = pool.frameLimit
        let bound = pool.frameBound
        let start = max(position, limit)
        let end = min(start &+ Self.stretch, bound)
        position = max(start, end)
        if start < end {
            var dirty: [UInt32] = []
            for index in start..<end {
                let frame = pool.frame(index)
                if frame.has(FrameFlags.withdrawn) { continue }
                if pool.evict(frame) { continue }
                if frame.isDirty && frame.ioState == FrameIOState.none { dirty.append(index) }
                if dirty.count == flushing.writer.batchPages {
                    position = index + 1
                    break
                }
            }
            if !dirty.isEmpty { try flushing.writeLeaving(dirty) }
            if pool.giveBackFrames(start..<position) > 0 { hasMoved = true }
        }
        let indexEnd = min(indexPosition &+ Self.stretch, limit)
        if indexPosition < indexEnd { pool.dropSearchIndexesBeyondLimit(indexPosition..<indexEnd) }
        indexPosition = max(indexPosition, indexEnd)
    }
}

extension Flushing {
    /// Withdraws frames on the calling thread, while there are no others that could; what is in use for longer than
    /// `milliseconds` stays until the next change of the memory.
    ///
    /// Waits.
    func withdrawFrames(milliseconds: Int) {
        let deadline = Scheduling.now().advanced(milliseconds: milliseconds)
        var withdrawal = FrameWithdrawal(self)
        while !kernel.health.isFenced {
            let now = Scheduling.now()
            let next = withdrawal.step(at: now.nanoseconds)
            guard pool.isShrinking && now < deadline else { return }
            if next > now.nanoseconds { Scheduling.sleep(microseconds: Int(next - now.nanoseconds) / 1000) }
        }
    }
}
