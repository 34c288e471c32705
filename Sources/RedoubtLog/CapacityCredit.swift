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
    /// What keeps newcomers from just taking credit: the number of those in line, ``rationed`` and ``stuck``.
    private let obstacles = Atomic<UInt64>(0)
    private let line = EngineLock()
    /// Writers share a rate.
    private static let rationed: UInt64 = 1 << 32
    /// Redo finds no space.
    private static let stuck: UInt64 = 1 << 33
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

    /// Says whether writers share a rate, so that taking credit and giving it back involve ``Admission``.
    func setRationed(_ isRationed: Bool) {
        if isRationed {
            obstacles.bitwiseOr(Self.rationed, ordering: .acquiringAndReleasing)
        } else {
            obstacles.bitwiseAnd(~Self.rationed, ordering: .acquiringAndReleasing)
        }
    }

    /// Says whether redo finds no space, so that nobody is let in: what was let in must fit the log buffer.
    func setStuck(_ isStuck: Bool) {
        if isStuck {
            obstacles.bitwiseOr(Self.stuck, ordering: .acquiringAndReleasing)
        } else {
            obstacles.bitwiseAnd(~Self.stuck, ordering: .acquiringAndReleasing)
        }
    }

    private var isStuck: Bool { obstacles.load(ordering: .acquiring) & Self.stuck != 0 }

    /// Whether somebody is in line.
    var hasLine: Bool { UInt32(truncatingIfNeeded: obstacles.load(ordering: .acquiring)) > 0 }

    /// Takes the credit if nobody is in line, there is enough, and no rate is in the way.
    func tryAcquire(_ bytes: Int, _ log: RedoLog) -> Bool {
        let seen = obstacles.load(ordering: .acquiring)
        if seen == 0 {
            if take(Self.distance(bytes), log) { return true }
        } else if seen == Self.rationed {
            guard log.admission.tryPay(bytes) else { return false }
            if take(Self.distance(bytes), log) { return true }
            log.admission.refund(bytes)
        }
        log.wantCapacity()
        return false
    }

    /// As above, for who has been admitted.
    func tryAcquireAdmitted(_ bytes: Int, _ log: RedoLog) -> Bool {
        if !hasLine, !isStuck, take(Self.distance(bytes), log) { return true }
        log.wantCapacity()
        return false
    }

    /// Takes the credit, for who has been admitted.
    ///
    /// Waits for the checkpoint.
    ///
    /// - Throws: `.fenced`, `.batchTooLarge`; `.diskFull` if the checkpoint waits for pages that find no space.
    func acquire(_ bytes: Int, _ log: RedoLog) throws(RedoubtError) {
        let wait = log.waits.begin(.redoCapacity)
        defer { log.waits.end(wait) }
        let cost = Self.distance(bytes)
        let marks = (log.health.space.mark, log.streamSpace.mark, log.checkpointSpace.mark)
        obstacles.wrappingAdd(1, ordering: .acquiringAndReleasing)
        defer { obstacles.wrappingSubtract(1, ordering: .acquiringAndReleasing) }
        line.lock()
        defer { line.unlock() }
        while true {
            let ticket = advanced.ticket
            try log.health.check()
            try requireFit(bytes)
            if !isStuck, take(cost, log) { return }
            try log.health.space.check(since: marks.0)
            try log.streamSpace.check(since: marks.1)
            try log.checkpointSpace.check(since: marks.2)
            log.wantCapacity()
            // The deadline is for credit given back without a signal, and for a fence from elsewhere.
            advanced.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 20))
        }
    }

    /// Throws `.batchTooLarge` if the log can never hold so many bytes at once.
    func requireFit(_ bytes: Int) throws(RedoubtError) {
        guard Self.distance(bytes) > capacity else { return }
        throw RedoubtError(
            .batchTooLarge,
            "\(bytes) bytes of redo at once; a log of \(limits.capacity) takes \(Self.groupBytes(capacity))"
        )
    }

    /// Gives back credit; of the bytes `used` were appended.
    func release(_ bytes: Int, used: Int, _ log: RedoLog) {
        let cost = Self.distance(bytes)
        let before = outstanding.value.wrappingSubtract(cost, ordering: .acquiringAndReleasing).oldValue
        precondition(before >= cost, "\(cost) bytes of redo credit given back, \(before) were taken")
        let seen = obstacles.load(ordering: .relaxed)
        if seen == 0 { return }
        if seen != Self.rationed { advanced.signal() }
        if seen & Self.rationed != 0 { log.admission.refund(bytes, except: used) }
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

    /// Says that somebody found no capacity, and wakes who writes checkpoints; to be said again until there is some.
    package func wantCapacity() {
        // Read first: many say so at once.
        if !capacityWanted.load(ordering: .relaxed) { capacityWanted.store(true, ordering: .releasing) }
        checkpointNeeded.signal()
    }

    /// Whether that was said since the last time that this was asked.
    package func takeCapacityRequest() -> Bool { capacityWanted.exchange(false, ordering: .acquiringAndReleasing) }

    /// Takes credit for a mini-transaction of at most `bytes` group bytes; the caller holds no latch and no other
    /// credit.
    ///
    /// Waits as long as writers are slowed down, then for a checkpoint.
    ///
    /// - Throws: `.fenced`; `.batchTooLarge` if the log can never hold it; `.busy` if the thread refuses to wait;
    ///   `.diskFull` if it waits in vain, because pages find no space.
    package func acquireCapacity(bytes: Int) throws(RedoubtError) {
        if tryAcquireCapacity(bytes: bytes) { return try checkFence(afterTaking: bytes) }
        try admit(bytes: bytes)
        try acquireAdmittedCapacity(bytes: bytes)
    }

    /// Takes the credit if that needs no waiting.
    package func tryAcquireCapacity(bytes: Int) -> Bool { credit.tryAcquire(bytes, self) }

    /// Pays for a mini-transaction of at most `bytes` group bytes as long as writers are slowed down; the caller holds
    /// no latch and no credit, and takes credit next.
    ///
    /// Waits.
    ///
    /// - Throws: `.fenced`; `.batchTooLarge` if the log can never hold it; `.busy` if the thread refuses to wait;
    ///   `.diskFull` if it waits in vain, because pages find no space.
    package func admit(bytes: Int) throws(RedoubtError) {
        // Before it is paid for: what never comes must not delay those behind it.
        try credit.requireFit(bytes)
        switch Scheduling.slowdownManner {
        case .waits: try admission.pay(bytes)
        case .fails:
            admission.noteHeldBack()
            throw RedoLog.busy()
        case .goesOn: admission.owe(bytes)
        }
    }

    /// Takes credit for who has been admitted.
    ///
    /// Waits for a checkpoint.
    ///
    /// - Throws: as ``acquireCapacity(bytes:)``.
    package func acquireAdmittedCapacity(bytes: Int) throws(RedoubtError) {
        if credit.tryAcquireAdmitted(bytes, self) { return try checkFence(afterTaking: bytes) }
        do throws(RedoubtError) {
            try credit.acquire(bytes, self)
        } catch {
            admission.refund(bytes)
            throw error
        }
    }

    /// Takes credit for who has been admitted, if that needs no waiting.
    package func tryAcquireAdmittedCapacity(bytes: Int) -> Bool { credit.tryAcquireAdmitted(bytes, self) }

    /// Gives back credit, after the append that it was for, which took `used` of the bytes.
    package func releaseCapacity(bytes: Int, used: Int = 0) {
        credit.release(bytes, used: used, self)
    }

    /// How far writers are held back at the moment.
    package var backPressure: BackPressure {
        if credit.hasLine { return .stopped }
        guard let rate = admission.rate else { return .normal }
        if rate <= 0 { return .stopped }
        return admission.isHoldingBack ? .delayed : .normal
    }

    /// The error of a thread that refuses to be slowed down.
    package static func busy() -> RedoubtError {
        RedoubtError(.busy, "writers are being slowed down until pages have been written; try again later")
    }

    private func checkFence(afterTaking bytes: Int) throws(RedoubtError) {
        if health.isFenced {
            releaseCapacity(bytes: bytes)
            throw health.fencedError()
        }
    }
}
