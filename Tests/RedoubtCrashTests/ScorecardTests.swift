import RedoubtSimulation
import RedoubtSystem
import SiegeKit
import Testing

@testable import RedoubtSiege

/// Goal: the page of figures says what happened, and a run that proves nothing is not called good. Method: pages with
/// one thing wrong each; bit flips and lines of other programs.
@Suite struct ScorecardTests {
    private var good: Scorecard {
        var card = Scorecard()
        card.add("Power cuts", "crash points", 20_000, atLeast: 20_000)
        card.add("Power cuts", "violations", 0, exactly: 0)
        return card
    }

    @Test func `a page is good only if nothing is wrong`() {
        #expect(good.conclusion == .good)
        var card = good
        card.add("Faults", "runs", 19_999, atLeast: 20_000)
        #expect(card.conclusion == .wrong && card.markdown.contains("| runs | 19,999 | at least 20,000 | MISSED |"))
        card = good
        card.add(violation: "row 7 is missing")
        #expect(card.conclusion == .wrong && card.markdown.contains("row 7 is missing"))
    }

    @Test func `a smoke run has no goals but those about what is wrong`() {
        var card = Scorecard(isSmoke: true)
        card.add("Power cuts", "crash points", 7, atLeast: 20_000)
        #expect(card.conclusion == .partial && !card.markdown.contains("MISSED"))
        card.add("Power cuts", "violations", 1, exactly: 0)
        #expect(card.conclusion == .wrong)
    }

    @Test func `a page of which a part was not run is no result`() {
        var card = good
        card.leaveOut("Fuzzing", "there is no fuzzer")
        #expect(card.conclusion == .partial && card.markdown.contains("it is no result"))
        #expect(card.markdown.contains("- Fuzzing: there is no fuzzer"))
    }

    @Test func `a page without its canaries is no result, whatever else it says`() {
        var card = good
        card.add(missedCanary: "skipsLogSync")
        #expect(card.conclusion == .unproven && card.markdown.contains("Not a result"))
        #expect(!card.markdown.contains("Nothing was wrong"))
    }

    private static func outcomes(_ kind: FaultKind, runs: Int, older: Int = 0, wrong: Int = 0) -> FaultOutcomes {
        var outcomes = FaultOutcomes(kind)
        outcomes.runCount = runs
        outcomes.survivedCount = runs - older - wrong
        outcomes.lostCount = older
        outcomes.wrongCount = wrong
        return outcomes
    }

    @Test(arguments: EngineFaults.damagedRoles) func `a row with wrong content misses its goal`(_ role: FileRole) {
        for effect in [SimulatedFault.Effect.bitFlip, .misdirected, .lost] {
            let kind = FaultKind(.write, effect, role: role)
            let isMet = { EngineFaults.damageFigure(effect, role, [$0]).isMet }
            #expect(isMet(Self.outcomes(kind, runs: 10)))
            #expect(!isMet(Self.outcomes(kind, runs: 10, wrong: 1)), "\(effect) of \(role)")
            // Of page writes that are lost or misdirected a few may: there is no ledger of them.
            let isSomeAllowed = effect != .bitFlip && role == .data
            #expect(isMet(Self.outcomes(kind, runs: 500, wrong: 25)) == isSomeAllowed)
            #expect(!isMet(Self.outcomes(kind, runs: 500, wrong: 26)))
            #expect(!isMet(Self.outcomes(kind, runs: 0)), "nothing was tried")
            // Older content is all that may go unnoticed, and only where no checksum can tell.
            let isOlderAllowed = effect != .bitFlip || role == .redo
            #expect(isMet(Self.outcomes(kind, runs: 10, older: 1)) == isOlderAllowed)
        }
    }

    @Test func `a canary that was missed, or that nobody made, leaves no result`() {
        var card = good
        card.add("Faults", "disks", canaries: [Verdict.Canary(name: "one", caughtAfter: 1)])
        #expect(card.conclusion == .good && card.markdown.contains("| disks | 1 of 1 | all | ok |"))
        for canaries in [[], [Verdict.Canary(name: "one", caughtAfter: nil)]] {
            card = good
            card.add("Faults", "disks", canaries: canaries)
            #expect(card.conclusion == .unproven && card.missedCanaries.count == 1)
        }
    }

    @Test func `a kind of fault that fires nowhere misses its goal, and delays are no failures`() {
        var verdict = Verdict()
        verdict.canaries = [Verdict.Canary(name: "one", caughtAfter: 1)]
        verdict.outcomes = EngineFaults.kinds.map { Self.outcomes($0, runs: 1000) }
        var card = Scorecard()
        EngineFaults.addRuns(verdict, &card)
        #expect(card.conclusion == .good, "\(card.markdown)")
        #expect(!EngineFaults.kinds.contains { $0.operation == .truncate } && card.markdown.contains("truncate: "))
        for (number, kind) in EngineFaults.kinds.enumerated() {
            var silent = verdict
            silent.outcomes[number].runCount = 0
            card = Scorecard()
            EngineFaults.addRuns(silent, &card)
            #expect(card.conclusion == .wrong, "\(kind)")
        }
        verdict.outcomes = EngineFaults.kinds.map { kind in
            if case .failure = kind.effect { Self.outcomes(kind, runs: 1) } else { Self.outcomes(kind, runs: 30_000) }
        }
        card = Scorecard()
        EngineFaults.addRuns(verdict, &card)
        #expect(card.conclusion == .wrong, "30,000 delays are no failures")
    }

    @Test func `figures of other programs come back as they were written`() throws {
        let figure = Scorecard.Figure("Fuzzing", "executions", "1,234", goal: "at least 100", isMet: true)
        #expect(Scorecard.Figure(line: Substring(figure.line)) == figure)
        for line in ["", "a\tb\tc\td", "a\tb\tc\td\t2", "a\tb\tc\td\t1\te"] {
            #expect(Scorecard.Figure(line: Substring(line)) == nil, "\(line)")
        }
        #expect([0, 999, 1000, -1_234_567].map(Scorecard.grouped) == ["0", "999", "1,000", "-1,234,567"])
    }

    @Test func `whole databases with a flipped bit are refused or read rightly`() throws {
        let tallies = try BitFlips.openings(60)
        #expect(tallies.count >= 3 && tallies.allSatisfy { $0.tried > 0 && $0.believed == 0 }, "\(tallies)")
    }

    @Test func `a flipped bit in a copy that a torn page needs is refused`() throws {
        let database = try SoundDatabase(.powerCut)
        #expect(!database.tornPages.isEmpty)
        #expect(try SoundDatabase.content(of: database.image, seed: 1) == database.hash)
        let tallies = try BitFlips.openings(120)
        let torn = try #require(tallies.first { $0.name == BitFlips.tornCopies })
        #expect(torn.tried >= 10 && torn.noticed > 0 && torn.believed == 0 && torn.older == 0, "\(torn)")
    }
}
