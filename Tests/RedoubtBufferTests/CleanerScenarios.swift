import RedoubtCore
import RedoubtLog
import RedoubtPolicy
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

@testable import RedoubtEngine

/// Something that once went wrong in a page cleaner, or must not: what is run, and the rule whose breach it notices.
struct CleanerScenario: Sendable, CustomTestStringConvertible {
    /// What it is about.
    let testDescription: String
    /// The rule that it watches.
    let rule: CleanerFault
    /// The world.
    var options = CleanerWorld.Options()
    /// Returns whether the rule was kept.
    let body: @Sendable (PoolFixture) throws -> Bool

    /// All of them.
    static var all: [CleanerScenario] {
        [
            idle, ageAlone, dirtyShareAlone, framesAhead, latchedAndShort(.syncSkipsLRU),
            latchedAndShort(.listTakesLRUBudget), latchedAndShort(.waitsForLatches), requests, redoFull,
            betweenDecisions, framesDoNotStarveRedo,
        ] + (makeDecisions(.perconaLRU).usesLRUThreads ? [noSpace] : [])
    }
}

// The seven bugs of MariaDB.
extension CleanerScenario {
    /// MDEV-24949: once nobody changes anything, what is dirty is written.
    private static var idle: CleanerScenario {
        var scenario = CleanerScenario(testDescription: "idle flushing", rule: .losesIdleFlushing) { fixture in
            for number: UInt32 in 0..<30 { try fixture.change(page(number), to: 1) }
            return fixture.wait(milliseconds: 5000) { fixture.pool.dirtyCount == 0 }
        }
        scenario.options.configuration.flushing.idlePercent = 100
        return scenario
    }

    /// MDEV-25093: an age beyond its low water mark is reason enough, whatever the dirty share.
    private static var ageAlone: CleanerScenario {
        var scenario = CleanerScenario(testDescription: "age alone", rule: .losesAgeLowWater) { fixture in
            for number: UInt32 in 0..<40 { try fixture.change(page(number), redoBytes: 6000) }
            return try fixture.wait(milliseconds: 2500) {
                // Not idle.
                try fixture.change(page(50), to: 1)
                Scheduling.sleep(microseconds: 20_000)
                return fixture.adaptivelyWritten >= 30
            }
        }
        scenario.options.configuration.redoLog.capacity = .mebibytes(4)
        scenario.options.configuration.flushing.adaptive = true
        return scenario
    }

    /// MDEV-31939: a dirty share beyond its low water mark is reason enough, whatever the age.
    private static var dirtyShareAlone: CleanerScenario {
        var scenario = CleanerScenario(testDescription: "dirty share alone", rule: .losesDirtyLowWater) { fixture in
            for number: UInt32 in 0..<80 { try fixture.change(page(number), to: 1) }
            return try fixture.wait(milliseconds: 2500) {
                try fixture.change(page(99), to: 1)
                Scheduling.sleep(microseconds: 20_000)
                return fixture.adaptivelyWritten >= 50
            }
        }
        scenario.options.configuration.flushing.dirtyPagePercentLowWater = 10
        scenario.options.configuration.flushing.dirtyPagePercentMaximum = 90
        return scenario
    }

    /// MDEV-33053: frames are made free before the last one is taken.
    private static var framesAhead: CleanerScenario {
        CleanerScenario(testDescription: "frames ahead of need", rule: .waitsForEmptyFreeList) { fixture in
            let instance = fixture.pool.instances[0]
            var next: UInt32 = 0
            // The cleaner may be ahead all the way.
            while instance.freeCount > instance.freeTarget / 4 && next < 600 {
                _ = try fixture.value(page(next))
                next += 1
            }
            return fixture.wait(milliseconds: 100) { instance.freeCount >= instance.freeTarget / 2 }
        }
    }

    /// MDEV-34265 and MDEV-36226: the oldest page is latched by a thread that waits for a frame, and sync flushing
    /// waits for that page.
    private static func latchedAndShort(_ rule: CleanerFault) -> CleanerScenario {
        CleanerScenario(testDescription: "a latch holder without a frame, \(rule)", rule: rule) { fixture in
            let instance = fixture.pool.instances[0]
            var next: UInt32 = 0
            while instance.freeCount > instance.freeTarget + 2 {
                try fixture.change(page(next), to: 1)
                next += 1
            }
            let pins = 2 * instance.freeTarget
            var transaction = try MiniTransaction.begin(fixture.kernel, redoBytes: 0, pins: pins)
            let oldest = try transaction.latchExclusive(page(0)).oldestModification
            fixture.flushing.requestFlush(below: LogSequenceNumber(rawValue: oldest.rawValue + 1))
            Scheduling.sleep(microseconds: 5000)
            do {
                for number in 1..<pins { _ = try transaction.latchShared(page(next + UInt32(number))) }
            } catch {
                transaction.rollback()
                return false
            }
            transaction.rollback()
            return fixture.wait(milliseconds: 1000) { fixture.flushing.urgentLSN == 0 }
        }
    }

    /// MDEV-39600: who tells the cleaner what is wanted does not wait for it.
    private static var requests: CleanerScenario {
        var scenario = CleanerScenario(
            testDescription: "requests while the cleaner writes",
            rule: .requestsWaitForBatches
        ) { fixture in
            for number: UInt32 in 0..<100 { try fixture.change(page(number), to: 1) }
            fixture.flushing.requestFlush(below: fixture.log.currentLSN)
            Scheduling.sleep(microseconds: 15_000)
            let start = Scheduling.now()
            for _ in 0..<10 { fixture.flushing.requestFlush(below: fixture.log.currentLSN) }
            return Scheduling.now().nanoseconds(since: start) < 1_000_000
        }
        scenario.options.latencyMicroseconds = 10_000
        return scenario
    }
}

// The rules that keep everybody going.
extension CleanerScenario {
    /// A full redo log is emptied without new redo.
    private static var redoFull: CleanerScenario {
        var scenario = CleanerScenario(testDescription: "redo full", rule: .takesRedoCredit) { fixture in
            for round: UInt32 in 0..<300 {
                var begun = try MiniTransaction.tryBegin(fixture.kernel, redoBytes: 8192, pins: 1)
                let isBegun = try fixture.wait(milliseconds: 3000) {
                    if begun == nil { begun = try MiniTransaction.tryBegin(fixture.kernel, redoBytes: 8192, pins: 1) }
                    return begun != nil
                }
                guard isBegun, var transaction = begun.take() else { return false }
                let frame = try transaction.latchExclusive(page(round % 50))
                for offset in 0..<400 { PoolFixture.write(round, at: 100 + 4 * offset, frame, &transaction) }
                transaction.commit()
            }
            return true
        }
        scenario.options.configuration.redoLog.capacity = .mebibytes(2)
        return scenario
    }

    /// What is urgent does not wait for the end of a round.
    private static var betweenDecisions: CleanerScenario {
        CleanerScenario(testDescription: "between decisions", rule: .finishesRounds) { fixture in
            Scheduling.sleep(microseconds: 100_000)
            try fixture.change(page(1), to: 1)
            fixture.flushing.requestFlush(below: fixture.log.currentLSN)
            return fixture.wait(milliseconds: 200) { fixture.pool.dirtyCount == 0 }
        }
    }

    /// A full disk keeps LRU flushers from starting: the page cleaner serves in their place until there is space.
    private static var noSpace: CleanerScenario {
        CleanerScenario(testDescription: "no space for LRU flushers", rule: .endsOnError) { fixture in
            let effect = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)
            fixture.storage.inject(
                SimulatedFault(.create, role: .doublewrite, isPermanent: true, effect: effect)
            )
            var configuration = fixture.kernel.options.current
            configuration.flushing.policy = .perconaLRU
            fixture.kernel.options.replace(by: configuration)
            Scheduling.sleep(microseconds: 1_500_000)
            guard try framesAhead.body(fixture), !fixture.kernel.health.isFenced else { return false }
            fixture.storage.removeFaults()
            return fixture.wait(milliseconds: 2500) {
                !makeDecisions(.perconaLRU).usesLRUThreads || fixture.pool.lruFlushersServe
            }
        }
    }

    /// However many frames are wanted, the redo gets its share of the writes.
    private static var framesDoNotStarveRedo: CleanerScenario {
        var scenario = CleanerScenario(
            testDescription: "redo while frames are short",
            rule: .framesStarveRedo
        ) { fixture in
            var threads: [EngineThread] = []
            let shared = SharedFlag()
            for thread: UInt32 in 0..<12 {
                threads.append(
                    try Scheduling.start("reader \(thread)") {
                        var random = SeededRandom(seed: UInt64(thread))
                        while !shared.isSet {
                            // A fence ends the scenario.
                            guard (try? fixture.change(page(UInt32(random.below(600))), to: 1)) != nil else { return }
                        }
                    }
                )
            }
            // Until the pool is full.
            Scheduling.sleep(microseconds: 100_000)
            // A page in constant use never reaches the end of the LRU list.
            let range = try fixture.change(page(600), to: 1)
            let wanted = range?.end.rawValue ?? 0
            fixture.flushing.requestFlush(below: LogSequenceNumber(rawValue: wanted))
            let isServed = try fixture.wait(milliseconds: 100) {
                _ = try fixture.value(page(600))
                let instance = fixture.pool.instances[0]
                let isLeft = instance.hasDirty(below: wanted, window: fixture.log.relaxedOrderWindow)
                return !isLeft && (fixture.flushing.inFlightMinimum ?? .max) >= wanted
            }
            shared.set()
            for thread in threads { Scheduling.join(thread) }
            return isServed
        }
        scenario.options.latencyMicroseconds = 100
        scenario.options.pageCount = 601
        return scenario
    }
}

/// Says that it is time to stop.
final class SharedFlag: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}
