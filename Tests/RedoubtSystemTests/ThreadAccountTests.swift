import RedoubtCore
import RedoubtSystem
import TestSupport
import Testing

/// Goal: an account says where the time of a thread went, and what it cannot attribute shows.
/// Method: real threads that work, wait and sleep for known times; bounds are wide, because the machine is shared.
@Suite(.serialized, .timeLimit(.minutes(20))) struct ThreadAccountTests {
    @Test func `work, waits and the unattributed rest are told apart`() throws {
        let ledger = WaitLedger()
        let account = try ThreadAccount.measure { () throws(RedoubtError) in
            _ = work(nanoseconds: 50_000_000)
            ledger.during(.logFlush) { Scheduling.sleep(microseconds: 60_000) }
            Scheduling.sleep(microseconds: 70_000)
        }
        #expect(account[.logFlush] >= 60_000_000)
        #expect(account.waitCount == 1)
        #expect(account.work > 5_000_000, "of 50 ms, as far as the machine let it run: \(account.work)")
        let rest = Double(account.total.wall) * (1 - account.coverage)
        #expect(rest >= 60_000_000 && account.coverage < 1, "the sleep of 70 ms belongs to nothing: \(rest)")
        #expect(rest <= 80_000_000 + 0.05 * Double(account.total.wall))
        #expect(account.total.wall >= 180_000_000)
    }

    @Test func `waiting for a processor counts as queued`() throws {
        let count = 6
        try onThreads(count) { number in
            let account = try ThreadAccount.measure { () throws(RedoubtError) in
                _ = work(nanoseconds: 200_000_000)
            }
            #expect(account.coverage > 0.9, "thread \(number): \(account.coverage)")
            // The kernel counts time that the host took away as queued and as run.
            #expect(account.coverage < 1.05)
        }
    }

    /// Keeps the processor busy.
    private func work(nanoseconds: UInt64) -> UInt64 {
        var sum: UInt64 = 1
        let start = Scheduling.now()
        while Scheduling.now().nanoseconds(since: start) < nanoseconds {
            for step in UInt64(0)..<1000 { sum = sum &* 31 &+ step }
        }
        return sum
    }
}
