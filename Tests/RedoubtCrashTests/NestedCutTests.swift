import Redoubt
import RedoubtSimulation
import RedoubtSystem
import SiegeKit
import Synchronization
import Testing

@testable import RedoubtSiege
@testable import RedoubtSimulation

/// Goal: power cuts within recoveries are what the page says: different ones, in the way of all disks, and able to
/// find what shows nowhere else. Method: a few disks of a small workload; bugs that are planted.
@Suite(.serialized, .timeLimit(.minutes(20))) struct NestedCutTests {
    private static let profile = CrashProfile("nested", share: 0, preparationCount: 40, operationCount: 8)

    @Test func `each depth draws anew which recoveries are cut off`() {
        let keys = (0..<200_000).map { mix($0) }
        let first = keys.filter { CrashRun.isChosen($0, depth: 1, share: 160) }
        #expect(first.count > 1000)
        for depth in [2, 3] {
            let again = first.filter { CrashRun.isChosen($0, depth: depth, share: 10) }
            #expect(again.count * 5 < first.count, "\(again.count) of \(first.count) at depth \(depth)")
        }
    }

    @Test func `nested points of depths 2 and 3 are counted once`() throws {
        let run = try CrashRun(Self.profile, seed: CrashBudget.seed)
        let counts = CrashRun.NestedCounts()
        let explorer = run.explorer(statesPerPoint: 1)
        let share = UInt64(explorer.stateCount / 60 + 1)
        let report = explorer.judge(threadCount: 2) { try run.judge($0, nestedShare: share, counts) }
        print("nested, seed \(CrashBudget.seed): \(counts), \(counts.repeatedCount) repeated")
        #expect(report.failures.map(\.description) == [] && counts.pointCount > 20)
        // The first disk within a recovery is the one that it began with.
        #expect(counts.repeatedCount == 0)
        let before = counts.pointCount
        counts.add(1, 1, points: 5, states: 3)
        counts.add(1, 2, points: 5, states: 3)
        #expect(counts.pointCount == before + 5 && counts.repeatedCount == 1)
    }

    @Test func `a disk within a recovery is named by the disk that can be replayed`() throws {
        let seed: UInt64 = 977
        let profile = try #require(CrashProfile.all.first { $0.name == "checkpoints" })
        let run = try CrashRun(cutting: profile, seed: seed)
        #expect(run.flushing.breaches == [])
        let explorer = run.explorer(statesPerPoint: 1)
        let step = explorer.stateCount / 20
        let keys = stride(from: 0, to: explorer.stateCount, by: step).map { explorer.candidates[$0].key }
        let names = Mutex<Set<String>>([])
        let isOver = Atomic(false)
        let watcher = try Scheduling.startOnSystem("watcher") {
            while !isOver.load(ordering: .relaxed) {
                let mine = UnderJudgement.runs().filter { $0.contains(" \(seed):") }
                names.withLock { $0.formUnion(mine) }
                Scheduling.sleep(microseconds: 200)
            }
        }
        let counts = CrashRun.NestedCounts()
        let reports = keys.map { key in
            explorer.judge(threadCount: 1, only: key) { try run.judge($0, nestedShare: 1, counts) }
        }
        isOver.store(true, ordering: .relaxed)
        Scheduling.joinOnSystem(watcher)
        #expect(reports.allSatisfy { $0.judgedCount == 1 && $0.failureCount == 0 } && counts.stateCount > 5)
        let expected = Set(keys.map { "siege replay \(seed):checkpoints:0x\(String($0, radix: 16))" })
        let found = names.withLock { $0 }
        #expect(!found.isEmpty && found.isSubset(of: expected), "\(found.subtracting(expected))")
    }

    @Test func `what does not end is named, whatever part it belongs to`() {
        let seed: UInt64 = 978
        let mine = { (age: UInt64) in UnderJudgement.runs(olderThan: age).filter { $0.contains("\(seed)") } }
        for (part, text) in [(UnderJudgement.Part.faults, "siege faults"), (.schedules, "--only schedules")] {
            let place = UnderJudgement.note(part, seed: seed)
            #expect(mine(0).count == 1 && mine(0).allSatisfy { $0.contains(text) } && mine(3).isEmpty)
            for _ in 0..<3 { UnderJudgement.tick() }
            #expect(mine(3).count == 1)
            place?.renew()
            #expect(mine(3).isEmpty)
            place?.end()
            #expect(mine(0).isEmpty)
        }
    }

    @Test func `a disk that ignores syncs is noticed in the way of all disks`() throws {
        for profile in CrashProfile.all {
            let run = try CrashRun(profile, seed: CrashBudget.seed)
            let canary = EnginePowerCuts.lyingDisk(run, EngineBudget())
            #expect(canary.caughtAfter != nil, "\(canary)")
        }
    }

    @Test func `one seed in four keeps copies of changed sectors only`() throws {
        #expect((1...8).map { CrashProfile.doublewrite(seed: $0) == .changedSectors }.filter { $0 }.count == 2)
        var budget = EngineBudget()
        budget.seed = 4
        budget.statesPerPoint = 1
        budget.nestedShare = .max
        var figures = EnginePowerCuts.Figures()
        let profile = try #require(CrashProfile.all.first { $0.name == "checkpoints" })
        let line = try EnginePowerCuts.judge(profile, seed: 4, budget, seconds: 20, into: &figures)
        #expect(line.contains("doublewrite changedSectors") && figures.violations == [])
        #expect(figures.sectorStateCount == figures.stateCount && figures.stateCount > 0)
    }

    @Test func `copies of changed sectors were judged on a disk of one kind only`() {
        let seeds: ClosedRange<UInt64> = 1...16
        let disks = seeds.map { CrashProfile.disk(seed: $0) }
        #expect(disks.filter(\.reordersCompletions).count == 8 && disks.map(\.seed) == Array(seeds))
        let ofSectors = zip(seeds, disks).filter { CrashProfile.doublewrite(seed: $0.0) == .changedSectors }
        #expect(ofSectors.filter(\.1.reordersCompletions).count == 2 && ofSectors.count == 4)
    }

    @Test func `power is cut with the copies and the disk of the seed`() throws {
        let seed: UInt64 = 8
        let profile = try #require(CrashProfile.all.first { $0.name == "checkpoints" })
        let run = try CrashRun(cutting: profile, seed: seed)
        #expect(run.doublewrite == .changedSectors && run.flushing.sectorCopyCount > 0)
        var underWay: Set<Int> = []
        var (startCount, overtakenCount) = (0, 0)
        for (number, event) in run.storage.trace.enumerated() {
            switch event {
            case .start:
                underWay.insert(number)
                startCount += 1
            case .finish(let sequence): underWay.remove(sequence)
            case .sync: overtakenCount += underWay.isEmpty ? 0 : 1
            default: break
            }
        }
        #expect(startCount > 0 && overtakenCount > 0)
    }

    @Test func `recoveries were recorded on a disk that ends queued writes in order`() throws {
        let profile = try #require(CrashProfile.all.first { $0.name == "values" })
        // Two disks that end queued writes out of order, and one that does not.
        let runs = try [UInt64(2), 5, 1].map { try CrashRun(cutting: profile, seed: $0) }
        let explorer = runs[0].explorer(statesPerPoint: 1)
        let ends = Mutex([[[Int]]](repeating: [], count: runs.count))
        let overtaken = Atomic(0)
        for index in stride(from: 0, to: explorer.stateCount, by: explorer.stateCount / 12) {
            let report = explorer.judge(threadCount: 1, only: explorer.candidates[index].key) { state in
                for (number, run) in runs.enumerated() {
                    let traces = try (0..<2).map { _ in try run.recordedRecovery(from: state, flushes: true).trace }
                    let (first, again) = (Self.ends(traces[0]), Self.ends(traces[1]))
                    guard first == again else { throw CrashRun.Finding("\(first), then \(again)") }
                    ends.withLock { $0[number].append(first.sequences) }
                    overtaken.wrappingAdd(first.overtakenCount, ordering: .relaxed)
                }
                return Array(state.acknowledged...max(state.acknowledged, state.issued))
            }
            #expect(report.failures.map(\.description) == [])
        }
        let found = ends.withLock { $0 }
        print(
            "recoveries, and checkpoints behind them, end \(found.map { $0.reduce(0) { $0 + $1.count } }) queued writes"
        )
        #expect(found[0] != found[1] && found[0].contains { $0 != $0.sorted() })
        #expect(found[2].allSatisfy(\.isEmpty) && overtaken.load(ordering: .relaxed) > 0)
    }

    /// The order in which queued writes of `trace` end, and the I/O that comes while any is under way.
    private static func ends(_ trace: [SimulatedEvent]) -> Ends {
        var underWay: Set<Int> = []
        var found = Ends()
        for (number, event) in trace.enumerated() {
            if event.isIO && !underWay.isEmpty { found.overtakenCount += 1 }
            switch event {
            case .start: underWay.insert(number)
            case .finish(let sequence):
                underWay.remove(sequence)
                found.sequences.append(sequence)
            default: break
            }
        }
        return found
    }

    private struct Ends: Equatable {
        var sequences: [Int] = []
        var overtakenCount = 0
    }

    #if REDOUBT_INTERLEAVING
    @Test func `a planted bug is caught in the way of all disks`() throws {
        let planted = try #require(EnginePowerCuts.planted.first { $0.nestedShare == .max })
        let figures = try EnginePowerCuts.run(planted)
        #expect(figures.firstFailure != nil, "\(planted.bug)")
    }

    @Test func `a planted bug that is visible only within a recovery is caught by power cuts within recoveries`() throws
    {
        let planted = try #require(EnginePowerCuts.planted.first { $0.nestedShare != .max })
        let figures = try EnginePowerCuts.run(planted)
        #expect(figures.firstFailure != nil && figures.violations.contains { $0.contains("power cut in a recovery") })
        let blind = EnginePowerCuts.Planted(bug: planted.bug, workload: planted.workload, nestedShare: .max)
        let unseen = try EnginePowerCuts.run(blind)
        #expect(unseen.violations == [] && unseen.searchedCount > figures.searchedCount)
    }
    #endif
}
