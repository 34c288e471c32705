import RedoubtCore
import Testing

@testable import RedoubtPolicy

/// Goal: the engine counts on what its own recoveries did, and on nothing that cannot be. Method: recoveries of given
/// length and time, and recorded values that no recovery leaves.
@Suite struct ReplayRateTests {
    private static let mebibyte: UInt64 = 1 << 20

    @Test func `before the first measurement 100 MB a second are assumed, and nothing is recorded`() {
        let rate = ReplayRate()
        #expect(rate.bytesPerSecond == 100_000_000)
        #expect(rate.recorded == 0)
        #expect(ReplayRate(recorded: rate.recorded) == rate)
    }

    @Test func `the first recovery counts as it was, a slower one for half, a faster one for a quarter`() {
        var rate = ReplayRate()
        rate.note(bytes: 40 * Self.mebibyte, nanoseconds: 1_000_000_000)
        #expect(rate.recorded == 40 * Self.mebibyte)
        rate.note(bytes: 20 * Self.mebibyte, nanoseconds: 1_000_000_000)
        #expect(rate.recorded == 30 * Self.mebibyte)
        rate.note(bytes: 70 * Self.mebibyte, nanoseconds: 1_000_000_000)
        #expect(rate.recorded == 40 * Self.mebibyte)
        #expect(ReplayRate(recorded: rate.recorded).bytesPerSecond == rate.bytesPerSecond)
    }

    @Test func `a recovery of less than 4 MiB says nothing`() {
        var rate = ReplayRate()
        rate.note(bytes: 4 * Self.mebibyte - 1, nanoseconds: 1_000_000_000)
        #expect(rate.measured == nil)
        rate.note(bytes: 4 * Self.mebibyte, nanoseconds: 1_000_000_000)
        #expect(rate.recorded == 4 * Self.mebibyte)
    }

    @Test func `no value that a clock or a file can give leaves the range that is believed`() {
        for (bytes, nanoseconds) in [(UInt64.max, UInt64(0)), (UInt64.max, 1), (4 << 20, .max), (5 << 20, 1 << 50)] {
            var rate = ReplayRate()
            rate.note(bytes: bytes, nanoseconds: nanoseconds)
            #expect(ReplayRate.believed.contains(rate.bytesPerSecond), "\(bytes) bytes in \(nanoseconds) ns")
        }
        for recorded in [UInt64(1), 1_048_575, 10_000_000_001, 1 << 63, .max] {
            #expect(ReplayRate(recorded: recorded).bytesPerSecond == ReplayRate.assumed, "recorded as \(recorded)")
        }
    }

    @Test func `a slow recovery lowers the age that the policy steers for`() {
        var targets: [Int] = []
        for rate in [100_000_000.0, 2_000_000] {
            var decisions = makeDecisions(.redoubt)
            var inputs = FlushingInputs.sample()
            inputs.limits.syncFlushAge = 80 << 20
            inputs.limits.margin = 0
            inputs.limits.relaxedOrderWindow = 0
            inputs.options.targetRecoveryTime = .seconds(10)
            inputs.replayRate = rate
            inputs.addDirty(100, age: 1_000_000)
            targets.append(decisions.decide(inputs).figures.targetAge)
        }
        #expect(targets == [Double(80 << 20), 20_000_000].map { Int(AgeControl.targetShare * $0) })
    }
}
