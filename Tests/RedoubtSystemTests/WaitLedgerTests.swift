import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

/// Goal: every wait of a foreground thread is written down once, under the reason of the outermost, and can be seen
/// while it lasts.
/// Method: waits of known length in virtual time; many real threads at once for the counts; each reason on its own.
@Suite(.timeLimit(.minutes(20))) struct WaitLedgerTests {
    @Test func `reasons are numbered without gaps and have distinct names`() {
        #expect(WaitReason.allCases.map(\.index) == Array(0..<WaitReason.allCases.count))
        #expect(Set(WaitReason.allCases.map(\.rawValue)).count == WaitReason.allCases.count)
    }

    @Test func `a wait counts its time under its reason only`() {
        for reason in WaitReason.allCases {
            let totals = SimulatedScheduler(seed: 5).run { () -> [WaitTotals] in
                let ledger = WaitLedger()
                for milliseconds in [3, 40] {
                    ledger.during(reason) { Scheduling.sleep(microseconds: milliseconds * 1000) }
                }
                return WaitReason.allCases.map { ledger[$0] }
            }
            for other in WaitReason.allCases where other != reason { #expect(totals[other.index] == WaitTotals()) }
            let own = totals[reason.index]
            #expect(own.count == 2)
            #expect(own.nanoseconds >= 43_000_000 && own.nanoseconds < 44_000_000)
            #expect(own.nanosecondsMaximum >= 40_000_000 && own.nanosecondsMaximum < 41_000_000)
            #expect(own.buckets[12] == 1 && own.buckets[16] == 1, "2048...4096 us and 32768...65536 us")
        }
    }

    @Test func `of waits within waits the outermost counts alone`() {
        let ledger = SimulatedScheduler(seed: 1).run { () -> WaitLedger in
            let ledger = WaitLedger()
            ledger.during(.checkpoint) {
                Scheduling.sleep(microseconds: 1000)
                ledger.during(.logFlush) {
                    ledger.during(.pageLatch) { Scheduling.sleep(microseconds: 1000) }
                    #expect(ledger.presentWaits().map(\.reason) == [.checkpoint])
                }
            }
            ledger.during(.logFlush) { Scheduling.sleep(microseconds: 1000) }
            return ledger
        }
        #expect(ledger[.checkpoint].count == 1 && ledger[.checkpoint].nanoseconds >= 2_000_000)
        #expect(ledger[.pageLatch].count == 0)
        #expect(ledger[.logFlush].count == 1 && ledger[.logFlush].nanoseconds < 1_100_000)
    }

    @Test func `a wait is seen while it lasts, longest first, and not afterwards`() {
        let seen = SimulatedScheduler(seed: 2).run { () -> [[PresentWait]] in
            let ledger = WaitLedger()
            let threads = [(WaitReason.pageRead, 500), (.logFlush, 100)].map { reason, milliseconds in
                waiting("waiter") {
                    Scheduling.sleep(microseconds: (600 - milliseconds) * 1000)
                    ledger.during(reason) { Scheduling.sleep(microseconds: milliseconds * 1000) }
                }
            }
            Scheduling.sleep(microseconds: 550_000)
            let during = [ledger.presentWaits(), ledger.presentWaits(atLeast: 200_000_000)]
            for thread in threads { Scheduling.join(thread) }
            return during + [ledger.presentWaits()]
        }
        #expect(seen[0].map(\.reason) == [.pageRead, .logFlush])
        #expect(zip(seen[0], [450, 50]).allSatisfy { abs(Int($0.nanoseconds) / 1_000_000 - $1) <= 1 })
        #expect(seen[1].map(\.reason) == [.pageRead])
        #expect(seen[2].isEmpty)
    }

    @Test func `threads of the engine are not written down`() throws {
        let ledger = WaitLedger()
        let thread = try Scheduling.startBackground("background") {
            ledger.during(.pageLatch) { Scheduling.sleep(microseconds: 1000) }
        }
        Scheduling.join(thread)
        #expect(ledger.nanoseconds == 0)
    }

    @Test func `counts of more threads than slots add up`() throws {
        let ledger = WaitLedger()
        try onThreads(100) { number in
            for turn in 0..<200 {
                ledger.during(WaitReason.allCases[(number + turn) % 4]) { if turn == 199 { Scheduling.yield() } }
            }
        }
        let counts = WaitReason.allCases.map { ledger[$0].count }
        #expect(counts.reduce(0, +) == 20_000)
        #expect(counts[0..<4].allSatisfy { $0 == 5000 })
        #expect(ledger.presentWaits().isEmpty)
    }

    @Test func `a quantile is an upper bound within a factor of two`() {
        var totals = WaitTotals()
        for microseconds in UInt64(1)...1000 {
            totals.count += 1
            totals.buckets[WaitTotals.bucket(of: microseconds * 1000)] += 1
            totals.nanosecondsMaximum = microseconds * 1000
        }
        for (fraction, exact) in [(0.5, UInt64(500)), (0.99, 990), (1, 1000)] {
            let bound = totals.microseconds(atFraction: fraction)
            #expect(bound >= exact && bound <= 2 * exact)
        }
        #expect(WaitTotals.bucket(of: .max) == WaitTotals.bucketCount - 1 && WaitTotals.bucket(of: 999) == 0)
    }

    @Test func `locks and what they are made with write down who waits`() throws {
        let ledger = WaitLedger()
        let lock = EngineLock(waits: ledger)
        let unattributed = EngineLock()
        for (lock, reason) in [(lock, WaitReason?.none), (lock, .treeLock), (unattributed, nil)] {
            lock.lock()
            let isAsking = Atomic<Bool>(false)
            try onThreads(2) { number in
                if number == 0 {
                    _ = spin { isAsking.load(ordering: .acquiring) }
                    // Asking is not waiting yet, on a busy machine for long.
                    if lock !== unattributed { _ = spin { !ledger.presentWaits().isEmpty } }
                    Scheduling.sleep(microseconds: 20_000)
                    lock.unlock()
                } else {
                    isAsking.store(true, ordering: .releasing)
                    if let reason { lock.lock(reason, in: ledger) } else { lock.lock() }
                    lock.unlock()
                }
            }
        }
        #expect(ledger[.engineLock].count == 1 && ledger[.engineLock].nanosecondsMaximum > 1_000_000)
        #expect(ledger[.treeLock].count == 1)
        #expect(WaitReason.allCases.reduce(0) { $0 + ledger[$1].count } == 2)
        lock.lock()
        lock.unlock()
        #expect(ledger[.engineLock].count == 1, "a free lock is no wait")
    }

    /// Starts a thread, which a simulation cannot refuse.
    private func waiting(_ name: String, _ body: @escaping @Sendable () -> Void) -> EngineThread {
        do {
            return try Scheduling.start(name, body)
        } catch {
            fatalError("\(error)")
        }
    }
}
