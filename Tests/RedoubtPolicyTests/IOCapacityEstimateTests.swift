import RedoubtCore
import Testing

@testable import RedoubtPolicy

/// Goal: the capacity that nobody set follows the device. Method: seconds with a given rate and latency.
@Suite struct IOCapacityEstimateTests {
    @Test func `half of what was measured is counted on`() {
        #expect(IOCapacityEstimate(measured: 9000).pagesPerSecond == 4500)
        #expect(IOCapacityEstimate(measured: 3).pagesPerSecond == IOCapacityEstimate.minimum)
        #expect(IOCapacityEstimate(measured: .infinity).pagesPerSecond == 1000)
    }

    @Test func `a device that does more is believed`() {
        var estimate = IOCapacityEstimate(measured: 1000)
        run(&estimate, seconds: 10, rate: 8000, mean: 200, minimum: 100)
        #expect((3900...4300).contains(estimate.pagesPerSecond))
    }

    @Test func `writes that queue at a low rate lower it, down to what is achieved`() {
        var estimate = IOCapacityEstimate(measured: 8000)
        run(&estimate, seconds: 5, rate: 3000, mean: 120, minimum: 100)
        #expect(estimate.pagesPerSecond == 4000, "a device that has nothing to do shows nothing")
        run(&estimate, seconds: 60, rate: 3000, mean: 2000, minimum: 900)
        #expect((1500...1600).contains(estimate.pagesPerSecond))
    }

    @Test func `without queues near the limit it grows`() {
        var estimate = IOCapacityEstimate(measured: 4000)
        run(&estimate, seconds: 4, rate: 3900, mean: 120, minimum: 100)
        #expect(estimate.pagesPerSecond > 2300)
    }

    @Test func `a policy uses the estimate where the capacity is automatic, and only there`() {
        for isAutomatic in [true, false] {
            var decisions = makeDecisions(.mysql57)
            var inputs = FlushingInputs.sample()
            inputs.addDirty(2000, age: 1_000_000)
            inputs.isIdle = true
            inputs.options.ioCapacity = isAutomatic ? .automatic : 1000
            #expect(decisions.decide(inputs).listPages == [500, 500], "idle flushing goes at the capacity")
            for _ in 0..<20 {
                inputs = inputs.later()
                inputs.listPagesWritten += 6000
                inputs.lruPagesWritten += 4000
                _ = decisions.decide(inputs)
            }
            let expected = isAutomatic ? 4900...5000 : 1000...1000
            #expect(expected.contains(decisions.decide(inputs).listPageCount))
        }
    }

    private func run(_ estimate: inout IOCapacityEstimate, seconds: Int, rate: UInt64, mean: UInt64, minimum: UInt64) {
        var latency = FlushingInputs.WriteLatency()
        (latency.mean, latency.minimum) = (mean * 1000, minimum * 1000)
        for second in 0...seconds {
            estimate.update(now: UInt64(second) * 1_000_000_000, written: UInt64(second) * rate, latency: latency)
        }
    }
}
