import RedoubtCore
import RedoubtSystem
import Synchronization

/// What a search for one wrong recovery came to.
public struct CrashHunt: Sendable {
    /// The states in the order of the search up to the first that is wrong, that one included; or all.
    public var judgedCount = 0
    /// What was wrong; nil if nothing was.
    public var failure: CrashFailure?
}

/// What the threads of a search found wrong, by candidate.
private final class Failures: Sendable {
    let found = Mutex<[Int: CrashFailure]>([:])
}

extension CrashExplorer {
    /// Judges states until a recovery finds the wrong thing: one state of each crash point, in a seeded order, then a
    /// second one of each, and so on.
    ///
    /// The outcome follows from the seed, not from the number of threads. Waits.
    ///
    /// - Parameters:
    ///   - limit: The most states.
    ///   - seed: The seed of the order.
    ///   - threadCount: The threads of the operating system.
    ///   - judge: As for ``judge(threadCount:seconds:only:_:)``.
    public func hunt(
        limit: Int,
        seed: UInt64 = 1,
        threadCount: Int = 2,
        _ judge: @escaping @Sendable (CrashState) throws -> [Int]
    ) -> CrashHunt {
        let order = huntingOrder(seed)
        let end = min(limit, order.count)
        var next = 0
        var roundSize = 8
        while next < end {
            let round = Array(order[next..<min(end, next + roundSize)])
            let failures = judgeRound(round.sorted(), threadCount: threadCount, judge)
            for (place, index) in round.enumerated() {
                if let failure = failures[index] { return CrashHunt(judgedCount: next + place + 1, failure: failure) }
            }
            next += round.count
            roundSize = min(2 * roundSize, 256)
        }
        return CrashHunt(judgedCount: next)
    }

    /// The candidates, those of different points in turn.
    private func huntingOrder(_ seed: UInt64) -> [Int] {
        var random = SeededRandom(seed: seed)
        var points: [Int: [Int]] = [:]
        for index in candidates.indices { points[candidates[index].point, default: []].append(index) }
        var groups = points.sorted { $0.key < $1.key }.map(\.value)
        for group in groups.indices { groups[group].shuffle(using: &random) }
        groups.shuffle(using: &random)
        var order: [Int] = []
        for turn in 0..<(groups.map(\.count).max() ?? 0) {
            for group in groups where turn < group.count { order.append(group[turn]) }
        }
        return order
    }

    /// Judges the candidates at `indices`, which ascend by crash point; returns what was wrong by index.
    private func judgeRound(
        _ indices: [Int],
        threadCount: Int,
        _ judge: @escaping @Sendable (CrashState) throws -> [Int]
    ) -> [Int: CrashFailure] {
        let failures = Failures()
        var threads: [EngineThread] = []
        // The caller is one of the threads.
        for number in 1..<max(1, threadCount) {
            let share = Self.share(indices, number, threadCount)
            do throws(RedoubtError) {
                threads.append(
                    try Scheduling.startOnSystem("hunter \(number)") { self.walk(share, judge, failures) }
                )
            } catch {
                walk(share, judge, failures)
            }
        }
        walk(Self.share(indices, 0, threadCount), judge, failures)
        for thread in threads { Scheduling.joinOnSystem(thread) }
        return failures.found.withLock { $0 }
    }

    private static func share(_ indices: [Int], _ number: Int, _ count: Int) -> [Int] {
        Array(indices[indices.count * number / count..<indices.count * (number + 1) / count])
    }

    private func walk(
        _ indices: [Int],
        _ judge: (CrashState) throws -> [Int],
        _ failures: Failures
    ) {
        var state = DurabilityState(start, keepsHash: true)
        var places = UncertainPlaces(state, model: model)
        var names = UncertainPlaces.Names()
        for index in indices {
            let candidate = candidates[index]
            if state.sequence < candidate.point {
                while state.sequence < candidate.point { state.record(trace[state.sequence]) }
                places = UncertainPlaces(state, model: model)
                names = UncertainPlaces.Names()
            }
            let image = places.image(candidate.choice, &names, keepsHash: true)
            if let failure = failure(candidate, image, places, judge) {
                failures.found.withLock { $0[index] = failure }
            }
        }
    }

    private func failure(
        _ candidate: Candidate,
        _ image: DiskImage,
        _ places: UncertainPlaces,
        _ judge: (CrashState) throws -> [Int]
    ) -> CrashFailure? {
        let state = CrashState(
            storage: SimulatedStorage(image, options: .judging),
            point: candidate.point,
            acknowledged: candidate.windows.map(\.lowerBound).max() ?? 0,
            issued: candidate.windows.map(\.upperBound).min() ?? 0,
            key: candidate.key
        )
        let message: String
        var allowed = candidate.windows[0]
        do {
            let found = try judge(state)
            guard let missed = candidate.windows.first(where: { !found.contains(where: $0.contains) }) else {
                return nil
            }
            message = "the content is that after \(found) commits"
            allowed = missed
        } catch {
            message = "\(error)"
        }
        let cut = places.cut(candidate.choice, point: candidate.point)
        return CrashFailure(
            point: candidate.point,
            kept: places.describe(candidate.choice),
            cut: moved(cut, key: candidate.key, to: allowed),
            key: candidate.key,
            allowed: allowed,
            message: message
        )
    }
}
