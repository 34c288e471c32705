import RedoubtCore
import RedoubtPolicy
import TestSupport
import Testing

/// Goal: the rate of writers falls smoothly from no limit to 0, never rises as anything fills, and lets the level
/// settle below the limit whatever writers ask for.
/// Method: the properties on a fine grid and on seeded inputs; a closed loop in steps of 20 ms with steps of load.
@Suite struct ThrottleTests {
    private func throttle(_ level: Double, flushRate: Double = 1e6) -> Throttle {
        Throttle(gauges: [.init(level: level, target: 70e6, limit: 80e6)], flushRate: flushRate)
    }

    @Test func `below the target there is no rate, at the limit it is zero`() {
        for level in [0, 35e6, 70e6] {
            #expect(throttle(level).admission == nil)
            #expect(throttle(level).backPressure == .normal)
        }
        for level in [80e6, 80e6 + 1, 1e12] {
            #expect(throttle(level).admission == 0)
            #expect(throttle(level).backPressure == .stopped)
        }
        #expect(throttle(75e6).backPressure == .delayed)
    }

    @Test func `half way the rate is what flushing makes up for`() {
        #expect(throttle(75e6, flushRate: 50e6).admission == 50e6)
        #expect(throttle(75e6, flushRate: 0).admission == 20e6, "a quarter of the room in 62.5 ms, with no rate known")
    }

    @Test func `the rate falls monotonically and without jumps`() {
        var last = Double.infinity
        var level = 70e6 + 1
        while level <= 80e6 {
            guard let rate = throttle(level).admission else {
                Issue.record("no rate at \(level)")
                return
            }
            #expect(rate <= last, "at \(level)")
            // As relative to what it was, near the target; the slope there is that of 1/x.
            if last < .infinity, level > 70.1e6 { #expect(last - rate <= 0.2 * last + 50e3, "at \(level)") }
            last = rate
            level += 10e3
        }
        #expect(throttle(70e6 + 1).admission ?? 0 > 1e12, "it comes from infinity")
    }

    @Test func `more flushing, less level, and fewer gauges never lower the rate`() {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        func fraction() -> Double { Double(random.below(1_000_001)) / 1e6 }
        for _ in 0..<20_000 {
            let gauges = (0..<1 + random.below(3)).map { _ in
                let target = fraction() * 1e8
                return Throttle.Gauge(level: fraction() * 2e8, target: target, limit: target + fraction() * 1e8)
            }
            let flushRate = fraction() * 1e8
            let rate = Throttle(gauges: gauges, flushRate: flushRate).admission ?? .infinity
            #expect(rate >= 0, "seed \(seed)")
            let faster = Throttle(gauges: gauges, flushRate: flushRate * 2).admission ?? .infinity
            #expect(faster >= rate, "seed \(seed)")
            var lower = gauges
            lower[0].level *= 0.9
            #expect(Throttle(gauges: lower, flushRate: flushRate).admission ?? .infinity >= rate, "seed \(seed)")
            let fewer = Throttle(gauges: Array(gauges.dropLast()), flushRate: flushRate).admission ?? .infinity
            #expect(fewer >= rate, "seed \(seed)")
        }
    }

    @Test func `a gauge without room between target and limit slows nobody`() {
        #expect(Throttle(gauges: [.init(level: 9, target: 0, limit: 0)], flushRate: 1).admission == nil)
        #expect(Throttle(gauges: [], flushRate: 0).admission == nil)
    }

    @Test(arguments: [0.9, 1.5, 3, 10])
    func `under any load the level settles below the limit and writers get what flushing gives`(load: Double) {
        let flush = 20e6
        let step = 0.02
        var level = 0.0
        var greatest = 0.0
        var admitted: [Double] = []
        for _ in 0..<3000 {
            let rate = throttle(level, flushRate: flush).admission ?? .infinity
            let added = min(load * flush, rate)
            admitted.append(added)
            level = max(0, level + (added - flush) * step)
            greatest = max(greatest, level)
        }
        #expect(greatest < 80e6, "the limit is never reached, from \(greatest)")
        let settled = admitted.suffix(500)
        let mean = settled.reduce(0, +) / 500
        #expect(abs(mean / (min(load, 1) * flush) - 1) < 0.01, "\(mean)")
        let spread = (settled.max() ?? 0) - (settled.min() ?? 0)
        #expect(spread < 0.02 * flush, "a flat line, not steps: \(spread)")
        // From the first second that is slowed on, no step of the rate is larger than a tenth of what flushing gives.
        if let first = admitted.firstIndex(where: { $0 < load * flush }) {
            for pair in zip(admitted[(first + 50)...], admitted[(first + 51)...]) {
                #expect(abs(pair.0 - pair.1) < 0.1 * flush)
            }
        }
    }

    @Test func `rates follow the figures within a few seconds`() {
        var rates = ThrottleRates()
        var now: UInt64 = 5
        var lsn: UInt64 = 0
        var written: UInt64 = 0
        var dirty = 0
        for _ in 0..<100 {
            rates.note(now: now, lsn: lsn, pagesWritten: written, dirtyPages: dirty)
            now += 100_000_000
            lsn += 2_000_000
            written += 100
            dirty += 25
        }
        #expect(abs(rates.redo / 20e6 - 1) < 0.01)
        #expect(abs(rates.written / 1000 - 1) < 0.01)
        #expect(abs(rates.dirtied / 1250 - 1) < 0.01)
        #expect(abs(rates.redoPerPage / 16_000 - 1) < 0.01)
        #expect(abs(rates.flushRate / 16e6 - 1) < 0.02, "1000 pages a second make up for 16000 bytes each")
        rates.note(now: now, lsn: lsn, pagesWritten: written, dirtyPages: dirty)
        #expect(rates.redo.isFinite && rates.flushRate.isFinite)
    }
}
