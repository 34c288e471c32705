import RedoubtCore
import TestSupport
import Testing

@testable import RedoubtPolicy

/// Goal: the deadlines of pages are turned into rates without an error. Method: cases that can be counted by hand, and
/// random pages whose deadlines are checked one by one.
@Suite struct DeadlineScheduleTests {
    private static let megabyte = 1_000_000.0

    @Test func `evenly spread pages at the target age are written as fast as the log grows`() {
        // A page each 10 kB over 50 MB, and 5 MB of redo a second: 500 pages a second.
        let schedule = schedule((0..<5000).map { UInt64($0) * 10_000 }, end: 50_000_000, target: 50, redo: 5)
        #expect(abs(schedule.requiredRate(writtenElsewhere: 0) - 500) < 10)
        #expect(abs(schedule.tailDensity * 10_000 - 1) < 0.02)
        #expect(abs(schedule.redoHeld(byOldest: 100) - 1_000_000) < 20_000)
        #expect(abs(schedule.bearableRedo(pageRate: 500, within: 50_000_000) - 5_000_000) < 200_000)
    }

    @Test func `a hump raises the rate long before it is due`() {
        // 3000 pages within 1 MB, due after 30 s.
        let pages = (0..<3000).map { 30_000_000 + UInt64($0) * 333 }
        let schedule = schedule([0] + pages, end: 45_000_000, target: 45, redo: 1)
        #expect(abs(schedule.requiredRate(writtenElsewhere: 0) - 3000 / 31) < 4)
        #expect(schedule.requiredRate(writtenElsewhere: 60) < 45, "LRU flushing will have written most of it")
        let bearable = schedule.bearableRedo(pageRate: 50, within: 45_000_000)
        #expect(abs(bearable - 31_000_000 * 50 / 3001) < 20_000, "3000 pages take a minute")
    }

    @Test func `what is overdue is spread over the horizon`() {
        let slow = schedule((0..<100).map { UInt64($0) }, end: 90_000_000, target: 50, redo: 1)
        #expect(slow.horizon == 1)
        #expect(slow.requiredRate(writtenElsewhere: 1000) == 100)
        let fast = schedule((0..<100).map { UInt64($0) }, end: 90_000_000, target: 50, redo: 50)
        #expect(fast.horizon == 0.25)
        #expect(fast.requiredRate(writtenElsewhere: 0) == 400)
    }

    @Test func `the rate meets every deadline and a lesser one does not`() {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for _ in 0..<50 {
            let pages = (0..<500).map { _ in UInt64(random.below(60_000_000)) }.sorted()
            let redo = 0.5 * Double(1 + random.below(10))
            let schedule = schedule(pages, end: 60_000_000, target: 61, redo: redo)
            let rate = schedule.requiredRate(writtenElsewhere: 0)
            // Seconds by which a page is written too late at `rate`, none being due before the horizon.
            func worstDelay(_ rate: Double) -> Double {
                pages.enumerated().map { index, page in
                    let due = (Double(page) + 61e6 - 60e6) / (redo * 1e6)
                    return Double(index + 1) / rate - max(schedule.horizon, due)
                }.max() ?? 0
            }
            // A bucket is half a megabyte.
            #expect(worstDelay(rate) <= 0.6 / redo, "seed \(seed)")
            #expect(worstDelay(0.8 * rate) > 0, "seed \(seed)")
        }
    }

    private func schedule(_ pages: [UInt64], end: UInt64, target: Double, redo: Double) -> DeadlineSchedule {
        var ages = DirtyAges(redoCapacity: 64 << 20)
        for page in pages { ages.add(page) }
        return DeadlineSchedule(
            ages: ages,
            oldest: pages.min() ?? end,
            end: end,
            targetAge: target * Self.megabyte,
            redoRate: redo * Self.megabyte
        )
    }
}
