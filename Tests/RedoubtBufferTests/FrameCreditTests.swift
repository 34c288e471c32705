import RedoubtCore
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtEngine

/// Goal: promised frames never exceed the limit, and every waiter gets its turn or an error.
///
/// Method: threads that take and give at random; a deadline.
@Suite struct FrameCreditTests {
    @Test("Threads together never hold more than the limit")
    func threads() throws {
        let credit = FrameCredit(frameCount: 64)
        #expect(credit.limit == 48)
        let highest = Atomic<Int>(0)
        try onThreads(4) { thread in
            var random = SeededRandom(seed: UInt64(thread))
            for _ in 0..<2000 {
                let count = 1 + random.below(30)
                try credit.acquire(count, waitMilliseconds: 20_000)
                highest.max(credit.takenCount, ordering: .relaxed)
                credit.release(count)
            }
        }
        #expect(highest.load(ordering: .relaxed) <= 48)
        #expect(credit.takenCount == 0)
    }

    @Test("A wait ends with poolExhausted, and what can never be had is refused at once")
    func exhausted() throws {
        let credit = FrameCredit(frameCount: 64)
        try credit.acquire(40, waitMilliseconds: 0)
        #expect { try credit.acquire(20, waitMilliseconds: 30) } throws: {
            ($0 as? RedoubtError)?.code == .poolExhausted
        }
        #expect { try credit.acquire(49, waitMilliseconds: 60_000) } throws: {
            ($0 as? RedoubtError)?.code == .poolExhausted
        }
        credit.release(40)
        try credit.acquire(48, waitMilliseconds: 0)
        credit.release(48)
    }

    @Test func `a lower limit keeps what was promised and promises nothing until that fits`() throws {
        let credit = FrameCredit(frameCount: 128)
        try credit.acquire(100, waitMilliseconds: 0)
        credit.setLimit(frameCount: 64)
        #expect(credit.limit == 48 && credit.takenCount == 100 && !credit.isWithinLimit)
        credit.release(55)
        #expect(credit.isWithinLimit && !credit.tryAcquire(4) && credit.tryAcquire(3))
        // Whoever waits for more than there will ever be is told so.
        let refused = Atomic<Bool>(false)
        try onThreads(2) { thread in
            guard thread == 0 else {
                _ = spin { credit.takenCount == 48 }
                Scheduling.sleep(microseconds: 5000)
                credit.setLimit(frameCount: 32)
                return
            }
            do throws(RedoubtError) {
                try credit.acquire(40, waitMilliseconds: 20_000)
            } catch {
                refused.store(error.message.contains("the pool can promise 16"), ordering: .relaxed)
            }
        }
        let isRefused = refused.load(ordering: .relaxed)
        #expect(isRefused)
        credit.setLimit(frameCount: 128)
        try credit.acquire(64, waitMilliseconds: 0)
        #expect(credit.takenCount == credit.limit)
    }

    @Test("Mini-transactions whose pages all belong to one small instance get their frames")
    func oneInstance() throws {
        var configuration = PoolFixture.small
        configuration.bufferPool.instanceCount = 4
        let fixture = try PoolFixture(configuration, pageCount: 64 * 64, waitMilliseconds: 5000)
        defer { fixture.close() }
        #expect(fixture.pool.instances.count == 4)
        let pages = (0..<UInt32(64 * 64)).map { page($0) }.filter { fixture.pool.instance(of: $0).number == 0 }
        let perThread = 14
        try #require(pages.count > 8 * 8 * perThread)
        try onThreads(8) { thread in
            for round in 0..<8 {
                var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 0, pins: perThread)
                let first = (round * 8 + thread) * perThread
                for id in pages[first..<first + perThread] {
                    _ = try transaction.latchShared(id)
                    // All hold what they have, and want more.
                    Scheduling.sleep(microseconds: 500)
                }
                transaction.rollback()
            }
        }
        #expect(fixture.pool.credit.takenCount == 0)
    }
}
