import RedoubtSystem
import TestSupport
import Testing

/// A latch, the pair of numbers that it guards, and what the threads of a run saw.
@safe
private final class GuardedPair: @unchecked Sendable {
    let latch: UnsafeMutablePointer<Latch>
    var first = 0
    var second = 0
    var sharedHolders = 0
    var sharedExclusiveHolders = 0
    var exclusiveHolders = 0
    var validatedReads = 0
    var problem: String?
    private let event = Event()
    private var isSignalled = false

    init() {
        unsafe latch = .allocate(capacity: 1)
        unsafe latch.initialize(to: Latch())
    }

    deinit {
        unsafe latch.deinitialize(count: 1)
        unsafe latch.deallocate()
    }

    /// Tells ``awaitSignal()`` that the caller got through.
    func signal() {
        Scheduling.atomicStep()
        isSignalled = true
        event.signal()
    }

    func awaitSignal() {
        while true {
            let ticket = event.ticket
            Scheduling.atomicStep()
            if isSignalled { return }
            event.wait(ticket)
        }
    }

    func report(_ text: String) { if problem == nil { problem = text } }

    /// What a holder may see beside itself.
    func checkHolders() {
        let (shared, some, all) = (sharedHolders, sharedExclusiveHolders, exclusiveHolders)
        if all > 1 || some > 1 || all == 1 && shared + some > 0 { report("S \(shared), SX \(some), X \(all) hold") }
    }

    func shared() {
        unsafe latch.lockShared()
        readShared()
        unsafe latch.unlockShared()
    }

    private func readShared() {
        sharedHolders += 1
        checkHolders()
        let seen = first
        Scheduling.atomicStep()
        if second != seen { report("a shared holder saw \(seen) and \(second)") }
        sharedHolders -= 1
    }

    func sharedExclusive() {
        unsafe latch.lockSharedExclusive()
        sharedExclusiveHolders += 1
        checkHolders()
        Scheduling.atomicStep()
        sharedExclusiveHolders -= 1
        unsafe latch.unlockSharedExclusive()
    }

    private func change() {
        exclusiveHolders += 1
        checkHolders()
        let next = first + 1
        first = next
        Scheduling.atomicStep()
        second = next
        exclusiveHolders -= 1
    }

    func exclusive() {
        unsafe latch.lockExclusive()
        change()
        unsafe latch.unlockExclusive()
    }

    func upgraded() {
        unsafe latch.lockSharedExclusive()
        sharedExclusiveHolders += 1
        let seen = first
        Scheduling.atomicStep()
        sharedExclusiveHolders -= 1
        unsafe latch.upgradeToExclusive()
        if first != seen { report("the pair changed before an upgrade: \(seen) to \(first)") }
        change()
        unsafe latch.unlockExclusive()
    }

    func downgraded() {
        unsafe latch.lockExclusive()
        change()
        unsafe latch.downgradeToShared()
        readShared()
        unsafe latch.unlockShared()
    }

    func attempt() {
        if unsafe latch.tryLockExclusive() {
            change()
            unsafe latch.unlockExclusive()
        }
        if unsafe latch.tryLockSharedExclusive() { unsafe latch.unlockSharedExclusive() }
        if unsafe latch.tryLockShared() {
            readShared()
            unsafe latch.unlockShared()
        }
    }

    /// Reads the pair without a hold; `isWaiting` waits for the version, else gives up while X is held.
    func optimistic(isWaiting: Bool, validates: Bool = true) {
        let version: UInt64
        if isWaiting {
            version = unsafe latch.awaitOptimisticVersion()
        } else {
            guard let found = unsafe latch.optimisticVersion() else { return }
            version = found
        }
        Scheduling.atomicStep()
        let one = first
        Scheduling.atomicStep()
        let two = second
        if unsafe !validates || latch.validate(version) {
            validatedReads += 1
            if one != two { report("a validated read saw \(one) and \(two)") }
        }
    }
}

/// Goal: no order of atomic steps breaks the latch: X excludes all, a validated read is whole, nobody sleeps for ever.
/// Method: the real latch, every schedule of two or three threads within a bound on preemptions; deadlocks are found by
/// nobody being able to run. Two planted faults show that the check sees what it is for.
@Suite struct LatchInterleavingTests {
    private func explore(
        _ preemptions: Int,
        changes: Int,
        allowsTimeouts: Bool = false,
        _ bodies: [@Sendable (GuardedPair) -> Void]
    ) throws {
        let report = try exploreInterleavings(
            threads: bodies.count,
            preemptions: preemptions,
            make: { GuardedPair() },
            body: { bodies[$0]($1) },
            check: { pair in
                if let problem = pair.problem { return problem }
                if pair.first != changes { return "\(pair.first) changes of \(changes) were kept" }
                return unsafe pair.latch.tryLockExclusive() ? nil : "the latch did not end free"
            }
        )
        #expect(report.failure == nil)
        #expect(report.isComplete)
        if !allowsTimeouts { #expect(report.timeoutCount == 0) }
        #if REDOUBT_INTERLEAVING
        #expect(report.scheduleCount > 10 && report.stepCount > 100)
        #endif
    }

    @Test("two writers take turns")
    func twoWriters() throws {
        try explore(
            4,
            changes: 3,
            [
                { $0.exclusive() },
                {
                    $0.exclusive(); $0.exclusive()
                },
            ]
        )
    }

    @Test("three writers take turns")
    func threeWriters() throws {
        try explore(2, changes: 3, Array(repeating: { $0.exclusive() }, count: 3))
    }

    @Test("a writer keeps readers out")
    func writerAndReader() throws {
        try explore(
            4,
            changes: 1,
            [
                { $0.exclusive() },
                {
                    $0.shared(); $0.shared()
                },
            ]
        )
    }

    @Test("a writer and two readers all get through")
    func writerAndReaders() throws {
        try explore(2, changes: 1, [{ $0.exclusive() }, { $0.shared() }, { $0.shared() }])
    }

    @Test("a validated optimistic read never sees half a change")
    func optimisticRead() throws {
        try explore(
            4,
            changes: 2,
            [
                {
                    $0.exclusive(); $0.exclusive()
                },
                {
                    $0.optimistic(isWaiting: false); $0.optimistic(isWaiting: true)
                },
            ]
        )
    }

    @Test("an optimistic read that waits is woken by every way in which X ends")
    func optimisticWait() throws {
        try explore(2, changes: 2, [{ $0.downgraded() }, { $0.upgraded() }, { $0.optimistic(isWaiting: true) }])
    }

    @Test("an upgrade waits for readers, and nobody slips in before it")
    func upgrade() throws {
        try explore(2, changes: 2, [{ $0.upgraded() }, { $0.upgraded() }, { $0.shared() }])
    }

    @Test("an upgrade and a writer do not wait for each other for ever")
    func upgradeAndWriter() throws {
        try explore(4, changes: 2, [{ $0.upgraded() }, { $0.exclusive() }])
    }

    @Test("all modes together")
    func allModes() throws {
        try explore(2, changes: 1, [{ $0.exclusive() }, { $0.sharedExclusive() }, { $0.shared() }])
        try explore(2, changes: 2, [{ $0.downgraded() }, { $0.sharedExclusive() }, { $0.exclusive() }])
    }

    @Test("a downgrade lets sleeping readers in at once")
    func downgradeWakes() throws {
        let downgrading: @Sendable (GuardedPair) -> Void = { pair in
            unsafe pair.latch.lockExclusive()
            unsafe pair.latch.downgradeToShared()
            pair.awaitSignal()
            unsafe pair.latch.unlockShared()
        }
        try explore(
            3,
            changes: 0,
            [
                downgrading,
                {
                    $0.shared()
                    $0.signal()
                },
            ]
        )
    }

    @Test("the end of SX lets the next one in, although readers stay")
    func sharedExclusiveWakes() throws {
        let holding: @Sendable (GuardedPair) -> Void = { pair in
            unsafe pair.latch.lockShared()
            unsafe pair.latch.lockSharedExclusive()
            Scheduling.atomicStep()
            unsafe pair.latch.unlockSharedExclusive()
            pair.awaitSignal()
            unsafe pair.latch.unlockShared()
        }
        try explore(
            3,
            changes: 0,
            [
                holding,
                {
                    $0.sharedExclusive()
                    $0.signal()
                },
            ]
        )
    }

    @Test("attempts leave the latch as they found it")
    func attempts() throws {
        let report = try exploreInterleavings(
            threads: 2,
            preemptions: 3,
            make: { GuardedPair() },
            body: { index, pair in
                if index == 0 { pair.attempt() } else { pair.exclusive() }
            },
            check: { pair in
                pair.problem ?? (unsafe pair.latch.tryLockExclusive() ? nil : "the latch did not end free")
            }
        )
        #expect(report.failure == nil && report.isComplete)
    }

    @Test("a reader that holds S and asks again gets through although a writer waits")
    func recursiveReader() throws {
        let nested: @Sendable (GuardedPair) -> Void = { pair in
            unsafe pair.latch.lockShared()
            pair.shared()
            unsafe pair.latch.unlockShared()
        }
        try explore(3, changes: 1, allowsTimeouts: true, [nested, { $0.exclusive() }])
    }

    #if REDOUBT_INTERLEAVING
    @Test("a read that is not validated is caught")
    func plantedTornRead() throws {
        let report = try exploreInterleavings(
            threads: 2,
            preemptions: 2,
            make: { GuardedPair() },
            body: { index, pair in
                if index == 0 { pair.exclusive() } else { pair.optimistic(isWaiting: false, validates: false) }
            },
            check: { $0.problem }
        )
        #expect(report.failure?.hasPrefix("a validated read saw") == true)
    }

    @Test("a hold that is never given back is caught")
    func plantedDeadlock() throws {
        let report = try exploreInterleavings(
            threads: 2,
            preemptions: 1,
            make: { GuardedPair() },
            body: { _, pair in unsafe pair.latch.lockExclusive() },
            check: { $0.problem }
        )
        #expect(report.failure?.contains("wait for ever") == true)
    }
    #endif
}
