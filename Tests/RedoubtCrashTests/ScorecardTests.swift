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
}
