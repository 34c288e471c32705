package import RedoubtCore
import RedoubtSystem
import Synchronization

/// Redo capacity as credit: what running mini-transactions may still append, and what lies between checkpoint and
/// current end, never exceed the free-check capacity together.
///
/// Who finds none waits in line behind a lock, so that a large request is not starved by small ones; newcomers join the
/// line while there is one.
final class CapacityCredit: Sendable {
    /// Signalled when the checkpoint or the capacity moved.
    let advanced = Event()
    private let outstanding = CacheIsolated(Atomic<UInt64>(0))
    private let most: CacheIsolated<Atomic<UInt64>>
    private let waiting = Atomic<Int>(0)
    private let line = EngineLock()
    private let presentLimits: Mutex<LogLimits>

    init(limits: LogLimits) {
        most = CacheIsolated(Atomic(UInt64(limits.freeCheckCapacity)))
        presentLimits = Mutex(limits)
    }

    /// What age and credit may be together.
    var capacity: UInt64 { most.value.load(ordering: .acquiring) }

    var limits: LogLimits {
        get { presentLimits.withLock { $0 } }
        set {
            presentLimits.withLock { $0 = newValue }
            most.value.store(UInt64(newValue.freeCheckCapacity), ordering: .releasing)
            advanced.signal()
        }
    }

    /// Returns the LSN distance that `bytes` group bytes take at most.
    static func distance(_ bytes: Int) -> UInt64 { UInt64(bytes) + (UInt64(bytes) / 496 + 1) * 16 }

    /// Returns the group bytes that fit `distance` for sure.
    static func groupBytes(_ distance: UInt64) -> UInt64 { distance < 16 ? 0 : (distance - 16) / 512 * 496 }

    /// Takes the credit if nobody is in line and there is enough.
    func tryAcquire(_ bytes: Int, _ log: RedoLog) -> Bool {
        if waiting.load(ordering: .acquiring) > 0 { return false }
        return take(Self.distance(bytes), log)
    }

    /// Takes the credit.
    ///
    /// Waits for the checkpoint.
    func acquire(_ bytes: Int, _ log: RedoLog) throws(RedoubtError) {
        let cost = Self.distance(bytes)
        waiting.wrappingAdd(1, ordering: .acquiringAndReleasing)
        defer { waiting.wrappingSubtract(1, ordering: .acquiringAndReleasing) }
        line.lock()
        defer { line.unlock() }
        while true {
            let ticket = advanced.ticket
            try log.health.check()
            if cost > capacity {
                throw RedoubtError(
                    .batchTooLarge,
                    "\(bytes) bytes of redo at once; a log of \(limits.capacity) takes \(Self.groupBytes(capacity))"
                )
            }
            if take(cost, log) { return }
            log.checkpointNeeded.signal()
            // The deadline is for credit given back without a signal, and for a fence from elsewhere.
            advanced.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 20))
        }
    }

    /// Gives back credit.
    func release(_ bytes: Int) {
        let cost = Self.distance(bytes)
        let before = outstanding.value.wrappingSubtract(cost, ordering: .acquiringAndReleasing).oldValue
        precondition(before >= cost, "\(cost) bytes of redo credit given back, \(before) were taken")
        if waiting.load(ordering: .relaxed) > 0 { advanced.signal() }
    }

    private func take(_ cost: UInt64, _ log: RedoLog) -> Bool {
        // The addition comes first: who gave credit back before it has appended before it, so the current end is seen.
        let sum = outstanding.value.wrappingAdd(cost, ordering: .acquiringAndReleasing).newValue
        let checkpoint = log.checkpoint.value.load(ordering: .acquiring)
        let age = log.currentLSN.rawValue - checkpoint
        if age + sum <= capacity { return true }
        outstanding.value.wrappingSubtract(cost, ordering: .acquiringAndReleasing)
        return false
    }
}

extension RedoLog {
    /// The limits that follow from the present files.
    package var limits: LogLimits { credit.limits }

    /// Takes credit for a mini-transaction of at most `bytes` group bytes; the caller holds no latch and no other
    /// credit.
    ///
    /// Waits for a checkpoint.
    ///
    /// - Throws: `.fenced`; `.batchTooLarge` if the log can never hold it.
    package func acquireCapacity(bytes: Int) throws(RedoubtError) {
        if tryAcquireCapacity(bytes: bytes) { return try checkFence(afterTaking: bytes) }
        try credit.acquire(bytes, self)
    }

    /// Takes the credit if that needs no waiting.
    package func tryAcquireCapacity(bytes: Int) -> Bool {
        if credit.tryAcquire(bytes, self) { return true }
        checkpointNeeded.signal()
        return false
    }

    /// Gives back credit, after the append that it was for.
    package func releaseCapacity(bytes: Int) {
        credit.release(bytes)
    }

    private func checkFence(afterTaking bytes: Int) throws(RedoubtError) {
        if health.isFenced {
            credit.release(bytes)
            throw health.fencedError()
        }
    }
}
