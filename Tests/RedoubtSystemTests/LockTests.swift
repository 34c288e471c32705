import RedoubtSystem
import Synchronization
import TestSupport
import Testing

private final class Counted: @unchecked Sendable {
    let lock = EngineLock()
    var value = 0
}

/// Goal: one holder at a time, nobody sleeps for ever. Method: OS threads, and all orders of few steps.
@Suite struct LockTests {
    @Test("threads that add under the lock lose nothing")
    func exclusion() throws {
        let counted = Counted()
        try onThreads(4) { _ in
            for _ in 0..<10_000 { counted.lock.withLock { counted.value += 1 } }
        }
        #expect(counted.value == 40_000)
    }

    @Test("a held lock cannot be taken, a free one can")
    func attempts() {
        let lock = EngineLock()
        #expect(lock.tryLock())
        #expect(!lock.tryLock())
        lock.unlock()
        #expect(lock.withLock { 7 } == 7)
        #expect(lock.tryLock())
        lock.unlock()
    }

    @Test("no order of steps loses an addition or a wake-up", arguments: [(2, 4), (3, 2)])
    func interleavings(threads: Int, preemptions: Int) throws {
        let report = try exploreInterleavings(
            threads: threads,
            preemptions: preemptions,
            make: { Counted() },
            body: { _, counted in
                for _ in 0..<2 {
                    counted.lock.withLock {
                        let seen = counted.value
                        Scheduling.atomicStep()
                        counted.value = seen + 1
                    }
                }
            },
            check: { $0.value == 2 * threads ? nil : "\($0.value) of \(2 * threads) additions" }
        )
        #expect(report.failure == nil)
        #expect(report.isComplete && report.timeoutCount == 0)
    }
}
