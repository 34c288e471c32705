import RedoubtCore
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import Testing

/// Goal: schedules by priorities find what needs one thread to run far ahead of another, which uniform ones do not, and
/// are histories of their seed as well. Method: a race of three orders, seed by seed until it shows.
@Suite(.timeLimit(.minutes(20))) struct ScheduleChoiceTests {
    /// Two threads on one word. Wrong if the second one looks between the first one's two looks, and once more behind
    /// them: three orders have to be right, of which the first asks the first thread to run ten steps ahead.
    private static func raceShows(_ seed: UInt64, _ choice: ScheduleChoice) -> (shows: Bool, hash: UInt64) {
        let scheduler = SimulatedScheduler(seed: seed, choice: choice)
        let shows = scheduler.run { () -> Bool in
            let race = Race()
            let gate = Event()
            let ticket = gate.ticket
            let first = started("first") {
                _ = gate.wait(ticket)
                for _ in 0..<10 { Scheduling.yield() }
                race.move(from: 0, to: 1)
                Scheduling.yield()
                race.move(from: 2, to: 3)
            }
            let second = started("second") {
                _ = gate.wait(ticket)
                race.move(from: 1, to: 2)
                for _ in 0..<10 { Scheduling.yield() }
                race.move(from: 3, to: 4)
            }
            gate.signal()
            Scheduling.join(first)
            Scheduling.join(second)
            return race.place.load(ordering: .relaxed) == 4
        }
        return (shows, scheduler.traceHash)
    }

    /// The seeds that it takes on average until the race shows.
    private static func seedsNeeded(_ choice: ScheduleChoice, limit: UInt64) -> Double {
        var found = 0
        for seed in 1...limit where raceShows(seed, choice).shows { found += 1 }
        return found == 0 ? .infinity : Double(limit) / Double(found)
    }

    @Test func `a race of depth three shows sooner with priorities than with equal chances`() {
        let priorities = Self.seedsNeeded(.priorities(changes: 2, steps: 36), limit: 1000)
        let uniform = Self.seedsNeeded(.uniform, limit: 3000)
        print("a race of depth 3 shows once in \(priorities) seeds by priorities, in \(uniform) seeds uniformly")
        #expect(priorities < 400 && priorities * 10 < uniform)
    }

    @Test func `one seed is one history, by priorities as well`() {
        for seed in UInt64(1)...5 {
            let one = Self.raceShows(seed, .priorities(changes: 2, steps: 36))
            let other = Self.raceShows(seed, .priorities(changes: 2, steps: 36))
            #expect(one == other)
        }
        let hashes = Set((UInt64(1)...20).map { Self.raceShows($0, .priorities(changes: 2, steps: 36)).hash })
        #expect(hashes.count > 3)
    }

    @Test(arguments: UInt64(1)...8) func `who polls does not hold up for ever what it waits for`(_ seed: UInt64) {
        SimulatedScheduler(seed: seed, choice: .priorities(changes: 3)).run {
            let race = Race()
            let pollers = (0..<3).map { number in
                started("poller \(number)") {
                    while race.place.load(ordering: .relaxed) != number { Scheduling.yield() }
                    race.place.store(number + 1, ordering: .relaxed)
                }
            }
            for poller in pollers { Scheduling.join(poller) }
        }
    }
}

/// A number that threads move on.
private final class Race: Sendable {
    let place = Atomic<Int>(0)

    func move(from old: Int, to new: Int) {
        if place.load(ordering: .relaxed) == old { place.store(new, ordering: .relaxed) }
    }
}
