import RedoubtCore
import RedoubtPolicy
import Testing

@testable import RedoubtEngine

/// Goal: a round gives out exactly the pages that were recommended, a paced one evenly over its time.
///
/// Method: rounds walked through in virtual time, with beats that write all, some or none of what is due.
@Suite struct CleanerRoundTests {
    private func recommendation(_ pages: [Int], nextRound: UInt64, isPaced: Bool) -> FlushingRecommendation {
        var result = FlushingRecommendation(instanceCount: pages.count, lruPages: 1)
        result.listPages = pages
        result.nextRound = nextRound
        result.isPaced = isPaced
        return result
    }

    @Test("A paced round is served in equal parts until its end", arguments: [50_000_000, 1_000_000_000] as [UInt64])
    func paced(_ length: UInt64) {
        let pages = [100, 37, 0]
        var round = CleanerRound(recommendation(pages, nextRound: length, isPaced: true), at: 1000)
        var served = [0, 0, 0]
        var now: UInt64 = 1000
        var beats = 0
        while now < round.end {
            for (number, due) in round.due(at: now, most: .max).enumerated() {
                served[number] += due
                round.note(number, written: due, isAtEnd: false)
            }
            beats += 1
            let share = Double(now - 1000 + round.beat) / Double(length)
            #expect(abs(Double(served[0]) - 100 * share) <= 5.1, "\(served[0]) pages after \(share)")
            let next = round.nextBeat(after: now)
            #expect(next > now)
            now = next
        }
        #expect(served == pages && beats >= 10 && now == round.end)
    }

    @Test("A round without pace is due at once, in beats of a bounded size")
    func atOnce() {
        var round = CleanerRound(recommendation([10, 3], nextRound: 1_000_000_000, isPaced: false), at: 5)
        #expect(round.due(at: 5, most: 4) == [4, 3])
        round.note(0, written: 4, isAtEnd: false)
        round.note(1, written: 3, isAtEnd: false)
        #expect(round.nextBeat(after: 6) == 6)
        #expect(round.due(at: 6, most: 4) == [4, 0])
        round.note(0, written: 0, isAtEnd: true)
        #expect(round.due(at: 7, most: 4) == [0, 0])
        #expect(round.nextBeat(after: 7) == round.end)
    }

    @Test("What a beat could not write stays due")
    func late() {
        var round = CleanerRound(recommendation([100], nextRound: 100_000_000, isPaced: true), at: 0)
        #expect(round.due(at: 0, most: .max) == [5])
        round.note(0, written: 1, isAtEnd: false)
        #expect(round.due(at: 50_000_000, most: .max) == [54])
        #expect(round.due(at: 50_000_000, most: 8) == [8])
    }
}
