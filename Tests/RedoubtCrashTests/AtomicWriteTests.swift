import Redoubt
import RedoubtSimulation
import TestSupport
import Testing

@testable import RedoubtSiege

/// Goal: on a device that writes pages all or nothing no copy is made and no page is lost; and only where each page
/// write asks for that and the device keeps its word.
/// Method: a workload on a simulated device that claims it, with every power cut; the same on one that tears all the
/// same.
@Suite(.serialized, .timeLimit(.minutes(30))) struct AtomicWriteTests {
    private static let profile = CrashProfile(
        "atomic writes",
        share: 0.1,
        preparationCount: 60,
        operationCount: 40
    ) {
        $0.checkpoint = 20
        $0.createKeyspace = 0
        $0.dropKeyspace = 0
        $0.renameKeyspace = 0
    }

    private func run(tears: Bool) throws -> CrashRun {
        var options = SimulatedStorage.Options()
        options.atomicWriteUnit = 16384
        options.tearsAtomicWrites = tears
        // The trace has such a device's writes as what they are, and no rule excuses those.
        return try CrashRun(Self.profile, seed: CrashBudget.seed, options: options, judgesFlushing: !tears)
    }

    @Test func `a device that writes pages all or nothing needs no copies`() throws {
        let run = try run(tears: false)
        var atomicCount = 0
        for case .change(.atomicWrite) in run.storage.trace { atomicCount += 1 }
        let writes = WriteTrace(run.storage.trace)
        #expect(writes.segmentCount == 0 && writes.pageCount == 0, "every page write asks")
        #expect(atomicCount >= 10)
        let report = run.explorer(statesPerPoint: CrashBudget.statesPerPoint).judge(
            seconds: CrashBudget.seconds(share: Self.profile.share)
        ) { state in
            try run.judge(state)
        }
        print("atomic writes, seed \(CrashBudget.seed), \(atomicCount) pages: \(report)")
        #expect(report.failureCount == 0 && report.judgedCount > 0)
    }

    @Test func `a device that does not keep its word is found out`() throws {
        let run = try run(tears: true)
        #expect(WriteTrace(run.storage.trace).segmentCount == 0 && run.flushing.breaks(.copyBeforePage))
        let report = run.explorer(statesPerPoint: CrashBudget.statesPerPoint).judge(
            seconds: CrashBudget.seconds(share: Self.profile.share)
        ) { state in
            try run.judge(state)
        }
        print("torn atomic writes, seed \(CrashBudget.seed): \(report)")
        #expect(report.failureCount > 0)
    }
}
