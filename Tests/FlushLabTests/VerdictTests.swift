import RedoubtCore
import Testing

@testable import FlushLab

/// Goal: the figures of a verdict are what someone would count by hand, and a phase is measured by its own rate.
/// Method: samples that are written down, with a known answer each.
@Suite struct VerdictTests {
    private func near(_ value: Double?, _ wanted: Double) -> Bool {
        value.map { abs($0 - wanted) <= 1e-9 * max(1, abs(wanted)) } ?? false
    }

    // MARK: Stalls

    @Test func `a stall is found to the tenth of a second`() throws {
        let counts = same(100, 100) + same(0, 32) + same(100, 100)
        let verdict = Verdict(
            HandMadeRun.of(.init(counts)) { sample, index in
                if sample.transactions == 0 { sample.waitRedo = 4e8 }
                if index == 132 { sample.longest = 3200 }
            }
        )
        let stall = try #require(verdict.stall)
        #expect(stall.seconds == 3.2)
        #expect(near(stall.start, 10))
        #expect(stall.cause == .redo)
        #expect(verdict.longestStall == 3.2)
        #expect(verdict.stalledSeconds == 3.2)
        #expect(near(verdict.slowShare, 32.0 / 232))
        #expect(verdict.medianRate == 1000)
        #expect(verdict.medianSecondRate == 1000)
        #expect(near(verdict.meanRate, 20_000 / 23.2))
        #expect(near(verdict.waited(for: .redo), 12.8))
        #expect(verdict.longestCommit == 3200)
        #expect(verdict.words.hasPrefix("Writers stood still for 3.2 s from 10.0 s on, because the redo was full;"))
    }

    @Test func `a tenth of the median is no stall, and less is one`() {
        #expect(Verdict(HandMadeRun.of(.init(same(100, 50) + same(10, 20)))).stall == nil)
        #expect(Verdict(HandMadeRun.of(.init(same(100, 50) + same(9, 20)))).longestStall == 2)
    }

    @Test func `of several stalls the longest is told, and all are added up`() {
        let counts = same(100, 40) + same(0, 7) + same(100, 20) + same(0, 12) + same(100, 40) + same(0, 5)
        let verdict = Verdict(HandMadeRun.of(.init(counts)))
        #expect(verdict.longestStall == 1.2)
        #expect(near(verdict.stalledSeconds, 2.4))
        #expect(verdict.words.contains("1.2 s, 2.4 s in all, from 6.7 s on"))
    }

    @Test func `a stall goes on from one phase into the next`() {
        let first = HandMadeRun.Part(same(100, 50) + same(0, 8))
        let second = HandMadeRun.Part(same(0, 6) + same(20, 50), name: "slower")
        let verdict = Verdict(HandMadeRun.of(first, second))
        #expect(verdict.longestStall == 1.4)
        #expect(verdict.phases.map(\.longestStall) == [0.8, 0.6])
    }

    @Test func `a run that stands still most of the time is not measured by that`() {
        let verdict = Verdict(HandMadeRun.of(.init(same(100, 30) + same(0, 70))))
        #expect(verdict.longestStall == 7)
        #expect(near(verdict.slowShare, 0.7))
        #expect(verdict.medianRate == 0)
    }

    @Test func `a run in which nothing ever ends is one stall`() {
        let verdict = Verdict(HandMadeRun.of(.init(same(0, 50))) { sample, _ in sample.deviceBytes = 1000 })
        #expect(verdict.longestStall == 5)
        #expect(verdict.slowShare == 1)
        #expect(verdict.pagesPerTransaction == nil)
        #expect(verdict.bytesPerTransaction == nil)
        #expect(verdict.p99 == 0)
        #expect(verdict.words.hasPrefix("No transaction ended in 5 s"))
    }

    @Test func `the cause of a stall is the longest wait, also one that is noted as it ends`() {
        func cause(_ change: (inout Sample, Int) -> Void) -> Sample.Wait? {
            var run = HandMadeRun.of(.init(same(100, 50) + same(0, 10) + same(100, 50)), change: change)
            (run.syncLimit, run.stopLimit) = (1000, 1200)
            return Verdict(run).stall?.cause
        }
        #expect(cause { sample, index in if index == 60 { sample.waitFrames = 1e9 } } == .frames)
        #expect(cause { sample, _ in (sample.waitReads, sample.waitCommit) = (1e7, 2e7) } == .commit)
        #expect(cause { sample, _ in sample.checkpointAge = 1000 } == .redo, "no wait was noted, but there is no room")
        #expect(cause { sample, _ in sample.free = 0 } == .frames)
        #expect(cause { _, _ in } == nil)
    }

    // MARK: What is usual

    @Test func `a phase of a low rate is no stall`() {
        let low = HandMadeRun.Part(same(10, 200), name: "low") { $0.rate = 100 }
        let verdict = Verdict(HandMadeRun.of(.init(same(1000, 100)), low, .init(same(1000, 100))))
        #expect(verdict.stall == nil)
        #expect(verdict.slowShare == 0)
        #expect(verdict.phases.map(\.medianRate) == [10_000, 100, 10_000])
        #expect(verdict.words.hasPrefix("No stall: it never ran under half of its usual rate."))
    }

    @Test func `a phase without clients is not judged`() {
        let pause = HandMadeRun.Part(same(0, 300), name: "pause") { $0.threads = 0 }
        let asked = HandMadeRun.Part(same(0, 50), name: "nothing asked") { $0.rate = 0 }
        let verdict = Verdict(HandMadeRun.of(.init(same(100, 50)), pause, asked))
        #expect(verdict.stall == nil)
        #expect(verdict.slowShare == 0)
        #expect(verdict.medianRate == 1000)
        #expect(verdict.meanRate == 1000)
        #expect(verdict.phases.map(\.hasLoad) == [true, false, false])
        let idle = Verdict(HandMadeRun.of(pause))
        #expect(idle.words.hasPrefix("No client had anything to do for 30 s."))
    }

    @Test func `half of the usual rate is not slow, and less is`() {
        let verdict = Verdict(HandMadeRun.of(.init(same(100, 80) + same(50, 10) + same(49, 10))))
        #expect(near(verdict.slowShare, 0.1))
        #expect(verdict.stall == nil)
    }

    @Test func `a rising rate is measured by what it aims at`() {
        func ramp(_ served: (Int) -> Int) -> RunResult {
            HandMadeRun.of(
                .init((0..<100).map { served(10 + $0) }) {
                    $0.rate = 100
                    $0.endRate = 1100
                }
            )
        }
        #expect(Verdict(ramp { $0 }).slowShare == 0)
        let late = Verdict(ramp { $0 < 90 ? $0 : 0 })
        #expect(late.longestStall == 2, "the last two seconds")
        #expect(near(late.slowShare, 0.2))
    }

    @Test func `of few transactions whole seconds are judged`() {
        let second = [1, 1, 1, 1, 0, 1, 1, 1, 1, 0]
        let busy = (0..<10).flatMap { _ in second }
        let paced = HandMadeRun.Part(busy) { $0.rate = 8 }
        #expect(Verdict(HandMadeRun.of(paced)).stall == nil)
        #expect(Verdict(HandMadeRun.of(paced)).slowShare == 0)
        let hole = HandMadeRun.Part(busy + same(0, 30) + busy) { $0.rate = 8 }
        #expect(Verdict(HandMadeRun.of(hole)).longestStall == 3)
        let rare = HandMadeRun.Part([1] + same(0, 99)) { $0.rate = 0.1 }
        #expect(Verdict(HandMadeRun.of(rare)).stall == nil, "one in ten seconds says nothing")
    }

    // MARK: Other figures

    @Test func `what a transaction costs`() {
        var run = HandMadeRun.of(.init(same(100, 10))) { sample, index in
            (sample.writesActive, sample.writesLRU) = (40, 10)
            sample.writesSync = index < 3 ? 1 : 0
            (sample.deviceBytes, sample.redo) = (1_000_000, 100_000)
            (sample.checkpointAge, sample.redoAge) = (index == 4 ? 60 : 7, index == 5 ? 500_000_000 : 9)
        }
        run.stopLimit = 80
        run.scenario.replayRate = 100e6
        run.scenario.device.endurance = 8.64e11 * 365.25 * 3
        let verdict = Verdict(run)
        #expect(near(verdict.pagesPerTransaction, 0.503))
        #expect(near(verdict.bytesPerTransaction, 10_000))
        #expect(near(verdict.writeAmplification, 10))
        #expect(near(verdict.bytesPerDay, 8.64e11))
        #expect(near(verdict.yearsToWearOut, 3))
        #expect(near(verdict.worstAgeShare, 0.75))
        #expect(near(verdict.syncShare, 0.3))
        #expect(near(verdict.recoverySeconds, 5))
        for figure in Figure.allCases { #expect(verdict.value(of: figure) != nil, "\(figure)") }
        #expect(verdict.words.contains("The checkpoint age came to 75 % of what stops writers"))
        #expect(verdict.words.contains("wears the device out in 3 years"))
    }

    @Test func `what nobody knows is nil`() {
        let verdict = Verdict(HandMadeRun.of(.init(same(100, 10))))
        #expect(verdict.yearsToWearOut == nil)
        #expect(verdict.worstAgeShare == nil)
        #expect(verdict.writeAmplification == nil)
    }

    @Test func `the 99th percentile of alike tenths is theirs, and a few commits do not move it`() {
        let even = Verdict(HandMadeRun.of(.init(same(1000, 100))))
        #expect(near(even.p99, 2))
        #expect(even.longestCommit == 5)
        let blip = Verdict(
            HandMadeRun.of(.init(same(1000, 100) + [4])) { sample, index in
                if index == 100 { (sample.p99, sample.longest) = (3000, 3000) }
            }
        )
        #expect(blip.p99 > 2 && blip.p99 < 2.1)
        #expect(blip.longestCommit == 3000)
        let slow = Verdict(
            HandMadeRun.of(.init(same(1000, 100))) { sample, index in
                if index % 2 == 0 { (sample.p99, sample.longest) = (40, 90) }
            }
        )
        #expect(slow.p99 > 20 && slow.p99 < 40, "half of all have a tail of 40 ms, so one in 100 is below that")
    }

    @Test func `the warm-up is left out`() {
        let warm = HandMadeRun.Part(same(10, 100), name: "warm-up")
        let run = HandMadeRun.of(warm, .init(same(100, 50)))
        #expect(Verdict(run).seconds == 15)
        let first = Verdict(run, warmUp: .firstPhase)
        #expect(first.seconds == 5)
        #expect(first.skippedSeconds == 10)
        #expect(first.medianRate == 1000)
        #expect(first.phases.map(\.name) == ["steady"])
        #expect(first.phases.map(\.index) == [1])
        #expect(Verdict(run, warmUp: .seconds(12)).seconds == 3)
        #expect(Verdict(HandMadeRun.of(warm), warmUp: .firstPhase).seconds == 10, "there is no other phase")
        #expect(Verdict(run, warmUp: .seconds(1e300)).words.hasPrefix("There is nothing to judge"))
    }

    @Test func `seconds tell less than tenths`() {
        let verdict = Verdict(HandMadeRun.of(.init((0..<100).map { $0 % 10 < 3 ? 100 : 400 })))
        #expect(verdict.medianRate == 4000)
        #expect(verdict.medianSecondRate == 3100)
        #expect(near(verdict.slowShare, 0.3))
    }

    @Test func `nothing has a verdict too`() {
        let empty = Verdict(RunResult(scenario: Scenario(), policy: .redoubt))
        #expect(empty.seconds == 0)
        #expect(empty.stall == nil)
        #expect(empty.words == "There is nothing to judge: the run has no samples.")
        for figure in Figure.allCases { #expect((empty.value(of: figure) ?? 0) == 0, "\(figure)") }
    }

    @Test func `what is no number does not trap`() {
        var run = HandMadeRun.of(.init(same(3, 30)), .init(same(0, 3), name: "b")) { sample, index in
            if index % 3 == 0 { (sample.time, sample.p99, sample.longest) = (.nan, .infinity, .nan) }
            if index % 5 == 0 { (sample.waitRedo, sample.queue) = (-.infinity, .nan) }
        }
        run.scenario.phases[0].seconds = .nan
        run.scenario.phases[1].rate = .nan
        run.scenario.replayRate = .nan
        #expect(!Verdict(run).words.isEmpty)
        run.scenario.phases[0].seconds = .infinity
        #expect(!Verdict(run, warmUp: .seconds(.nan)).words.isEmpty)
    }
}
