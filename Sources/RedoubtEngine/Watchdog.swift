import RedoubtCore
import RedoubtLog
package import RedoubtSystem
import Synchronization

/// The thread that looks after foreground threads: reports waits of more than a second while they last, and keeps the
/// limit of ``WriterThrottle``.
///
/// It does no I/O, and of locks takes only those that are never held across I/O, so nothing that a foreground thread
/// can be stuck in stops it.
package final class Watchdog: Sendable {
    /// From here on a wait is a stall.
    package static let stallNanoseconds: UInt64 = 1_000_000_000
    private static let lookMilliseconds = 250

    private struct State {
        var throttle: WriterThrottle
        var stalls = WaitStalls()
        var backPressure = BackPressure.normal
        var nextLook = EngineInstant(nanoseconds: 0)
        var nextAdjustment = EngineInstant(nanoseconds: 0)
    }

    private let kernel: Kernel
    // Used by one thread at a time; the mutex is contended by readers of counters only, never across a wait.
    private let state: Mutex<State>
    private let isStopping = Atomic<Bool>(false)
    private let stopped = Event()
    private let thread = Mutex<EngineThread?>(nil)

    init(_ kernel: Kernel, _ flushing: Flushing) {
        self.kernel = kernel
        state = Mutex(State(throttle: WriterThrottle(kernel, flushing)))
    }

    // MARK: Figures

    /// The foreground waits that have lasted more than a second and last still, the longest first.
    package var presentStalls: [PresentWait] { kernel.waits.presentWaits(atLeast: Self.stallNanoseconds) }

    /// The waits of more than a second so far, as far as they were seen.
    package var stallCount: UInt64 { state.withLock { $0.stalls.count } }

    /// The longest of them in nanoseconds.
    package var stallNanosecondsMaximum: UInt64 { state.withLock { $0.stalls.nanosecondsMaximum } }

    // MARK: Life

    /// Starts the thread.
    func start() throws(RedoubtError) {
        isStopping.store(false, ordering: .releasing)
        let started = try Scheduling.startBackground("watchdog") { self.run() }
        thread.withLock { $0 = started }
    }

    /// Ends and joins the thread, and lifts the limit.
    ///
    /// Waits.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        stopped.signal()
        let started = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let started { Scheduling.join(started) }
        kernel.log.admission.setRate(nil, by: .throttle)
    }

    private func run() {
        while !isStopping.load(ordering: .acquiring) {
            let ticket = stopped.ticket
            if isStopping.load(ordering: .acquiring) { return }
            stopped.wait(ticket, deadline: look())
        }
    }

    /// Looks once at everything that is due; returns when the next look is.
    @discardableResult
    func look() -> EngineInstant {
        let now = Scheduling.now()
        let (isDue, throttle) = state.withLock { state in (state.nextLook <= now, state.throttle) }
        var adjusted = throttle
        // Outside of the lock: nothing inside may wait.
        let milliseconds = adjusted.adjust(now: now)
        let long = isDue ? presentStalls : []
        let pressure = kernel.log.backPressure
        let (changes, isNew, next) = state.withLock { state in
            state.throttle = adjusted
            state.nextAdjustment = now.advanced(milliseconds: milliseconds)
            let changes = isDue ? state.stalls.update(long, now: now) : []
            if isDue { state.nextLook = now.advanced(milliseconds: Self.lookMilliseconds) }
            let isNew = state.backPressure != pressure
            state.backPressure = pressure
            return (changes, isNew, min(state.nextLook, state.nextAdjustment))
        }
        for change in changes {
            switch change {
            case .began(let wait): kernel.events.post(.stallBegan(wait.reason, nanoseconds: wait.nanoseconds))
            case .ended(let wait): kernel.events.post(.stallEnded(wait.reason, nanoseconds: wait.nanoseconds))
            }
        }
        if isNew { kernel.events.post(.backPressureChanged(pressure)) }
        return next
    }
}
