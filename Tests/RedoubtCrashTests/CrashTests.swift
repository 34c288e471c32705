import Redoubt
import RedoubtSimulation
import TestSupport
import Testing

@testable import RedoubtSiege

/// Goal: whatever a power cut leaves, the database recovers to the content after exactly n commits, where every
/// acknowledged one is among them and none that was not issued; twice the same; with every structure sound.
/// Method: a sample of what `siege run` judges; and what that rests on: runs that repeat, traces that cannot be forged.
@Suite(.serialized, .timeLimit(.minutes(30))) struct CrashTests {
    @Test("power cuts of a workload are recovered from", arguments: CrashProfile.all)
    func powerCuts(_ profile: CrashProfile) throws {
        var budget = EngineBudget()
        budget.statesPerPoint = CrashBudget.statesPerPoint
        var figures = EnginePowerCuts.Figures()
        let seconds = CrashBudget.seconds(share: profile.share)
        print(try EnginePowerCuts.judge(profile, seed: CrashBudget.seed, budget, seconds: seconds, into: &figures))
        #expect(figures.violations == [] && figures.violationCount == 0)
        #expect(figures.stateCount > 0 && figures.pointCount > 0)
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
