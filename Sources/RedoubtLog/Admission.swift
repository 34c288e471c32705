import RedoubtCore
import RedoubtSystem
import Synchronization

/// The rate of redo that writers may add, so that they are slowed before they run into the end of the log.
///
/// A mini-transaction pays for the bytes it may append before it takes anything else, and gets back what it did not
/// use. Who pays draws the next stretch of a line of bytes; the line is granted at the set rate, and whoever's stretch
/// is not granted yet sleeps, at most a millisecond at a time. So everybody is served in the order of paying, and a
/// large mini-transaction waits as long as many small ones of the same size together.
///
///     charged   what was drawn             ------------------------------|
///     granted   what may begin by now      -------------------|  waiting
///
/// ## Rules
/// 1. Without a rate nothing is charged: ``CapacityCredit`` knows, and does not ask.
/// 2. What is granted but not drawn is at most 10 ms worth: idle time is not saved up.
/// 3. A new rate holds at once, also for those who wait; without one they all go on.
package final class Admission: Sendable {
    /// The longest sleep before looking again.
    static let sliceMicroseconds = 1000
    private static let burstSeconds = 0.01
    private static let memoryNanoseconds: UInt64 = 250_000_000
    private static let unlimited = UInt64.max

    // The bit pattern of a Double.
    private let rateBits = CacheIsolated(Atomic<UInt64>(Admission.unlimited))
    private let charged = CacheIsolated(Atomic<UInt64>(0))
    private let granted = CacheIsolated(Atomic<UInt64>(0))
    private let grantedAt = Atomic<UInt64>(0)
    // Those who wait for their turn, and when somebody was held back last, 0 for never.
    private let waiting = Atomic<Int>(0)
    private let heldBackAt = Atomic<UInt64>(0)
    private let changed = Event()
    private let lock = EngineLock()
    // Guarded by `lock`; the mutex is never contended.
    private let wishes = Mutex(Wishes())
    private let credit: CapacityCredit
    private let waits: WaitLedger
    private let health: EngineHealth

    init(credit: CapacityCredit, waits: WaitLedger, health: EngineHealth) {
        self.credit = credit
        self.waits = waits
        self.health = health
    }

    /// The rate in bytes per second; nil for none, 0 for a stop.
    package var rate: Double? {
        let bits = rateBits.value.load(ordering: .acquiring)
        return bits == Self.unlimited ? nil : Double(bitPattern: bits)
    }

    /// Whether somebody waits for its turn, or did, or was refused, within the last quarter of a second: so long, that
    /// who looks now and then misses nobody.
    var isHoldingBack: Bool {
        if waiting.load(ordering: .acquiring) > 0 { return true }
        let last = heldBackAt.load(ordering: .relaxed)
        let now = Scheduling.now()
        return last > 0 && now.nanoseconds(since: EngineInstant(nanoseconds: last)) < Self.memoryNanoseconds
    }

    /// Takes note of a writer that is held back, or was refused.
    func noteHeldBack() { heldBackAt.store(max(1, Scheduling.now().nanoseconds), ordering: .relaxed) }

    /// Who sets rates.
    package enum Source: Sendable {
        /// The flushing policy.
        case policy
        /// What keeps redo age and dirty share from their limits whatever the policy does.
        case throttle
        /// A tool or a test that holds writers.
        case caller
    }

    /// Sets the bytes of redo per second that writers may add: nil for as many as they like, 0 for none.
    ///
    /// Of what the sources set the lowest rate holds.
    package func setRate(_ bytesPerSecond: Double?, by source: Source = .policy) {
        let sound = Self.sound(bytesPerSecond)
        apply { wishes in
            switch source {
            case .policy: wishes.policy = sound
            case .throttle: wishes.throttle = sound
            case .caller: wishes.caller = sound
            }
        }
    }

    /// What was asked for.
    private struct Wishes {
        var policy: Double?
        var throttle: Double?
        var caller: Double?

        var rate: Double? {
            let least = min(policy ?? .infinity, throttle ?? .infinity, caller ?? .infinity)
            return least.isFinite ? least : nil
        }
    }

    /// A rate of less than a byte a second is none, one beyond all sense no rate.
    private static func sound(_ rate: Double?) -> Double? {
        guard let rate, rate.isFinite, rate < 1e15 else { return nil }
        return rate < 1 ? 0 : rate
    }

    private func apply(_ change: (inout Wishes) -> Void) {
        lock.lock()
        defer { lock.unlock() }
        let wanted = wishes.withLock { wishes in
            change(&wishes)
            return wishes.rate
        }
        let before = rate
        if before == wanted { return }
        let now = Scheduling.now()
        if let before {
            advance(to: now, rate: before)
        } else {
            // Who still waits from an earlier rate goes on.
            granted.value.store(charged.value.load(ordering: .acquiring), ordering: .releasing)
            grantedAt.store(now.nanoseconds, ordering: .releasing)
        }
        rateBits.value.store(wanted?.bitPattern ?? Self.unlimited, ordering: .releasing)
        credit.setRationed(wanted != nil)
        changed.signal()
    }

    // MARK: Paying

    /// Pays for a group of at most `bytes`.
    ///
    /// Waits.
    ///
    /// - Throws: `.fenced`; `.diskFull` if writers are slowed down while pages find no space.
    func pay(_ bytes: Int) throws(RedoubtError) {
        guard rate != nil, !tryPay(bytes) else { return }
        let wait = waits.begin(.backPressure)
        waiting.wrappingAdd(1, ordering: .acquiringAndReleasing)
        defer {
            noteHeldBack()
            waiting.wrappingSubtract(1, ordering: .acquiringAndReleasing)
            waits.end(wait)
        }
        let mark = health.space.mark
        let end = charged.value.wrappingAdd(Self.distance(bytes), ordering: .acquiringAndReleasing).newValue
        while true {
            let ticket = changed.ticket
            guard let rate else { return }
            let now = Scheduling.now()
            let reached = advance(to: now, rate: rate)
            if reached >= end { return }
            if health.isFenced { throw health.fencedError() }
            do throws(RedoubtError) {
                try health.space.check(since: mark)
            } catch {
                // Those behind in the line come as much earlier.
                refund(bytes)
                throw error
            }
            if rate < 1 {
                // A new rate wakes; the deadline is for a fence.
                changed.wait(ticket, deadline: now.advanced(milliseconds: 20))
            } else {
                let due = Double(end - reached) / rate * 1_000_000
                Scheduling.sleep(microseconds: max(1, min(Self.sliceMicroseconds, Int(min(due, 1e6)))))
            }
        }
    }

    /// Pays for a group of at most `bytes` without waiting for the turn: those who come next wait longer.
    func owe(_ bytes: Int) {
        if rate != nil { charged.value.wrappingAdd(Self.distance(bytes), ordering: .acquiringAndReleasing) }
    }

    /// Pays for a group of at most `bytes` if that needs no waiting.
    func tryPay(_ bytes: Int) -> Bool {
        guard let rate else { return true }
        let reached = advance(to: Scheduling.now(), rate: rate)
        let cost = Self.distance(bytes)
        var seen = charged.value.load(ordering: .acquiring)
        while seen + cost <= reached {
            let exchange = charged.value.compareExchange(
                expected: seen,
                desired: seen + cost,
                ordering: .acquiringAndReleasing
            )
            if exchange.exchanged { return true }
            seen = exchange.original
        }
        return false
    }

    /// Gives back what was paid for `bytes`, except for those `used`.
    func refund(_ bytes: Int, except used: Int = 0) {
        granted.value.wrappingAdd(Self.distance(bytes) - Self.distance(used), ordering: .acquiringAndReleasing)
    }

    /// The LSN distance of a group: blocks of 512 bytes hold 496 of groups.
    private static func distance(_ bytes: Int) -> UInt64 { UInt64(bytes + (bytes + 15) / 31) }

    /// Grants what `rate` allows up to `now`; returns the end of what is granted.
    @discardableResult
    private func advance(to now: EngineInstant, rate: Double) -> UInt64 {
        let last = grantedAt.load(ordering: .acquiring)
        let bytes = now.nanoseconds > last ? (Double(now.nanoseconds - last) * rate / 1e9).rounded(.down) : 0
        guard bytes >= 1 else {
            if rate < 1 { grantedAt.store(now.nanoseconds, ordering: .releasing) }
            return granted.value.load(ordering: .acquiring)
        }
        // The time of a fraction of a byte is kept for the next call.
        let moved = grantedAt.compareExchange(
            expected: last,
            desired: last + UInt64(bytes / rate * 1e9),
            ordering: .acquiringAndReleasing
        )
        guard moved.exchanged else { return granted.value.load(ordering: .acquiring) }
        let most = UInt64(rate * Self.burstSeconds)
        var seen = granted.value.load(ordering: .acquiring)
        while true {
            let limit = charged.value.load(ordering: .acquiring) + most
            let wanted = min(seen + UInt64(min(bytes, 1e15)), max(limit, seen))
            let exchange = granted.value.compareExchange(
                expected: seen,
                desired: wanted,
                ordering: .acquiringAndReleasing
            )
            if exchange.exchanged { return wanted }
            seen = exchange.original
        }
    }
}
