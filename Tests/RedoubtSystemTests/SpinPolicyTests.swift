import RedoubtSystem
import TestSupport
import Testing

/// Goal: threads spin only while processors have time to spare. Method: values of InnoDB's rule; a busy loop measured.
@Suite struct SpinPolicyTests {
    @Test("the spin count follows the load")
    func counts() {
        let policy = SpinPolicy()
        let golden: [(Double, Double, Int)] = [
            (50, 100, 0), (80, 160, 0), (10, 79.9, 0), (25, 80, 25_000), (49.9, 100, 25_000), (0, 80, 250_000),
            (12.5, 100, 137_500),
        ]
        for (share, ofOne, count) in golden { #expect(policy.spinCount(share: share, ofOne: ofOne) == count) }
        #expect(policy.spinCount(share: 25, ofOne: 80, syncMicroseconds: 400) == 0)
        #expect(policy.spinCount(share: 25, ofOne: 80, syncMicroseconds: 399) == 25_000)
    }

    @Test("a busy thread shows up in the sample")
    func sampling() {
        let usage = ProcessCPU()
        #expect(usage.processorCount >= 1)
        #expect(usage.percentOfOne >= 0)
        let isSeen = spin {
            for _ in 0..<100_000 { Scheduling.spinOnce() }
            return usage.percentOfOne > 0
        }
        #expect(isSeen)
        #expect(usage.percentOfAll <= usage.percentOfOne)
    }
}
