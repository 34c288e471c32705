import Redoubt
import RedoubtSimulation
import TestSupport
import Testing

/// Goal: whatever a power cut leaves, the database recovers to the content after exactly n commits, where every
/// acknowledged one is among them and none that was not issued; twice the same; with every structure sound.
/// Method: each workload is run once in a simulated world and recorded; power is cut after every I/O, and every listed
/// choice over the writes not yet synced is recovered and compared with the model.
@Suite(.serialized, .timeLimit(.minutes(30))) struct CrashTests {
    @Test("every power cut of a workload is recovered from", arguments: CrashBudget.seeds, CrashProfile.all)
    func powerCuts(_ seed: UInt64, _ profile: CrashProfile) throws {
        let run = try CrashRun(profile, seed: seed)
        if profile.wrapsLog {
            let options = EngineClient.configuration.redoLog
            let capacity = UInt64(options.capacity.rawValue)
            #expect(run.redo.lowerBound > capacity, "the recording begins before a redo file is used again")
            #expect(run.redo.count > options.capacity.rawValue / options.fileCount, "it goes on to no other file")
        }
        #expect(WriteTrace(run.storage.trace).breaches == [])
        let asked = run.storage.trace.contains { if case .mark(.note("checkpoint")) = $0 { true } else { false } }
        #expect(run.flushing.checkpointCount > 0 || !asked)
        let explorer = run.explorer()
        let nested = CrashRun.NestedCounts()
        let report = explorer.judge(
            seconds: CrashBudget.seconds(share: profile.share / Double(CrashBudget.seeds.count)),
            only: CrashBudget.only
        ) { state in
            try run.judge(state, nestedShare: CrashBudget.nestedShare, nested)
        }
        print("crash test, \(profile.name), seed \(seed): \(report); nested: \(nested)")
        CrashTotals.add(report, nested)
        for failure in report.failures.prefix(3) {
            print(explorer.excerpt(around: failure.point))
            print("replay: \(CrashBudget.replay(profile.name, failure.key, seed: seed))")
        }
        #expect(report.failureCount == 0)
        #expect(CrashBudget.only != nil || report.judgedCount > 0)
    }

    @Test(arguments: FlushTrace.Control.all)
    func `a recorded trace that was tampered with is found out`(_ control: FlushTrace.Control) throws {
        let profile = CrashProfile("tampered", share: 0, preparationCount: 60, operationCount: 40, isClosing: true) {
            $0.checkpoint = 20
        }
        let storage = try CrashRun(profile, seed: CrashBudget.seed).storage
        let trace = FlushTrace.tampered(storage.trace, start: storage.startImage, control)
        let judged = FlushTrace(start: storage.startImage, trace: trace)
        #expect(judged.notices(control), "\(judged.breaches.prefix(3))")
    }

    @Test func `a workload recorded twice leaves the same trace`() throws {
        let profile = CrashProfile("repeated", share: 0, preparationCount: 20, operationCount: 30)
        let first = try CrashRun(profile, seed: CrashBudget.seed)
        let second = try CrashRun(profile, seed: CrashBudget.seed)
        let (left, right) = (first.storage.trace, second.storage.trace)
        for index in 0..<min(left.count, right.count) where "\(left[index])" != "\(right[index])" {
            Issue.record("event \(index): \(left[index]) and \(right[index])")
            break
        }
        #expect(left.count == right.count)
        #expect(first.scheduleHash == second.scheduleHash)
    }
}
