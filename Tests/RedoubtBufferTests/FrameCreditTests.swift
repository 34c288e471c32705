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
}
