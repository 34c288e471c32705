import RedoubtSimulation
import RedoubtSystem
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

    @Test func `writes that are all or nothing fail too, and calls take longer where threads notice`() throws {
        let kinds = EngineFaults.kinds.filter { kind in
            if case .delay = kind.effect { return kind.operation == .sync }
            return kind.operation == .atomicWrite
        }
        let verdict = try EngineFaults.run(seed: CrashBudget.seed, kinds: kinds)
        #expect(verdict.isGood && verdict.canaries.count == 2, "\(verdict)")
        #expect(Set(verdict.outcomes.map(\.kind)) == Set(kinds) && verdict.outcomes.allSatisfy { $0.runCount > 0 })
    }

    @Test func `bits flipped in copies that torn pages need are detected`() throws {
        let damage = try EngineFaults.damage(seed: CrashBudget.seed)
        let copies = try #require(damage.first { $0.role == .doublewrite }).verdict
        let flips = copies.outcomes.filter { $0.kind.effect == .bitFlip }
        #expect(flips.contains { $0.detectedCount > 0 } && flips.allSatisfy { $0.undetectedCount == 0 }, "\(copies)")
    }
}
