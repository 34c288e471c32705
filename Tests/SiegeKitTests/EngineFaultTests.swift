import Foundation
import Redoubt
import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import SiegeKit
import Testing

@testable import RedoubtSiege

/// Goal: whatever a device does to a call of the engine, what was promised holds: nothing is lost by errors, syncs that
/// fail in any way, delays and short transfers; damaged pages are detected; what nobody can detect is counted.
/// Method: a small workload with a reopening in its middle, each kind of fault at call 0, 1, 2 ... until it does not
/// fire; what power cuts and a kill leave is recovered and compared with the model.
///
/// `REDOUBT_FAULT_SEEDS` sets the number of workloads, 1 if it is not set; if it is, errors of every call are tried as
/// well, which `FaultIndexTests` does anyway.
@Suite(.serialized, .timeLimit(.minutes(30))) struct EngineFaultTests {
    private static let isSoaking = ProcessInfo.processInfo.environment["REDOUBT_FAULT_SEEDS"] != nil

    private static let seeds: ClosedRange<UInt64> = {
        let count = ProcessInfo.processInfo.environment["REDOUBT_FAULT_SEEDS"].flatMap { UInt64($0) } ?? 1
        return 1...max(1, count)
    }()

    private static func siege(
        _ name: String,
        _ kinds: [FaultKind],
        hasThreads: Bool = false,
        seed: UInt64
    ) throws -> Verdict {
        let run = FaultRun(seed: seed, hasThreads: hasThreads)
        let model = try run.model()
        var budget = SiegeBudget()
        budget.seed = seed
        budget.world = hasThreads ? .threads : .oneThread
        budget.checkingWorld = .oneThread
        let verdict = try Siege.faults(budget, kinds) { world in
            _ = try run.write(world.storage) { world.wrong($0) }
        } check: { disk in
            try run.recover(disk, model)
        }
        let rate = Int(Double(verdict.faultRunCount) / max(0.001, verdict.seconds))
        print("engine faults, \(name), seed \(seed): \(rate) runs/s, \(verdict)")
        #expect(verdict.faultRunCount > 0 && verdict.canaries.allSatisfy { $0.caughtAfter != nil })
        return verdict
    }

    private static func kinds(_ role: FileRole, _ effect: SimulatedFault.Effect) -> [FaultKind] {
        FaultKind.damage(role, promise: effect == .lost ? .nothing : .detection).filter { $0.effect == effect }
    }

    @Test(arguments: seeds) func `no error, delay, short transfer or failed sync loses what was acknowledged`(
        _ seed: UInt64
    ) throws {
        let kinds = FaultKind.all.filter { $0.promise == .noEffect || $0.operation == .sync || Self.isSoaking }
        let verdict = try Self.siege("everything of which nothing may be lost", kinds, seed: seed)
        #expect(verdict.isGood && verdict.undetectedCount == 0, "\(verdict)")
    }

    @Test(arguments: seeds) func `with all threads no failed sync and no delay loses what was acknowledged`(
        _ seed: UInt64
    ) throws {
        let kinds = FaultKind.all.filter { kind in
            if case .delay = kind.effect { return kind.operation == .write && !kind.isPermanent }
            return kind.operation == .sync && !kind.isPermanent
        }
        let verdict = try Self.siege("threads", kinds, hasThreads: true, seed: seed)
        #expect(verdict.isGood && verdict.undetectedCount == 0, "\(verdict)")
    }

    @Test(arguments: seeds) func `a flipped bit of a page or of its copy is detected or does no harm`(
        _ seed: UInt64
    ) throws {
        let kinds = [FileRole.data, .doublewrite, .control].flatMap { Self.kinds($0, .bitFlip) }
        let verdict = try Self.siege("flipped bits", kinds, seed: seed)
        #expect(verdict.isGood && verdict.undetectedCount == 0, "\(verdict)")
    }

    @Test(arguments: seeds) func `damage of the redo log costs its end at most`(_ seed: UInt64) throws {
        let kinds = FaultKind.damage(.redo, promise: .nothing)
        let verdict = try Self.siege("damaged redo", kinds, seed: seed)
        #expect(verdict.isGood, "\(verdict)")
        #expect(verdict.outcomes.allSatisfy { $0.kind.effect == .lost || $0.wrongCount == 0 })
    }

    @Test(arguments: seeds) func `misdirected and lost page writes are counted`(_ seed: UInt64) throws {
        let kinds = [FileRole.data, .doublewrite].flatMap {
            FaultKind.damage($0, promise: .nothing).filter { $0.effect != .bitFlip }
        }
        let verdict = try Self.siege("misdirected and lost", kinds, seed: seed)
        #expect(verdict.isGood, "\(verdict)")
    }
}
