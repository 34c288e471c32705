import RedoubtSystem
import Synchronization

/// What is being judged or recorded, so that what traps or does not end can be named and repeated.
///
/// Any thread; takes no lock and no memory until it is asked. Ages are counted by who watches: what runs in a simulated
/// world has no clock but that of the world.
package final class UnderJudgement: Sendable {
    /// What may be under way.
    enum Part: Int, Sendable {
        /// A disk that a power cut left, with what is done to its recovery.
        case disk
        /// A workload that is recorded.
        case recording
        /// A run with a fault of a call, or a recovery from what it left.
        case faults
        /// The same where a device changes bytes.
        case damage
        /// A workload that is recovered in consistency mode.
        case consistency
        /// A disk of a large epoch.
        case epochs
        /// A simulation of the whole engine.
        case schedules
        /// A whole database with a flipped bit.
        case flips
        /// Redo with a block destroyed.
        case tails
    }

    /// As many as threads may judge at once; what is beyond is not noted.
    private static let places = (0..<256).map { _ in UnderJudgement() }

    /// The part and 1; 0 in a place that is free.
    private let part = Atomic<Int>(0)
    private let seed = Atomic<UInt64>(0)
    private let profile = Atomic<Int>(-1)
    /// The key of a disk.
    private let key = Atomic<UInt64>(0)
    /// How often somebody looked since it began.
    private let age = Atomic<UInt64>(0)

    /// Notes what begins now, until `end()`; nil if there is no place.
    static func note(
        _ part: Part,
        seed: UInt64,
        profile: CrashProfile? = nil,
        key: UInt64 = 0
    ) -> UnderJudgement? {
        for place in places {
            guard place.part.load(ordering: .relaxed) == 0 else { continue }
            place.age.store(0, ordering: .relaxed)
            let taken = place.part.compareExchange(expected: 0, desired: part.rawValue + 1, ordering: .acquiring)
            guard taken.exchanged else { continue }
            place.renew()
            place.seed.store(seed, ordering: .relaxed)
            let index = profile.flatMap { profile in CrashProfile.all.firstIndex { $0.name == profile.name } }
            place.profile.store(index ?? -1, ordering: .relaxed)
            place.key.store(key, ordering: .relaxed)
            return place
        }
        return nil
    }

    /// Runs `body` and notes it.
    static func noting<Result, Failure: Error>(
        _ part: Part,
        seed: UInt64,
        profile: CrashProfile? = nil,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let place = note(part, seed: seed, profile: profile)
        defer { place?.end() }
        return try body()
    }

    /// A further step of the same begins: its age counts from here.
    func renew() { age.store(0, ordering: .relaxed) }

    /// It is over.
    func end() { part.store(0, ordering: .releasing) }

    /// Says that a second has passed: ages count these.
    package static func tick() {
        for place in places { place.age.wrappingAdd(1, ordering: .relaxed) }
    }

    /// What is under way and at least `age` ticks old, as commands that repeat it.
    package static func runs(olderThan age: UInt64 = 0) -> [String] {
        places.compactMap { place in
            guard let part = Part(rawValue: place.part.load(ordering: .acquiring) - 1) else { return nil }
            guard place.age.load(ordering: .relaxed) >= age else { return nil }
            return place.command(part)
        }
    }

    private func command(_ part: Part) -> String {
        let seed = seed.load(ordering: .relaxed)
        let index = profile.load(ordering: .relaxed)
        let name = CrashProfile.all.indices.contains(index) ? CrashProfile.all[index].name : nil
        return switch (part, name) {
        case (.disk, let name?): "siege replay \(seed):\(name):0x\(String(key.load(ordering: .relaxed), radix: 16))"
        case (.recording, let name?): "siege replay \(seed):\(name) (while it was recorded)"
        // Hunts have workloads of their own.
        case (.disk, nil), (.recording, nil): "siege bugs (a hunt, seed \(seed))"
        case (.faults, _): "siege faults --seed \(seed)"
        case (.damage, _): "siege scorecard --only faults --seed \(seed) (a device that changes bytes)"
        case (.consistency, _), (.epochs, _), (.schedules, _), (.flips, _), (.tails, _):
            "siege scorecard --only \(part) --seed \(seed)"
        }
    }
}
