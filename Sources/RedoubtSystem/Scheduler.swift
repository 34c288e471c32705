import CRedoubtShims
package import RedoubtCore

/// What runs the engine's threads and lets them wait: the operating system, or a simulation.
///
/// The engine is ordinary blocking code. Every place where a thread may block goes through ``Scheduling``, which asks
/// the scheduler that the calling thread belongs to; a thread without one belongs to the operating system.
package protocol Scheduler: AnyObject, Sendable {
    /// The present time.
    func now() -> EngineInstant

    /// Starts a thread that runs `body` and belongs to this scheduler.
    func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(RedoubtError) -> EngineThread

    /// Waits until `body` of `thread` has returned.
    func join(_ thread: EngineThread)

    /// Waits while the word at `address` equals `expected`, until woken or until `deadline`; may return for no reason.
    /// Returns false if the deadline passed.
    func wait(on address: UnsafeRawPointer, while expected: UInt32, deadline: EngineInstant?) -> Bool

    /// Wakes at most `count` threads that wait on `address`.
    func wake(_ address: UnsafeRawPointer, count: Int32)

    /// Sleeps until `deadline`.
    func sleep(until deadline: EngineInstant)

    /// Lets another thread run; in a simulation, a point where the schedule may change.
    func yield()

    /// Called before each access to a contended atomic in builds with `REDOUBT_INTERLEAVING`; for exhaustive checks.
    func atomicStep()

    /// Where threads of this scheduler take large buffers from; nil for the kernel.
    var keptMemory: KeptMemory? { get }

    /// Whether this is a run of an exploration of all disks.
    var isExploring: Bool { get }

    /// Called when a part of what is in memory has another digest.
    func remember(_ part: MemoryPart, _ digest: UInt64)

    /// Called at each merge point, with what the rest of the run depends on beside the disk; returns whether that was
    /// explored before, so that the run can end.
    func isExplored(at point: MergePoint, _ digest: () -> UInt64) -> Bool
}

extension Scheduler {
    /// Does nothing, as nobody watches the steps.
    package func atomicStep() {}

    /// None: buffers come from the kernel.
    package var keptMemory: KeptMemory? { nil }

    /// No.
    package var isExploring: Bool { false }

    /// Forgets it, as nothing is explored.
    package func remember(_ part: MemoryPart, _ digest: UInt64) {}

    /// No: nothing is explored.
    package func isExplored(at point: MergePoint, _ digest: () -> UInt64) -> Bool { false }
}

/// A thread of the engine.
///
/// ``Scheduling/join(_:)`` must be called once for each.
package final class EngineThread: Sendable {
    /// The name, as debuggers show it.
    package let name: String
    /// What the scheduler knows the thread by.
    package let handle: UInt64

    /// Creates the name and handle of a started thread.
    package init(name: String, handle: UInt64) {
        self.name = name
        self.handle = handle
    }
}
