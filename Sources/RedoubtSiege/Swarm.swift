import RedoubtCore
package import RedoubtSimulation
import RedoubtSystem
import Synchronization

/// What the simulations of many seeds came to, each run twice.
package struct SwarmReport: Sendable, CustomStringConvertible {
    /// The seeds, each of which was run twice.
    package var seedCount = 0
    /// The simulations.
    package var simulationCount: Int { 2 * seedCount }
    /// The operations of clients.
    package var operationCount = 0
    /// The disks that power cuts and kills left, recovered and judged.
    package var cutCount = 0
    /// The blocking points passed.
    package var stepCount = 0
    /// The events of the disks.
    package var eventCount = 0
    /// The seeds whose database was fenced by an error of the disk.
    package var fencedCount = 0
    /// The seeds whose schedule went by priorities.
    package var priorityCount = 0
    /// The longest virtual time of an operation, in nanoseconds.
    package var longestNanoseconds: UInt64 = 0
    /// The seeds whose two runs differed.
    package var differingSeeds: [UInt64] = []
    /// What was wrong, with the seed that repeats it.
    package var violations: [String] = []
    /// The real time in seconds.
    package var seconds = 0.0

    /// Simulations an hour.
    package var rate: Int { seconds > 0 ? Int(Double(simulationCount) * 3600 / seconds) : 0 }

    /// The figures in one line, and what was wrong.
    package var description: String {
        let line =
            "\(seedCount) seeds run twice (\(priorityCount) by priorities), \(rate) simulations an hour, "
            + "\(operationCount) operations, \(cutCount) power cuts and kills recovered, \(fencedCount) fenced, "
            + "\(stepCount) steps, \(eventCount) events, longest operation \(longestNanoseconds / 1_000_000) ms, "
            + "\(differingSeeds.count) seeds with two histories, \(violations.count) violations"
        let different = differingSeeds.prefix(5).map { "  seed \($0) has two histories" }
        return ([line] + different + violations.prefix(20).map { "  \($0)" }).joined(separator: "\n")
    }

    mutating func add(_ first: SwarmOutcome, _ second: SwarmOutcome) {
        seedCount += 1
        operationCount += first.operationCount + second.operationCount
        cutCount += first.cutCount + second.cutCount
        stepCount += first.stepCount + second.stepCount
        eventCount += first.eventCount + second.eventCount
        if first.isFenced { fencedCount += 1 }
        if first.configuration.choice != .uniform { priorityCount += 1 }
        longestNanoseconds = max(longestNanoseconds, first.longestNanoseconds)
        if first.hash != second.hash || first.stepCount != second.stepCount || first.eventCount != second.eventCount {
            differingSeeds.append(first.configuration.seed)
        }
        for wrong in first.violations { violations.append("\(wrong) [\(first.configuration)]") }
    }
}

/// The simulations of many seeds.
package enum Swarm {
    private struct State: Sendable {
        var next: UInt64
        var report = SwarmReport()
    }

    /// Runs simulations, one seed after the other from `first` on, until one finds something wrong; returns how many
    /// that took and what it was, or nil if none of `limit` does.
    ///
    /// For mistakes that are planted on purpose. With `choice` all go by that, else each by its own.
    package static func hunt(
        limit: Int,
        first: UInt64 = 1,
        choice: ScheduleChoice? = nil
    ) -> (count: Int, wrong: String)? {
        let memory = KeptMemory()
        for number in 0..<limit {
            var configuration = SwarmConfiguration(seed: first + UInt64(number))
            if let choice { configuration.choice = choice }
            let outcome = SwarmWorld(configuration, memory).run()
            if let wrong = outcome.violations.first { return (number + 1, wrong) }
        }
        return nil
    }

    /// Runs the simulations of `seeds`, each twice, on several threads, each bound to a processor.
    ///
    /// Waits until all are done or the time is out.
    package static func run(_ seeds: ClosedRange<UInt64>, seconds: Double? = nil, threadCount: Int = 2) -> SwarmReport {
        Scheduling.keepHeap()
        let begin = Scheduling.now()
        let deadline = seconds.map { begin.advanced(milliseconds: Int($0 * 1000)) }
        let state = Mutex(State(next: seeds.lowerBound))
        let work = { @Sendable in
            let memory = KeptMemory()
            while true {
                if let deadline, Scheduling.now() >= deadline { return }
                let taken = state.withLock { state -> UInt64? in
                    guard state.next <= seeds.upperBound else { return nil }
                    state.next += 1
                    return state.next - 1
                }
                guard let seed = taken else { return }
                let (first, second) = UnderJudgement.noting(.schedules, seed: seed) {
                    (SwarmWorld.run(seed: seed, memory: memory), SwarmWorld.run(seed: seed, memory: memory))
                }
                state.withLock { $0.report.add(first, second) }
            }
        }
        var threads: [EngineThread] = []
        for number in 0..<max(1, threadCount) {
            do throws(RedoubtError) {
                threads.append(
                    try Scheduling.startOnSystem("swarm \(number)") {
                        Scheduling.pin(to: number)
                        work()
                    }
                )
            } catch {
                break
            }
        }
        if threads.isEmpty { work() }
        for thread in threads { Scheduling.joinOnSystem(thread) }
        var report = state.withLock { $0.report }
        report.seconds = Double(Scheduling.now().nanoseconds(since: begin)) / 1e9
        return report
    }
}
