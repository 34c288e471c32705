import Foundation

/// How long the tests of power cuts may take, and what they draw; from the environment.
///
/// They are samples: `siege` judges all.
///
/// - `REDOUBT_CRASH_SECONDS`: the real time for judging all workloads together; the default is 60.
/// - `REDOUBT_CRASH_STATES`: the most new disks after each event; the default is 4.
/// - `REDOUBT_CRASH_SEED`: the seed of the workloads and schedules; the default is 1.
enum CrashBudget {
    static let seed = UInt64(environment("REDOUBT_CRASH_SEED") ?? "") ?? 1

    private static let total = Double(environment("REDOUBT_CRASH_SECONDS") ?? "") ?? 60

    static let statesPerPoint = Int(environment("REDOUBT_CRASH_STATES") ?? "") ?? 4

    /// Returns the seconds for a workload that gets `share` of the time.
    static func seconds(share: Double) -> Double { total * share }

    private static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name]
    }
}
