import Redoubt
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import Redoubt
@testable import RedoubtEngine
@testable import RedoubtSiege

/// Goal: with copies of changed sectors only, no power cut loses a page; and each of the rules that this rests on is
/// needed.
/// Method: small changes to few pages, which are written again and again without a sync, evicted and read again, with
/// every power cut and mixtures of the sectors of all writes; the same with a kill between, with modes that change, and
/// with one rule broken on purpose.
@Suite(.serialized, .timeLimit(.minutes(30))) struct ChangedSectorTests {
    private static func profile(_ name: String, isKilled: Bool = false) -> CrashProfile {
        CrashProfile(name, share: 0.12, preparationCount: 60, operationCount: 40, isKilled: isKilled) {
            $0.putLarge = 2
            $0.putOffPage = 0
            $0.deleteRange = 1
            $0.createKeyspace = 0
            $0.dropKeyspace = 0
            $0.renameKeyspace = 0
            $0.checkpoint = 0
        }
    }

    /// Writes all pages, mostly without a sync, before every operation, and sometimes takes them out of memory.
    private static func churn(
        _ client: borrowing EngineClient,
        _ number: Int,
        modes: [Configuration.Doublewrite],
        syncs: Bool,
        breaking fault: CleanerFault?
    ) throws(RedoubtError) {
        let engine = client.database.engine
        #if REDOUBT_INTERLEAVING
        engine.kernel.faults.store(fault?.rawValue ?? 0, ordering: .relaxed)
        #endif
        try engine.change { $0.flushing.doublewrite = modes[number % modes.count] }
        let pool = engine.kernel.pool
        let frames = (0..<UInt32(pool.frameCount)).filter { pool.frame($0).isDirty }
        _ = try engine.flushing.writer.write(frames)
        if syncs && number % 3 == 2 { try engine.kernel.files.syncWritten() }
        guard number % 14 == 0 else { return }
        for index in frames { _ = pool.evict(pool.frame(index)) }
    }

    private final class Finding: Sendable {
        let isMade = Atomic(false)
    }

    private func judge(
        _ profile: CrashProfile,
        modes: [Configuration.Doublewrite] = [.changedSectors],
        syncs: Bool = true,
        prefersMixtures: Bool = false,
        breaking fault: CleanerFault? = nil,
        share: Double? = nil
    ) throws -> CrashReport {
        let run = try CrashRun(
            profile,
            seed: CrashBudget.seed,
            doublewrite: .changedSectors,
            judgesFlushing: fault == nil
        ) {
            (client, number) throws(RedoubtError) in
            try Self.churn(client, number, modes: modes, syncs: syncs, breaking: fault)
        }
        let writes = WriteTrace(run.storage.trace)
        if fault == nil { #expect(writes.breaches == []) }
        // That a copy is overwritten too early is for other judges.
        let isNoticed = fault != nil && fault != .forgetsUnsyncedSegments
        #expect(run.flushing.breaks(.copyBeforePage) == isNoticed)
        let explorer = run.explorer(
            statesPerPoint: CrashBudget.statesPerPoint,
            mixtureCount: prefersMixtures ? 40 : 10,
            prefersMixtures: prefersMixtures
        )
        let seconds = CrashBudget.seconds(share: share ?? profile.share)
        let finding = Finding()
        let report = explorer.judge(seconds: seconds) { state in
            // A planted bug needs to be found once.
            if fault != nil && finding.isMade.load(ordering: .relaxed) { return Array(0...run.model.commitCount) }
            do {
                return try run.judge(state)
            } catch {
                finding.isMade.store(true, ordering: .relaxed)
                throw error
            }
        }
        print(
            "\(profile.name), seed \(CrashBudget.seed): \(writes.pageCount) pages, \(writes.segmentCount) segments of "
                + "\(writes.segmentByteCount) bytes, \(writes.dataSyncCount) syncs; \(report)"
        )
        for failure in fault == nil ? Array(report.failures.prefix(3)) : [] {
            print(explorer.excerpt(around: failure.point))
        }
        return report
    }

    @Test("every power cut is recovered from", arguments: [false, true])
    func powerCuts(isKilled: Bool) throws {
        let report = try judge(
            Self.profile(isKilled ? "changed sectors and a kill" : "changed sectors", isKilled: isKilled)
        )
        #expect(report.failureCount == 0)
        #expect(report.judgedCount > 0)
    }

    @Test func `every power cut is recovered from while copies are whole and partial in turn`() throws {
        let report = try judge(Self.profile("changing copies"), modes: [.changedSectors, .on, .changedSectors])
        #expect(report.failureCount == 0)
        #expect(report.judgedCount > 0)
    }

    @Test(
        "nothing is found without a broken rule, in what the broken ones are looked for in",
        arguments: [true, false]
    )
    func controls(syncs: Bool) throws {
        let profile = Self.profile("control, \(syncs ? "with" : "without") syncs")
        let report = try judge(profile, syncs: syncs, prefersMixtures: true, share: 0.1)
        #expect(report.failureCount == 0 && report.judgedCount > 0)
    }

    #if REDOUBT_INTERLEAVING
    @Test(
        "a broken rule is found out",
        arguments: [CleanerFault.forgetsUnsyncedSectors, .losesChangedSector, .forgetsUnsyncedSegments]
    )
    func broken(_ fault: CleanerFault) throws {
        // Where copies are overwritten too early, the ring must go round between two syncs.
        let syncs = fault != .forgetsUnsyncedSegments
        let profile = Self.profile("\(fault)")
        let report = try judge(profile, syncs: syncs, prefersMixtures: true, breaking: fault, share: 0.1)
        #expect(report.failureCount > 0)
    }
    #endif
}
