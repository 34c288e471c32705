import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

#if REDOUBT_INTERLEAVING
/// Goal: the laboratory would find the mistakes that it is there for.
///
/// Method: mistakes are planted in the engine, one at a time, and the hunt named for each must find it within 20,000
/// states or runs; without a mistake each hunt finds nothing in as many as it took to find the last of its mistakes.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PlantedBugTests {
    private static let limit = 20_000
    /// The most that a hunt took, by name.
    private static let counts = Mutex<[String: Int]>([:])
    private static let caught = Mutex<[String]>([])

    @Test(arguments: PlantedMistake.chosen)
    func `a planted bug is caught`(_ mistake: PlantedMistake) throws {
        let begin = Scheduling.now()
        let outcome = try Scheduling.planting(mistake.bug) { try mistake.hunt.search(Self.limit, mistake.fault) }
        let seconds = Double(Scheduling.now().nanoseconds(since: begin) / 10_000_000) / 100
        guard let finding = outcome.finding else {
            Issue.record("\(mistake) was not caught by \(mistake.hunt) in \(outcome.count) \(mistake.hunt.unit)")
            return
        }
        print(
            "planted bug \(mistake), \(mistake.place): caught by \(mistake.hunt), "
                + "\(outcome.count) \(mistake.hunt.unit), \(seconds) s: \(finding.prefix(300))"
        )
        Self.counts.withLock { $0[mistake.hunt.name] = max($0[mistake.hunt.name] ?? 0, outcome.count) }
        Self.caught.withLock { $0.append("\(mistake)") }
    }

    @Test(arguments: PlantedMistake.hunts)
    func `the same hunt finds nothing where nothing is planted`(_ hunt: Hunt) throws {
        let begin = Scheduling.now()
        let limit = max(20, Self.counts.withLock { $0[hunt.name] ?? 0 })
        let outcome = try hunt.search(limit, nil)
        let seconds = Double(Scheduling.now().nanoseconds(since: begin) / 10_000_000) / 100
        #expect(outcome.finding == nil)
        #expect(outcome.count > 0)
        let found = outcome.finding ?? "nothing"
        print("planted bug none: \(found) found by \(hunt), \(outcome.count) \(hunt.unit), \(seconds) s")
    }

    @Test func `every bug that can be planted is in the table, and most are in different places`() {
        let caught = Set(Self.caught.withLock { $0 })
        let worst = Self.counts.withLock { $0.values.max() ?? 0 }
        print("planted bugs: \(caught.count) of \(PlantedMistake.chosen.count) caught, the last after \(worst)")
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
