import RedoubtCore

/// How a simulated schedule chooses who runs next.
public enum ScheduleChoice: Sendable, Hashable {
    /// Each of those that can run, with equal probability, at every step.
    case uniform
    /// The one with the highest priority: each thread has a random one from its start, and at so many steps, drawn from
    /// the first `steps`, the thread that runs gets one below all others.
    ///
    /// Finds a bug for which d things have to happen in one order, among n threads and k steps, with a probability of
    /// at least 1 in n * k^(d - 1) for d - 1 changes (Burckhardt et al., "A randomized scheduler with probabilistic
    /// guarantees of finding bugs", ASPLOS 2010): also where one thread has to run far ahead of another, which no
    /// uniform choice does. Who could run and was passed over 2000 times in a row gets the highest priority, so that
    /// nobody waits for ever for a thread that polls.
    case priorities(changes: Int, steps: Int = 20_000)
}

/// The priorities of the threads of a schedule.
struct SchedulePriorities: Sendable {
    private static let patience = 2000

    private var random: SeededRandom
    private var changePoints: Set<Int> = []
    private var priorities: [Int64] = []
    private var passedOver: [Int] = []
    private var lowest: Int64 = 0
    private var highest = Int64.max / 2

    init(seed: UInt64, changes: Int, steps: Int) {
        random = SeededRandom(seed: seed ^ 0x9C7)
        for _ in 0..<changes { changePoints.insert(1 + random.below(max(1, steps))) }
    }

    /// Gives the next thread its priority.
    mutating func add() {
        priorities.append(1 + Int64(random.below(1 << 40)))
        passedOver.append(0)
    }

    /// Returns the thread of `runnable`, which is not empty, that runs after step number `step` of thread `stepping`.
    mutating func choose(_ runnable: [Int], after stepping: Int, step: Int) -> Int {
        if changePoints.contains(step) {
            lowest -= 1
            priorities[stepping] = lowest
        }
        for thread in runnable {
            passedOver[thread] += 1
            guard passedOver[thread] > Self.patience else { continue }
            highest += 1
            priorities[thread] = highest
        }
        var chosen = runnable[0]
        for thread in runnable where priorities[thread] > priorities[chosen] { chosen = thread }
        passedOver[chosen] = 0
        return chosen
    }
}
