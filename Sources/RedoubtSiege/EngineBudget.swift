/// What a siege of the engine may cost, and what its draws follow from.
package struct EngineBudget: Sendable {
    /// The first seed of workloads and schedules.
    package var seed: UInt64 = 1
    /// The seeds of each workload whose power is cut.
    package var seedCount: UInt64 = 16
    /// The most new disks judged after each event, beside a handful that always are; nil for all.
    package var statesPerPoint: Int? = 24
    /// The fewest different disks that a good run has judged.
    package var diskGoal = 150_000
    /// Power is cut within the recoveries from one disk in so many.
    package var nestedShare: UInt64 = 160
    /// Of one disk in so many the recovered database goes on, and its power is cut again.
    package var continuedShare: UInt64 = 256
    /// The real time for judging power cuts, in seconds; nil for no limit.
    package var seconds: Double?
    /// Whether a workload ends at the first disk that is wrong: for mistakes that are planted.
    package var endsAtFirst = false
    /// The only disk to judge, by its key, for a replay.
    package var only: UInt64?
    /// The seeds of the workloads with faults.
    package var faultSeedCount: UInt64 = 20
    /// The seeds of the workloads whose bytes a device damages.
    package var damageSeedCount: UInt64 = 10
    /// The seeds of whole-engine simulations, each run twice.
    package var swarmSeedCount: UInt64 = 200
    /// The damaged disks that are opened.
    package var openingCount = 4000
    /// The states or runs within which a planted bug must be caught.
    package var huntLimit = 20_000
    /// The threads that judge: one a processor.
    package var threadCount = 2

    /// Whether it is too small for goals about how much is tried.
    package var isSmoke = false

    /// The budget of one run of the tests: minutes on two processors.
    package init() {}

    /// Judges every disk that is listed, however long it takes: all that are possible where these are at most 4,096.
    package static let soak = {
        var budget = EngineBudget()
        budget.statesPerPoint = nil
        budget.seedCount = 12
        budget.diskGoal = 2_000_000
        budget.nestedShare = 1000
        budget.faultSeedCount = 100
        budget.openingCount = 100_000
        budget.swarmSeedCount = 5000
        return budget
    }()

    /// A few seconds of everything: whether it works.
    package static let smoke = {
        var budget = EngineBudget()
        budget.isSmoke = true
        budget.seedCount = 1
        budget.statesPerPoint = 1
        budget.seconds = 5
        budget.nestedShare = 400
        budget.continuedShare = 100
        budget.faultSeedCount = 1
        budget.damageSeedCount = 1
        budget.swarmSeedCount = 4
        budget.openingCount = 200
        return budget
    }()

    /// The seconds of a budget with `seconds` that one run of a workload gets which has `share` of them.
    func seconds(share: Double) -> Double? {
        only == nil ? seconds.map { $0 * share / Double(seedCount) } : nil
    }
}
