import RedoubtSimulation
import SiegeKit
import Testing

@testable import RedoubtSiege

/// Goal: whatever call of the disk fails, once or for ever, no acknowledged write is lost and the database opens.
/// Method: one workload of those that `siege faults` runs.
@Suite(.serialized, .timeLimit(.minutes(20))) struct FaultIndexTests {
    @Test func `no fault at any call loses what was acknowledged`() throws {
        let kinds = FaultKind.all.filter { !$0.isPermanent && [.write, .sync].contains($0.operation) }
        let verdict = try EngineFaults.run(seed: CrashBudget.seed, kinds: kinds)
        #expect(verdict.isGood, "\(verdict)")
        #expect(verdict.faultRunCount > 100)
    }
}
