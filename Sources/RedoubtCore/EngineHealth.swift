import Synchronization

/// Whether the engine may still acknowledge writes, and if not, which failure ended that.
///
/// The first failed write or sync *fences* the engine: nothing is acknowledged after it, the checkpoint stays where it
/// is, reads of what is in memory go on, and reopening recovers. A sync is never tried again, because the kernel may
/// have dropped the dirty data and will report success the second time.
///
/// ## References
/// Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020.
package final class EngineHealth: Sendable {
    /// Whether writes wait for space, which is no failure.
    package let space = DiskSpace()

    private let fencedFlag = Atomic<Bool>(false)
    // Taken once in the life of an engine, so contention does not matter.
    private let firstCause = Mutex<RedoubtError?>(nil)
    private let listener = Mutex<(@Sendable () -> Void)?>(nil)

    /// Creates a healthy state.
    package init() {}

    /// Whether a write or sync has failed.
    package var isFenced: Bool { fencedFlag.load(ordering: .acquiring) }

    /// Fences the engine because of `cause`; only the first cause is kept.
    package func fence(_ cause: RedoubtError) {
        let isFirst = firstCause.withLock { first in
            defer { first = first ?? cause }
            return first == nil
        }
        fencedFlag.store(true, ordering: .releasing)
        if isFirst { listener.withLock { $0 }?() }
    }

    /// Has `body` called once, by the thread that fences the engine, which may hold locks: it must not wait.
    package func whenFenced(_ body: @escaping @Sendable () -> Void) {
        listener.withLock { $0 = body }
    }

    /// The failure that fenced the engine.
    package var cause: RedoubtError? { firstCause.withLock { $0 } }

    /// Throws `.fenced` with the first cause if the engine is fenced.
    package func check() throws(RedoubtError) {
        if isFenced { throw fencedError() }
    }

    /// The error that every write gets once the engine is fenced.
    package func fencedError() -> RedoubtError {
        // Asked for, not a failure.
        if let cause, cause.code == .readOnly { return cause }
        let reason = cause.map { $0.description } ?? "unknown"
        return RedoubtError(
            .fenced,
            "no more writes after a failed write or sync (\(reason)); close and reopen the database to recover"
        )
    }
}
