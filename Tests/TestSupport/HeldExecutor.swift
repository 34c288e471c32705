import Dispatch
import Synchronization

/// Runs the jobs of tasks one after the other on a thread of its own, so that a test may block the threads that tasks
/// share; keeps them while it is held.
///
/// A task is on it by its executor preference.
package final class HeldExecutor: TaskExecutor {
    private struct State {
        var isHeld: Bool
        var jobs: [UnownedJob] = []
    }

    private let state: Mutex<State>
    // A serial queue gets a thread at once, whatever others do.
    private let queue = DispatchQueue(label: "tasks of a test")

    /// Creates an executor; if it is held, nothing runs before ``runOne()`` or ``letGo()``.
    package init(isHeld: Bool) {
        state = Mutex(State(isHeld: isHeld))
    }

    /// Takes a job.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let isHeld = state.withLock { state in
            if state.isHeld { state.jobs.append(job) }
            return state.isHeld
        }
        if !isHeld { run(job) }
    }

    /// Has the oldest job run that is kept; returns false if there is none.
    package func runOne() -> Bool {
        let job = state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
        guard let job else { return false }
        run(job)
        return true
    }

    /// Has all jobs run, those to come as well.
    package func letGo() {
        let jobs = state.withLock { state in
            state.isHeld = false
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in jobs { run(job) }
    }

    private func run(_ job: UnownedJob) {
        queue.async { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
