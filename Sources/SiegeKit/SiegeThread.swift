public import RedoubtCore
import RedoubtSystem

/// A thread of the program under siege; see ``SiegeWorld/start(_:_:)``.
public struct SiegeThread: Sendable {
    fileprivate let thread: EngineThread

    /// Waits until the thread has ended.
    public func join() { Scheduling.join(thread) }
}

/// A mutual exclusion lock for the threads of a program under siege; not recursive.
///
/// Other locks stop the process: in ``SiegeBudget/World/threads`` one thread runs at a time, and a call of the storage
/// may hand over to another, which a lock of the system would then keep for ever.
public final class SiegeLock: Sendable {
    private let lock = EngineLock()

    /// Creates a free lock.
    public init() {}

    /// Runs `body` with the lock, waiting for it.
    public func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        try lock.withLock(body)
    }
}

extension SiegeWorld {
    /// Starts a thread of the program, which runs `body`.
    ///
    /// With ``SiegeBudget/World/threads`` the seed decides when it runs and for how long: it may have to hand over at
    /// each call of the storage and wherever it waits. Threads that the program starts otherwise are not under the
    /// seed, so that nothing can be repeated.
    ///
    /// - Throws: `.systemLimit` with ``SiegeBudget/World/oneThread``, and where the system has no thread to give.
    public func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(RedoubtError) -> SiegeThread {
        SiegeThread(thread: try Scheduling.start(name, body))
    }
}
