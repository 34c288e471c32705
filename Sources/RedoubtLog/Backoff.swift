import RedoubtSystem

/// A wait for something that another thread does within nanoseconds, unless it lost its processor in between.
struct Backoff {
    private var turn = 0

    /// Pauses: a spin first, then a change of thread, then short sleeps.
    mutating func pause() {
        if turn < 32 {
            Scheduling.spinOnce()
        } else if turn < 64 {
            Scheduling.yield()
        } else {
            Scheduling.sleep(microseconds: 20)
        }
        turn += 1
    }
}
