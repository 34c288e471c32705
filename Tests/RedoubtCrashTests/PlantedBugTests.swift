import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

@testable import RedoubtSiege

#if REDOUBT_INTERLEAVING
/// Goal: the laboratory would find the mistakes that it is there for. Method: a few of the bugs that `siege bugs`
/// plants, from each part of the engine; the table; the switch.
@Suite(.serialized, .timeLimit(.minutes(20))) struct PlantedBugTests {
    @Test(arguments: ["skipsLogSync", "changesPledgedBlock", "takesOldestCopy", "linksUnlogged"])
    func `a planted bug is caught, and nothing where none is planted`(_ name: String) throws {
        let figures = try PlantedBugs.run(names: [name]) { print($0) }
        #expect(figures.count == 1 && figures.caughtCount == 1)
        #expect(figures.uncaught == [] && figures.falseAlarms == [])
    }

    @Test func `the control of a hunt without syncs goes without them too`() throws {
        var lines: [String] = []
        let figures = try PlantedBugs.run(names: ["forgetsUnsyncedSegments"]) { lines.append($0) }
        #expect(figures.caughtCount == 1 && figures.falseAlarms == [])
        let hunt = "cuts of hunted churn of sectors without a sync, mixed"
        #expect(lines.count == 2 && lines.allSatisfy { $0.contains(hunt) }, "\(lines)")
    }

    @Test func `every bug that can be planted is in the table, and most are in different places`() {
        #expect(Set(PlantedMistake.all.compactMap(\.bug)) == Set(PlantedBug.allCases))
        #expect(Set(PlantedMistake.all.map(\.place)).count >= 30)
    }

    @Test func `worlds side by side have bugs of their own, and so have the threads that they start`() throws {
        let asks: @Sendable () -> [Bool] = {
            let answers = Answers()
            let thread = try? Scheduling.start("other") {
                answers.list.withLock { $0 = [Scheduling.breaks(.skipsLogSync), Scheduling.breaks(.retriesSync)] }
            }
            if let thread { Scheduling.join(thread) }
            return answers.list.withLock { $0 }
        }
        let first = SimulatedScheduler(seed: 1)
        let second = SimulatedScheduler(seed: 2)
        let found = Scheduling.planting(.skipsLogSync) { () -> [[Bool]] in
            let inner = Scheduling.planting(.retriesSync) { first.run(asks) }
            return [inner, second.run(asks)]
        }
        #expect(found == [[false, true], [true, false]])
        #expect(asks() == [false, false])
    }

    private final class Answers: Sendable {
        let list = Mutex<[Bool]>([])
    }
}
#endif
