import RedoubtSystem
import Synchronization

/// A disk that is being judged, so that a recovery that traps or does not end can be named and repeated.
///
/// Any thread; takes no lock and no memory until it is asked.
package final class UnderJudgement: Sendable {
    /// As many as threads may judge at once; what is beyond is not noted.
    private static let places = (0..<256).map { _ in UnderJudgement() }

    /// The key of the disk; 0 in a place that is free.
    private let key = Atomic<UInt64>(0)
    private let seed = Atomic<UInt64>(0)
    private let profile = Atomic<Int>(0)
    /// When it began; the end of time in a place that is free, or has just been taken.
    private let begin = Atomic<UInt64>(.max)

    /// Notes that `state` of `run` is being judged, until `end()`; nil if there is no place.
    static func note(_ state: UInt64, of run: CrashRun) -> UnderJudgement? {
        for place in places {
            guard place.key.load(ordering: .relaxed) == 0 else { continue }
            let taken = place.key.compareExchange(expected: 0, desired: max(1, state), ordering: .acquiring)
            guard taken.exchanged else { continue }
            place.seed.store(run.seed, ordering: .relaxed)
            let index = CrashProfile.all.firstIndex { $0.name == run.profile.name }
            place.profile.store(index ?? -1, ordering: .relaxed)
            place.begin.store(Scheduling.now().nanoseconds, ordering: .relaxed)
            return place
        }
        return nil
    }

    /// The judgement is over.
    func end() {
        begin.store(.max, ordering: .relaxed)
        key.store(0, ordering: .releasing)
    }

    /// What is under judgement for more than `seconds`, as `siege replay` takes it.
    package static func runs(longerThan seconds: UInt64 = 0) -> [String] {
        let now = Scheduling.now().nanoseconds
        var runs: [String] = []
        for place in places {
            let key = place.key.load(ordering: .acquiring)
            let begin = place.begin.load(ordering: .relaxed)
            guard key != 0, now >= begin, now - begin >= seconds * 1_000_000_000 else { continue }
            let index = place.profile.load(ordering: .relaxed)
            let name = CrashProfile.all.indices.contains(index) ? CrashProfile.all[index].name : "a hunt"
            runs.append("\(place.seed.load(ordering: .relaxed)):\(name):0x\(String(key, radix: 16))")
        }
        return runs
    }
}
