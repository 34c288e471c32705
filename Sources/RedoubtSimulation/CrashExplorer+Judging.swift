import RedoubtCore
import RedoubtSystem
import Synchronization

extension CrashExplorer {
    /// Judges the states on several threads, each state in a world of its own.
    ///
    /// Waits until all are judged or the time is out; states are then left out by a seeded draw.
    ///
    /// - Parameters:
    ///   - threadCount: The threads of the operating system.
    ///   - seconds: The most real time, or nil for no limit.
    ///   - only: The key of the only state to judge, for a replay.
    ///   - judge: Recovers from the state and returns the numbers of commits after which the content was what it found
    ///     (several, if commits undid each other), or throws what is wrong. It is not called for a state with the bytes
    ///     of one that was judged before; the bounds are checked all the same.
    public func judge(
        threadCount: Int = 2,
        seconds: Double? = nil,
        only: UInt64? = nil,
        _ judge: @escaping @Sendable (CrashState) throws -> [Int]
    ) -> CrashReport {
        let bench = Bench(self, judge)
        let begin = Scheduling.now()
        let deadline = seconds.map { begin.advanced(milliseconds: Int($0 * 1000)) }
        var order = Array(candidates.indices)
        if let only {
            order = order.filter { candidates[$0].key == only }
        } else if deadline != nil {
            var random = SeededRandom(seed: 0x5EED)
            order.shuffle(using: &random)
        }
        let roundSize = deadline == nil ? max(1, order.count) : 4000
        var next = 0
        while next < order.count {
            if let deadline, Scheduling.now() >= deadline { break }
            let round = order[next..<min(order.count, next + roundSize)].sorted()
            next += round.count
            bench.run(round, threadCount: threadCount, deadline: deadline)
        }
        var report = bench.report
        report.pointCount = pointCount
        report.listedCount = listedCount
        report.stateCount = only == nil ? candidates.count : order.count
        report.seconds = Double(Scheduling.now().nanoseconds(since: begin)) / 1e9
        return report
    }
}

/// The verdicts so far, shared by the judging threads.
private final class Bench: Sendable {
    private struct Verdicts: Sendable {
        var found: [UInt64: [Int]] = [:]
        var report = CrashReport()
    }

    private let explorer: CrashExplorer
    private let judge: @Sendable (CrashState) throws -> [Int]
    private let verdicts = Mutex(Verdicts())

    init(_ explorer: CrashExplorer, _ judge: @escaping @Sendable (CrashState) throws -> [Int]) {
        self.explorer = explorer
        self.judge = judge
    }

    var report: CrashReport { verdicts.withLock { $0.report } }

    /// Judges the candidates at `indices`, which ascend by crash point.
    func run(_ indices: [Int], threadCount: Int, deadline: EngineInstant?) {
        var threads: [EngineThread] = []
        for number in 0..<threadCount {
            let start = indices.count * number / threadCount
            let share = Array(indices[start..<indices.count * (number + 1) / threadCount])
            do throws(RedoubtError) {
                threads.append(
                    try Scheduling.startOnSystem("judge \(number)") { self.walk(share, deadline: deadline) }
                )
            } catch {
                walk(share, deadline: deadline)
            }
        }
        for thread in threads { Scheduling.joinOnSystem(thread) }
    }

    private func walk(_ indices: [Int], deadline: EngineInstant?) {
        var state = DurabilityState(explorer.start, keepsHash: true)
        for index in indices {
            if let deadline, Scheduling.now() >= deadline { return }
            let candidate = explorer.candidates[index]
            while state.sequence < candidate.point { state.record(explorer.trace[state.sequence]) }
            consider(candidate, state.image(after: candidate.cut))
        }
    }

    private func consider(_ candidate: CrashExplorer.Candidate, _ image: DiskImage) {
        if let found = verdicts.withLock({ $0.found[image.hash] }) {
            return conclude(candidate, found, isRecovered: false, image.hash)
        }
        var disk = image
        disk.keepsHash = false
        let state = CrashState(
            storage: SimulatedStorage(disk, options: .judging),
            point: candidate.point,
            cut: candidate.cut,
            acknowledged: candidate.windows.map(\.lowerBound).max() ?? 0,
            issued: candidate.windows.map(\.upperBound).min() ?? 0,
            key: candidate.key
        )
        do {
            conclude(candidate, try judge(state), isRecovered: true, image.hash)
        } catch {
            fail(candidate, "\(error)", isRecovered: true)
        }
    }

    private func conclude(_ candidate: CrashExplorer.Candidate, _ found: [Int], isRecovered: Bool, _ hash: UInt64) {
        for window in candidate.windows where !found.contains(where: window.contains) {
            return fail(
                candidate,
                "the content is that after \(found) commits",
                isRecovered: isRecovered,
                allowed: window
            )
        }
        verdicts.withLock { verdicts in
            verdicts.found[hash] = found
            verdicts.report.judgedCount += 1
            verdicts.report.recoveryCount += isRecovered ? 1 : 0
        }
    }

    private func fail(
        _ candidate: CrashExplorer.Candidate,
        _ message: String,
        isRecovered: Bool,
        allowed: ClosedRange<Int>? = nil
    ) {
        let failure = CrashFailure(
            point: candidate.point,
            cut: candidate.cut,
            key: candidate.key,
            allowed: allowed ?? candidate.windows[0],
            message: message
        )
        verdicts.withLock { verdicts in
            verdicts.report.judgedCount += 1
            verdicts.report.recoveryCount += isRecovered ? 1 : 0
            verdicts.report.failureCount += 1
            if verdicts.report.failures.count < 100 { verdicts.report.failures.append(failure) }
        }
    }
}
