import Redoubt
import RedoubtCore
import RedoubtSystem
import Testing

@testable import RedoubtSiege
@testable import RedoubtSimulation

#if REDOUBT_INTERLEAVING
/// Goal: recoveries of a database from all disks that a power cut can leave, where these are too many for one by one.
/// Method: where they are few, what the exploration finds equals what all disks give one by one; then a full
/// doublewrite batch, before and after its sync, and a long log tail.
@Suite(.timeLimit(.minutes(20))) struct EngineLazyTests {
    #if DEBUG
    private static let exhaustedMaximum = 64
    private static let pageCount = 8
    private static let rowCount = 10
    private static let blockMinimum = 10
    #else
    private static let exhaustedMaximum = StateSpace.exhaustiveLimit
    private static let pageCount = 128
    private static let rowCount = 46
    private static let blockMinimum = 64
    #endif

    @Test(arguments: LazyWorkload.allCases) func `what is found by reads is what all disks give one by one`(
        _ workload: LazyWorkload
    ) throws {
        let storage = try workload.recorded()
        let judge = EngineRecording.small.judge
        let memory = KeptMemory()
        var known: [UInt64: String] = [:]
        var (epochs, disks, runs, places) = (0, 0, 0, 0)
        for explorer in LazyExplorer.epochs(of: storage, options: EngineEpochs.options) {
            let count = explorer.uncertain.choiceCount(limit: Self.exhaustedMaximum + 1)
            guard count <= Self.exhaustedMaximum else { continue }
            var names = UncertainPlaces.Names()
            var expected: Set<String> = []
            StateSpace(explorer.uncertain, CrashExplorer.Options()).forEach { choice, _ in
                let key = explorer.uncertain.hash(choice, &names)
                if known[key] == nil {
                    let disk = SimulatedStorage(explorer.uncertain.image(choice, &names), options: .judging)
                    known[key] = InlineScheduler(memory: memory).run { judge(disk) }
                }
                if let outcome = known[key] { expected.insert(outcome) }
            }
            let report = explorer.explore(judge)
            #expect(report.isComplete, "event \(explorer.point): \(report)")
            #expect(report.outcomes == expected, "event \(explorer.point): \(report)")
            (epochs, disks, runs) = (epochs + 1, disks + count, runs + report.runCount)
            places = max(places, report.placeCount)
        }
        print(
            "lazy exploration of \(workload.rawValue): \(epochs) epochs of at most \(Self.exhaustedMaximum) disks, "
                + "\(places) places at most, \(disks) disks, \(known.count) different, \(runs) runs, same outcomes"
        )
        #expect(epochs > 5 && disks > 20)
    }

    @Test func `a full doublewrite batch is covered, before its copies are durable and after`() throws {
        let epochs = try EngineEpochs.batch(pageCount: Self.pageCount)
        #expect(epochs.count == 2)
        // Sectors of the pages, and of the header of the segment.
        for epoch in epochs { #expect(epoch.report.placeCount >= 32 * Self.pageCount, "\(epoch)") }
        for epoch in epochs { #expect(epoch.wrong == nil, "\(epoch)") }
        for epoch in epochs { #expect(epoch.report.combinationBits > Double(2 * Self.pageCount)) }
    }

    @Test func `a long log tail is covered`() throws {
        let epoch = try EngineEpochs.tail(rowCount: Self.rowCount)
        #expect(epoch.wrong == nil && epoch.report.combinationBits >= Double(Self.blockMinimum), "\(epoch)")
    }

    @Test func `pages that were written without a copy are found torn`() throws {
        let storage = try Scheduling.planting(.leavesPagesUncopied) { try EngineEpochs.recordedBatch(pageCount: 4) }
        let epochs = LazyExplorer.epochs(of: storage, options: EngineEpochs.options)
        let explorer = try #require(
            epochs.filter { $0.paths.contains { $0.contains(".ibd") } }.max { $0.placeCount < $1.placeCount }
        )
        let report = explorer.explore(EngineRecording.large.judge)
        print("lazy exploration of pages without copies: \(report)")
        let wrong = report.findings.filter { !$0.outcome.hasSuffix(" 0 findings") }
        #expect(report.isComplete && !wrong.isEmpty && wrong.allSatisfy(\.isConfirmed), "\(report)")
    }
}
#endif
