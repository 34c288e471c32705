import RedoubtCore
import Testing

@testable import RedoubtPolicy

/// Goal: the policies of others decide as theirs do. Method: inputs for which the numbers follow from the rules of
/// each, round by round.
@Suite struct InnoDBPoliciesTests {
    @Test func `MySQL 8.0 averages, and splits by age once the age counts`() {
        var policy = MySQL80Flushing()
        var inputs = FlushingInputs.sample()
        #expect(policy.decide(inputs).listPageCount == 0, "the first round only remembers")
        inputs.addDirty(1000, age: 40_000_000)
        // Half of the second instance's pages are young.
        inputs.instances[1].ages = DirtyAges(redoCapacity: 100 << 20)
        for _ in 0..<1000 { inputs.instances[1].ages.add(inputs.currentLSN - 1_000_000) }
        inputs = inputs.later(redo: 1000)
        let first = policy.decide(inputs)
        // 51 x 2 % of 1000 pages, no rate yet, one page due: (1020 + 0 + 1) / 3.
        #expect(first.figures.percentForAge == 102)
        #expect(first.mode == .active)
        #expect(first.nextRound == 1_000_000_000)
        #expect(first.listPages == [341, 341], "before any growth each list has one page due")
        inputs.listPagesWritten = 6000
        inputs = inputs.later(seconds: 29, redo: 90_000_000)
        inputs.oldestModification = inputs.currentLSN - 40_000_000
        let second = policy.decide(inputs)
        #expect(second.figures.averagePageRate == 100, "half of 6000 pages in 30 s, half of nothing")
        #expect(second.figures.averageLSNRate == 90_001_000 / 30 / 2)
    }

    @Test func `MySQL 8.0 in sync mode writes what is due and three seconds more`() {
        var policy = MySQL80Flushing()
        var inputs = FlushingInputs.sample()
        inputs.addDirty(3000, age: 86_000_000)
        _ = policy.decide(FlushingInputs.sample(now: 0))
        let found = policy.decide(inputs)
        let excess = 86_000_000 + (1 << 20) - (87_086_592 - 5_474_908)
        let target = inputs.currentLSN - 86_000_000 - (1 << 20) + UInt64(excess) + (1 << 20)
        #expect(found.mode == .sync)
        #expect(found.nextRound == 0)
        #expect(found.lsnLimit == target + 3 * UInt64(found.figures.averageLSNRate))
        #expect(found.listPageCount >= 1000, "at least the capacity")
        inputs.options.flushSync = false
        #expect(policy.decide(inputs.later(redo: 1)).mode == .active)
    }

    @Test func `nothing dirty is age zero`() {
        for policy in FlushingPolicy.allCases {
            var decisions = makeDecisions(policy)
            _ = decisions.decide(.sample())
            let found = decisions.decide(FlushingInputs.sample().later(redo: 50_000_000))
            #expect(found.listPageCount == 0)
            #expect(found.figures.percentForAge == 0)
            #expect(found.mode == .none)
        }
    }

    @Test func `idle flushing follows the rule of each`() {
        var inputs = FlushingInputs.sample()
        inputs.addDirty(2000, age: 1_000_000)
        inputs.isIdle = true
        inputs.options.idlePercent = 10
        var mysql80 = MySQL80Flushing()
        #expect(mysql80.decide(inputs).mode != .idle, "one more round after the last change")
        #expect(mysql80.decide(inputs.later()).listPages == [50, 50])
        var mysql57 = MySQL57Flushing()
        #expect(mysql57.decide(inputs).listPages == [500, 500])
        var mariadb = MariaDBFlushing()
        #expect(mariadb.decide(inputs).listPages == [500, 500])
        inputs.hasPendingReads = true
        #expect(mariadb.decide(inputs).listPageCount == 0)
        var textbook = TextbookFlushing()
        #expect(textbook.decide(inputs).listPages == [2000, 2000])
    }

    @Test func `the textbook takes the larger of two shares`() {
        var policy = TextbookFlushing()
        var inputs = FlushingInputs.sample()
        inputs.addDirty(2048, age: 30_000_000)
        let found = policy.decide(inputs)
        #expect(found.figures.percentForDirty == Int(100 * inputs.dirtyPagePercent / 90))
        #expect(found.figures.percentForAge == 30_000_000 * 100 / 75_805_696)
        #expect(found.listPageCount == 1000 * 52 / 100)
    }

    @Test func `MySQL 5.7 and MariaDB have their own limits`() {
        let mysql57 = ClassicRedoLimits(payload: 100_659_200)
        #expect(mysql57.total == 90_593_280)
        #expect(mysql57.checkpointAge == 80_826_164)
        #expect(mysql57.asyncAge == 70_722_894)
        #expect(mysql57.syncAge == 75_774_529)
        let mariadb = ClassicRedoLimits(payload: (96 << 20) - 12288)
        #expect(mariadb.total == 90_585_908)
        #expect(mariadb.asyncAge == 70_717_088)
        #expect(mariadb.checkpointAge == 80_819_529)
    }

    @Test func `MySQL 5.7 does nothing while the log stands still`() {
        var policy = MySQL57Flushing()
        var inputs = FlushingInputs.sample()
        inputs.addDirty(3000, age: 60_000_000)
        _ = policy.decide(inputs)
        #expect(policy.decide(inputs.later()).listPageCount == 0)
        #expect(policy.decide(inputs.later(seconds: 2, redo: 1)).listPageCount > 0)
    }

    @Test func `MariaDB flushes ahead at the soft target and does not pause at the furious one`() {
        var policy = MariaDBFlushing()
        var inputs = FlushingInputs.sample()
        inputs.addDirty(4000, age: 76_000_000)
        let limits = MariaDBFlushing.limits(inputs)
        let soft = policy.decide(inputs)
        #expect(soft.mode == .active)
        #expect(soft.listPageCount == 2000)
        #expect(soft.lsnLimit == inputs.currentLSN - UInt64(limits.asyncAge))
        #expect(soft.nextRound == 1_000_000_000)
        #expect(!soft.flushesLRUFirst)
        inputs = inputs.later(redo: 10_000_000)
        let furious = policy.decide(inputs)
        #expect(furious.mode == .sync)
        #expect(furious.nextRound == 0)
        #expect(furious.lsnLimit == inputs.currentLSN - UInt64(limits.asyncAge))
        inputs.oldestModification = furious.lsnLimit - 1
        #expect(policy.decide(inputs).mode == .sync, "below the limit again, but not at the target")
        inputs.oldestModification = furious.lsnLimit
        #expect(policy.decide(inputs).lsnLimit == .max, "both targets are reached")
    }

    @Test func `MariaDB paused once more when everything had become clean after a furious flush`() {
        var policy = MariaDBFlushing()
        var inputs = FlushingInputs.sample()
        inputs.addDirty(4000, age: 86_000_000)
        #expect(policy.decide(inputs).mode == .sync)
        var clean = FlushingInputs.sample()
        clean.now = inputs.now + 1
        #expect(policy.decide(clean).listPageCount == 0)
        var soft = FlushingInputs.sample()
        soft.addDirty(4000, age: 76_000_000)
        #expect(policy.decide(soft.later()).mode == .active)
    }

    @Test func `Percona's LRU flushers sleep by what is free`() {
        var policy = PerconaLRUFlushing()
        var inputs = LRUInputs()
        (inputs.pageCount, inputs.freeFrameTarget, inputs.freeFrameCount) = (4000, 1000, 500)
        #expect(policy.decideLRU(inputs).sleep == 1_000_000_000, "the longest already")
        inputs.freeFrameCount = 40
        #expect(policy.decideLRU(inputs).sleep == 950_000_000)
        inputs.freeFrameCount = 100
        #expect(policy.decideLRU(inputs).sleep == 950_000_000)
        inputs.freeFrameCount = 201
        #expect(policy.decideLRU(inputs).sleep == 951_000_000)
        (inputs.freeFrameCount, inputs.lastWritten) = (9, 1)
        #expect(policy.decideLRU(inputs).sleep == 0)
        inputs.lastWritten = 0
        #expect(policy.decideLRU(inputs).sleep == 1_000_000)
    }
}
