import RedoubtCore
import RedoubtSimulation
import SiegeKit
import TestSupport
import Testing

/// Goal: what fails gets small, and still fails, for the same reason, every time.
///
/// Method: arrays with known causes; a store with mistakes under long workloads, shrunk, printed, read, replayed.
@Suite(.timeLimit(.minutes(20))) struct ShrinkerTests {
    @Test func `the elements that it takes are left, and no other`() {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let count = 1 + random.below(60)
            let causes = Set((0..<random.below(5)).map { _ in random.below(count) })
            var shrinker = Shrinker()
            let left = shrinker.shrink(Array(0..<count)) { causes.isSubset(of: $0) }
            #expect(left == causes.sorted(), "seed \(seed)")
            #expect(shrinker.tryCount <= 12 * (causes.count + 1) * 8, "\(shrinker.tryCount) tries, seed \(seed)")
            var again = Shrinker()
            #expect(again.shrink(Array(0..<count)) { causes.isSubset(of: $0) } == left)
            #expect(again.tryCount == shrinker.tryCount)
        }
    }

    @Test func `a cause of many shapes is left with no element to spare`() {
        // Fails with any three even numbers.
        func fails(_ numbers: [Int]) -> Bool { numbers.count { $0 % 2 == 0 } >= 3 }
        var shrinker = Shrinker()
        let left = shrinker.shrink(Array(0..<100), fails: fails)
        #expect(left.count == 3 && fails(left))
    }

    @Test func `the limit ends it with something that fails`() {
        var shrinker = Shrinker(limit: 5)
        let left = shrinker.shrink(Array(0..<100)) { $0.contains(17) && $0.contains(80) }
        #expect(shrinker.isExhausted && shrinker.tryCount == 5)
        #expect(left.contains(17) && left.contains(80) && left.count < 100)
    }

    @Test func `elements become as simple as they can be`() {
        var shrinker = Shrinker()
        let left = shrinker.simplify([7, 40, 3]) { number in
            number > 0 ? [0, number / 2, number - 1] : []
        } fails: {
            $0[0] >= 5 && $0.reduce(0, +) >= 9
        }
        #expect(left[0] >= 5 && left.reduce(0, +) == 9)
    }

    @Test(arguments: [RowStore.Mistake.unsyncedDrop, .believedLong])
    func `a store's mistake is shrunk to ten lines that fail again`(_ mistake: RowStore.Mistake) throws {
        let seed: UInt64 = 4
        var workload = Workload(seed: seed)
        var model = ReferenceModel()
        var operations: [Workload.Operation] = []
        for _ in 0..<80 {
            operations.append(workload.next(model))
            model.perform(operations[operations.count - 1])
        }
        let subject = RowStore.subject(mistake)
        var shrinker = Shrinker()
        let found = shrinker.reproducer(of: subject, operations, seed: seed)
        let reproducer = try #require(found)
        print("\(operations.count) operations shrunk in \(shrinker.tryCount) tries:\n\(reproducer)")
        #expect(reproducer.lines.count <= Reproducer.lineLimit && !shrinker.isExhausted)
        let read = try Reproducer(parsing: reproducer.description)
        #expect(read == reproducer)
        let replay = try read.replay(with: subject)
        #expect(replay.finding == reproducer.finding && replay.finding != nil)
        let trace = try #require(replay.trace)
        let page = HTMLReport(trace, reproducer: read, replay: ["siege replay rows.siege"])
        try KeptPages.keep(page.html, "rows-\(mistake)")
        // The right store gets through the same, or leaves nothing uncertain there.
        #expect((try? read.replay(with: RowStore.subject(.none)))?.finding == nil)
        var again = Shrinker()
        #expect(again.reproducer(of: subject, operations, seed: seed) == reproducer)
        #expect(shrinker.reproducer(of: RowStore.subject(.none), operations, seed: seed, stateLimit: 100) == nil)
    }

    @Test func `a cut that loses too much is brought back to what matters`() throws {
        let trace = try RecordedWorlds.failedStore(.missingSync)
        let crash = try #require(trace.crash)
        var shrinker = Shrinker()
        let all = CrashCut(point: trace.events.count, .keep)
        let cut = shrinker.shrink(all, of: trace) { cut in
            guard let disk = cut.disk(start: trace.start, trace: trace.events) else { return false }
            return (try? LogStore.recover(SimulatedStorage(disk, options: .judging), .missingSync)) != LogStore.count
        }
        let scene = try #require(cut.scene(start: trace.start, trace: trace.events))
        #expect(scene.changes.reduce(0) { $0 + $1.lostCount } == 1, "\(cut), first found as \(crash.cut)")
    }

    @Test func `a reproducer that does not fit the program says so`() throws {
        let cut = CrashCut(point: 2000, .keep)
        let reproducer = Reproducer(program: "p", operations: [.checkpoint], seed: 1, cut: cut)
        #expect(throws: ReproducerError.self) { try reproducer.replay(with: RowStore.subject(.none)) }
    }
}
