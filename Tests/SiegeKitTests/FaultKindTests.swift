import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import SiegeKit
import Testing

/// Goal: the kinds of faults find what their aftermaths and effects are about, and count what nobody promises.
/// Method: small logs with planted mistakes, each kind at every call.
@Suite(.timeLimit(.minutes(20))) struct FaultKindTests {
    private static func budget(_ world: SiegeBudget.World = .oneThread) -> SiegeBudget {
        var budget = SiegeBudget()
        budget.world = world
        budget.checkingWorld = .oneThread
        return budget
    }

    private static func isFound(
        _ reaction: SyncStore.Reaction,
        _ aftermath: SyncAftermath,
        _ world: SiegeBudget.World
    ) throws -> Bool {
        let error = SimulatedFault.Effect.failure(errno: SimulatedFault.inputOutputError)
        let kind = FaultKind(.sync, error, aftermath: aftermath)
        let verdict = try Siege.faults(Self.budget(world), [kind]) { world in
            try SyncStore.write(world, reaction)
        } check: { disk in
            [try SyncStore.recover(disk, reaction)]
        }
        #expect(verdict.faultRunCount == SyncStore.count)
        #expect(verdict.canaries.allSatisfy { $0.caughtAfter != nil })
        return verdict.violationCount > 0
    }

    @Test(arguments: [SiegeBudget.World.oneThread, .threads]) func `each aftermath finds its own mistakes`(
        _ world: SiegeBudget.World
    ) throws {
        let expected: [SyncStore.Reaction: [SyncAftermath]] = [
            .stops: [],
            .retries: SyncAftermath.allCases,
            // What went back is not there to be found.
            .looks: [.uncertain, .keptClean, .reportedLate, .keptUnallocated],
            .writesAgain: [],
            // A size without bytes; what is uncertain leaves it only where a cut is drawn so.
            .countsBySize: [.keptClean, .reportedLate],
        ]
        for reaction in SyncStore.Reaction.allCases {
            let found = try SyncAftermath.allCases.filter { try Self.isFound(reaction, $0, world) }
            #expect(found == expected[reaction], "\(reaction)")
        }
    }

    private static func damage(_ effect: SimulatedFault.Effect, _ mistake: LogStore.Mistake) throws -> Verdict {
        try Siege.faults(Self.budget(), FaultKind.damage().filter { $0.effect == effect }) { world in
            try LogStore.write(world, mistake)
        } check: { disk in
            do {
                return [try LogStore.recover(disk, mistake)]
            } catch let error as RedoubtError where error.code == .corruptPage {
                // The store took it for right.
                return []
            }
        }
    }

    private static func wrongCount(_ verdict: Verdict) -> Int { verdict.outcomes.reduce(0) { $0 + $1.wrongCount } }

    @Test func `flipped bits are found where a checksum is not looked at, and cost the end of a log`() throws {
        let right = try Self.damage(.bitFlip, .none)
        #expect(Self.wrongCount(right) == 0, "\(right)")
        // A record that is gone is not detected by a log alone: that is what the promise forbids.
        #expect(!right.isGood && right.undetectedCount == LogStore.count)
        #expect(Self.wrongCount(try Self.damage(.bitFlip, .missingChecksum)) > 0)
    }

    @Test func `misdirected writes are found where a checksum does not say what it belongs to`() throws {
        let verdict = try Self.damage(.misdirected, .none)
        #expect(Self.wrongCount(verdict) > 0, "\(verdict)")
    }

    @Test func `every lost write of a log is undetected`() throws {
        let verdict = try Self.damage(.lost, .none)
        #expect(verdict.isGood && verdict.undetectedCount == LogStore.count, "\(verdict)")
    }

    @Test func `where nothing is promised outcomes are counted and printed`() throws {
        let verdict = try Siege.faults(Self.budget(), FaultKind.damage(promise: .nothing)) { world in
            try LogStore.write(world, .none)
        } check: { disk in
            [try LogStore.recover(disk, .none)]
        }
        #expect(verdict.isGood && verdict.undetectedCount > 0, "\(verdict)")
        #expect(verdict.description.contains("\(verdict.undetectedCount) undetected"))
        #expect(verdict.description.contains("lost of write: \(LogStore.count) runs, 0 survived, 0 detected"))
    }

    @Test func `a delay that makes a program fail is a violation`() throws {
        let kind = FaultKind(.write, .delay(microseconds: 50_000))
        let verdict = try Siege.faults(Self.budget(), [kind]) { world in
            let begin = Scheduling.now()
            try LogStore.write(world, .none)
            if Scheduling.now().nanoseconds(since: begin) > 40_000_000 { throw RedoubtError(.systemLimit, "too slow") }
        } check: { disk in
            [try LogStore.recover(disk, .none)]
        }
        #expect(verdict.violationCount == LogStore.count, "\(verdict)")
    }

    @Test func `what a program says to be wrong is a violation, or counted`() throws {
        for (promise, count) in [(FaultKind.Promise.detection, LogStore.count), (.nothing, 0)] {
            let kind = FaultKind(.write, .bitFlip, promise: promise)
            let verdict = try Siege.faults(Self.budget(), [kind]) { world in
                try LogStore.write(world, .none)
                world.wrong("a row has another value")
            } check: { _ in
                throw RedoubtError(.corruptPage, "refused")
            }
            #expect(verdict.violationCount == count && verdict.outcomes[0].wrongCount == LogStore.count, "\(verdict)")
        }
    }
}
