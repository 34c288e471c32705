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
    ///     (several, if commits undid each other), or throws what is wrong.
    public func judge(
        threadCount: Int = 2,
        seconds: Double? = nil,
        only: UInt64? = nil,
        _ judge: @escaping @Sendable (CrashState) throws -> [Int]
    ) -> CrashReport {
        Scheduling.keepHeap()
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
        // So short that what the time does not suffice for is left out all over the trace.
        let roundSize = deadline == nil ? max(1, order.count) : 256
        var next = 0
        while next < order.count {
            if let deadline, Scheduling.now() >= deadline { break }
            let round = order[next..<min(order.count, next + roundSize)].sorted()
            next += round.count
            bench.run(round, threadCount: threadCount, deadline: deadline)
        }
        var report = bench.report
        report.listedCount = listedCount
        report.leftOutCount = leftOutCount
        report.stateCount = only == nil ? candidates.count : order.count
        report.pointCount = report.isComplete ? pointCount : bench.judgedPointCount
        report.exhaustedCount = report.isComplete ? exhaustedCount : 0
        report.seconds = Double(Scheduling.now().nanoseconds(since: begin)) / 1e9
        return report
    }
}

/// The verdicts so far, shared by the judging threads.
private final class Bench: Sendable {
    /// Says what a state keeps, in words and so that it can be repeated.
    private typealias Kept = () -> (text: String, cut: CrashCut)

    private let explorer: CrashExplorer
    private let judge: @Sendable (CrashState) throws -> [Int]
    private let verdicts = Mutex(CrashReport())
    private let judgedPoints = Mutex<Set<Int>>([])

    init(_ explorer: CrashExplorer, _ judge: @escaping @Sendable (CrashState) throws -> [Int]) {
        self.explorer = explorer
        self.judge = judge
    }

    var report: CrashReport { verdicts.withLock { $0 } }

    /// The crash points of which a state was judged that no point before left.
    var judgedPointCount: Int { judgedPoints.withLock { $0.count } }

    /// Judges the candidates at `indices`, which ascend by crash point.
    func run(_ indices: [Int], threadCount: Int, deadline: EngineInstant?) {
        var threads: [EngineThread] = []
        for number in 0..<threadCount {
            let start = indices.count * number / threadCount
            let share = Array(indices[start..<indices.count * (number + 1) / threadCount])
            do throws(RedoubtError) {
                threads.append(
                    try Scheduling.startOnSystem("judge \(number)") {
                        // The threads of a world hand over to each other, and only one of them runs.
                        Scheduling.pin(to: number)
                        self.walk(share, deadline: deadline)
                    }
                )
            } catch {
                walk(share, deadline: deadline)
            }
        }
        for thread in threads { Scheduling.joinOnSystem(thread) }
    }

    private func walk(_ indices: [Int], deadline: EngineInstant?) {
        var state = DurabilityState(explorer.start, keepsHash: true)
        var places = UncertainPlaces(state, model: explorer.model)
        var names = UncertainPlaces.Names()
        for index in indices {
            if let deadline, Scheduling.now() >= deadline { return }
            let candidate = explorer.candidates[index]
            if state.sequence < candidate.point {
                while state.sequence < candidate.point { state.record(explorer.trace[state.sequence]) }
                places = UncertainPlaces(state, model: explorer.model)
                names = UncertainPlaces.Names()
            }
            let kept = { [places] in
                (places.describe(candidate.choice), places.cut(candidate.choice, point: candidate.point))
            }
            consider(candidate, places.image(candidate.choice, &names, keepsHash: true), kept)
            judgedPoints.withLock { _ = $0.insert(candidate.point) }
        }
    }

    private func consider(_ candidate: CrashExplorer.Candidate, _ image: DiskImage, _ kept: Kept) {
        let state = CrashState(
            storage: SimulatedStorage(image, options: .judging),
            point: candidate.point,
            acknowledged: candidate.windows.map(\.lowerBound).max() ?? 0,
            issued: candidate.windows.map(\.upperBound).min() ?? 0,
            key: candidate.key
        )
        do {
            conclude(candidate, try judge(state), kept)
        } catch {
            fail(candidate, "\(error)", kept)
        }
    }

    private func conclude(_ candidate: CrashExplorer.Candidate, _ found: [Int], _ kept: Kept) {
        for window in candidate.windows where !found.contains(where: window.contains) {
            return fail(candidate, "the content is that after \(found) commits", kept, allowed: window)
        }
        verdicts.withLock { $0.judgedCount += 1 }
    }

    private func fail(
        _ candidate: CrashExplorer.Candidate,
        _ message: String,
        _ kept: Kept,
        allowed: ClosedRange<Int>? = nil
    ) {
        let (text, cut) = kept()
        let window = allowed ?? candidate.windows[0]
        let failure = CrashFailure(
            point: candidate.point,
            kept: text,
            cut: explorer.moved(cut, key: candidate.key, to: window),
            key: candidate.key,
            allowed: window,
            message: message
        )
        verdicts.withLock { report in
            report.judgedCount += 1
            report.failureCount += 1
            if report.failures.count < 100 { report.failures.append(failure) }
        }
    }
}
