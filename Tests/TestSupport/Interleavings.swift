import RedoubtSystem
import Synchronization

/// What ``exploreInterleavings(threads:preemptions:limit:make:body:check:)`` found.
package struct InterleavingReport: Sendable {
    /// The schedules that were run.
    package var scheduleCount = 0
    /// The atomic steps of all of them; 0 if the build has no `REDOUBT_INTERLEAVING`.
    package var stepCount = 0
    /// The deadlines that passed because nobody could run.
    package var timeoutCount = 0
    /// Whether all schedules within the bound on preemptions were run.
    package var isComplete = false
    /// What went wrong first, with the schedule that shows it.
    package var failure: String?
}

/// Runs `body` on `count` threads in every order of their atomic steps, with at most `preemptions` switches away from a
/// thread that could have gone on, and `check` after each.
///
/// The engine's own atomics are steps in builds with `REDOUBT_INTERLEAVING`; the test adds steps to its own accesses
/// with `Scheduling.atomicStep()`. `make` creates the state of a run; `check` returns what is wrong with it, or nil. A
/// deadlock is a failure.
package func exploreInterleavings<State: AnyObject & Sendable>(
    threads count: Int,
    preemptions: Int,
    limit: Int = 100_000,
    make: @Sendable () -> State,
    body: @escaping @Sendable (Int, State) -> Void,
    check: (State) -> String?
) throws -> InterleavingReport {
    let scheduler = InterleavingScheduler(threads: count, preemptions: preemptions)
    let present = Mutex<State>(make())
    var report = InterleavingReport()
    var workers: [EngineThread] = []
    for index in 0..<count {
        workers.append(
            try Scheduling.startOnSystem("check-\(index)") {
                Scheduling.adopt(scheduler) {
                    while scheduler.takePart(index, { body(index, present.withLock { $0 }) }) {}
                }
            }
        )
    }
    while report.scheduleCount < limit {
        guard scheduler.runOnce(within: 20) else {
            // The workers are stuck, and stay so.
            report.failure = "a schedule does not end: \(scheduler.trace)"
            return report
        }
        report.scheduleCount += 1
        if let deadlock = scheduler.deadlock {
            report.failure = deadlock
            return report
        }
        report.failure = present.withLock { check($0) }.map { "\($0); schedule \(scheduler.trace)" }
        report.isComplete = !scheduler.advance()
        if report.isComplete || report.failure != nil { break }
        present.withLock { $0 = make() }
    }
    scheduler.stop()
    for worker in workers { Scheduling.joinOnSystem(worker) }
    report.stepCount = scheduler.stepCount
    report.timeoutCount = scheduler.timeoutCount
    return report
}
