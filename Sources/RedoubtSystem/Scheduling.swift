import CRedoubtShims
import Glibc
package import RedoubtCore
import Synchronization

/// The only door to blocking, time and threads.
///
/// Every call finds the scheduler of the calling thread: none for an ordinary thread, which then uses futexes, the
/// monotonic clock and pthreads; the simulated one for a thread of a simulation.
@usableFromInline
package enum Scheduling {
    /// Carries a scheduler through the per-thread pointer.
    private final class Carrier {
        let scheduler: any Scheduler

        init(_ scheduler: any Scheduler) {
            self.scheduler = scheduler
        }
    }

    /// The scheduler of the calling thread, or nil for the operating system.
    package static var current: (any Scheduler)? {
        guard let pointer = unsafe redoubt_thread_pointer() else { return nil }
        return unsafe Unmanaged<Carrier>.fromOpaque(pointer).takeUnretainedValue().scheduler
    }

    /// Whether the calling thread belongs to a simulation.
    package static var isSimulated: Bool { unsafe redoubt_thread_pointer() != nil }

    /// A small number for the calling thread, for spreading threads over slots; consecutive as threads first ask.
    package static var threadOrdinal: UInt32 { redoubt_thread_ordinal() }

    /// Runs `body` with the calling thread belonging to `scheduler`.
    package static func adopt<Result>(_ scheduler: any Scheduler, _ body: () -> Result) -> Result {
        let before = unsafe redoubt_thread_pointer()
        let carrier = unsafe Unmanaged.passRetained(Carrier(scheduler))
        unsafe redoubt_set_thread_pointer(carrier.toOpaque())
        defer {
            unsafe redoubt_set_thread_pointer(before)
            unsafe carrier.release()
        }
        return body()
    }

    /// The present time.
    package static func now() -> EngineInstant {
        if let current { return current.now() }
        return EngineInstant(nanoseconds: redoubt_monotonic_nanoseconds())
    }

    /// Waits while the word at `address` equals `expected`; may return for no reason.
    ///
    /// Returns false if `deadline` passed.
    @discardableResult
    package static func wait(
        on address: UnsafeRawPointer,
        while expected: UInt32,
        deadline: EngineInstant? = nil
    ) -> Bool {
        if let current { return unsafe current.wait(on: address, while: expected, deadline: deadline) }
        guard let deadline else {
            _ = unsafe redoubt_futex_wait(address, expected, -1)
            return true
        }
        let left = deadline.nanoseconds(since: now())
        if left == 0 { return false }
        return unsafe redoubt_futex_wait(address, expected, Int64(clamping: left)) == 0
    }

    /// Wakes at most `count` threads that wait on `address`.
    package static func wake(_ address: UnsafeRawPointer, count: Int32 = .max) {
        if let current { return unsafe current.wake(address, count: count) }
        unsafe redoubt_futex_wake(address, count)
    }

    /// Sleeps for `microseconds`.
    package static func sleep(microseconds: Int) {
        let deadline = now().advanced(microseconds: microseconds)
        if let current { return current.sleep(until: deadline) }
        redoubt_sleep_nanoseconds(UInt64(microseconds) * 1000)
    }

    /// Lets another thread run.
    package static func yield() {
        if let current { return current.yield() }
        sched_yield()
    }

    /// One turn of a bounded spin: a pause for the processor, a change of thread in a simulation.
    package static func spinOnce() {
        if let current { return current.yield() }
        redoubt_cpu_pause()
    }

    /// The turns of a spin before a latch or lock sleeps: none in a simulation, where nothing changes meanwhile.
    package static var spinLimit: Int { isSimulated ? 0 : 100 }

    /// Stands before each access to a contended atomic: nothing, but in builds with `REDOUBT_INTERLEAVING` a point
    /// where a scheduler that checks all interleavings may switch threads.
    @inlinable
    @inline(__always)
    package static func atomicStep() {
        #if REDOUBT_INTERLEAVING
        announceAtomicStep()
        #endif
    }

    @usableFromInline
    static func announceAtomicStep() {
        if let current { current.atomicStep() }
    }

    /// Starts an OS thread named `name` that runs `body`; it belongs to the scheduler of the calling thread.
    package static func start(
        _ name: String,
        _ body: @escaping @Sendable () -> Void
    ) throws(RedoubtError) -> EngineThread {
        if let current { return try current.start(name, body) }
        return try startOnSystem(name, body)
    }

    /// Starts a thread of the operating system, whatever the caller belongs to; for schedulers.
    package static func startOnSystem(
        _ name: String,
        _ body: @escaping @Sendable () -> Void
    ) throws(RedoubtError) -> EngineThread {
        let job = unsafe Unmanaged.passRetained(Job(name: name, body: inheriting(body)))
        var thread = pthread_t()
        let code = unsafe pthread_create(&thread, nil, runJob, job.toOpaque())
        guard code == 0 else {
            unsafe job.release()
            throw RedoubtError(.systemLimit, "thread \"\(name)\" could not be started", errno: code)
        }
        return EngineThread(name: name, handle: UInt64(thread))
    }

    /// Binds the calling thread, and threads that it starts from then on, to one processor: the one with this number
    /// among those that it may run on.
    ///
    /// For simulations, whose threads run one at a time and hand over to each other.
    package static func pin(to number: Int) { redoubt_pin_thread(UInt32(truncatingIfNeeded: number)) }

    /// Has the allocator keep what is freed, for processes in which databases are open for a millisecond.
    package static func keepHeap() { redoubt_keep_heap() }

    /// Waits until `thread` has ended.
    package static func join(_ thread: EngineThread) {
        if let current { return current.join(thread) }
        joinOnSystem(thread)
    }

    /// Has nobody wait for `thread`, which is the calling one: in place of ``join(_:)``.
    package static func detach(_ thread: EngineThread) {
        // A simulation ends its threads itself.
        if current != nil { return }
        let code = pthread_detach(pthread_t(thread.handle))
        precondition(code == 0, "thread \"\(thread.name)\" could not be detached: \(code)")
    }

    /// Joins a thread that ``startOnSystem(_:_:)`` started.
    package static func joinOnSystem(_ thread: EngineThread) {
        let code = pthread_join(pthread_t(thread.handle), nil)
        precondition(code == 0, "thread \"\(thread.name)\" could not be joined: \(code)")
    }
}

private final class Job: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func runJob(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { return nil }
    let job = unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue()
    // The kernel keeps 15 characters.
    unsafe redoubt_set_thread_name(String(job.name.prefix(15)))
    job.body()
    return nil
}
