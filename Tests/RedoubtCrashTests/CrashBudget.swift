import Foundation

/// How long the crash tests may take, and what they replay; from the environment.
///
/// - `REDOUBT_CRASH_SECONDS`: the real time for judging all workloads together; the default is 600, enough
///   to judge every state.
/// - `REDOUBT_CRASH_SOAK`: if set, every state is judged, however long it takes.
/// - `REDOUBT_CRASH_STATES`: the most new states after each event; the default is 24, in a soak there is no limit.
/// - `REDOUBT_CRASH_SEED`: the seed of the workloads and schedules; the default is 1.
/// - `REDOUBT_CRASH_BUG`: the only bug to plant in the engine, by its name in `PlantedMistake`.
/// - `REDOUBT_CRASH_STATE`: the key of the only state to judge, as a failure prints it (with the same seed).
enum CrashBudget {
    static let seed = UInt64(environment("REDOUBT_CRASH_SEED") ?? "") ?? 1

    static let only: UInt64? = environment("REDOUBT_CRASH_STATE").flatMap { text in
        UInt64(text.hasPrefix("0x") ? String(text.dropFirst(2)) : text, radix: 16)
    }

    /// The seeds of the workloads whose power is cut.
    static let seeds = seed..<seed + (only == nil ? 16 : 1)

    static let bug = environment("REDOUBT_CRASH_BUG")

    static let isSoaking = environment("REDOUBT_CRASH_SOAK") != nil

    private static let total = Double(environment("REDOUBT_CRASH_SECONDS") ?? "") ?? 600

    /// The most new states that are judged after each event, beside a handful that always are; nil for all.
    static let statesPerPoint: Int? = isSoaking ? nil : Int(environment("REDOUBT_CRASH_STATES") ?? "") ?? 24

    /// Power is cut within the recoveries from one state in so many.
    static let nestedShare: UInt64 = isSoaking ? 40 : 160

    /// The seeds of the workloads with faults.
    static let faultSeeds = seed..<seed + (isSoaking ? 100 : 40)

    /// Returns the seconds for a workload that gets `share` of the time, or nil for no limit.
    static func seconds(share: Double) -> Double? {
        isSoaking || only != nil ? nil : total * share
    }

    /// How a failing run of `profile` is repeated.
    static func replay(_ profile: String, _ key: UInt64, seed: UInt64 = seed) -> String {
        "REDOUBT_CRASH_SEED=\(seed) REDOUBT_CRASH_STATE=0x\(String(key, radix: 16)) "
            + "swift test --filter RedoubtCrashTests # profile \(profile)"
    }

    private static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name]
    }
}
