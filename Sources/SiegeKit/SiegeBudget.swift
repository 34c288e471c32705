public import RedoubtSimulation

/// What a siege may cost, and what its draws follow from.
public struct SiegeBudget: Sendable {
    /// What the workload, its checks and the choice of states run in.
    public enum World: Sendable, Hashable {
        /// Threads of the program run one at a time, in an order that the seed alone decides.
        case threads
        /// One thread does everything: the cheapest. What waits here for another thread stops the process.
        case oneThread
    }

    /// The seed of everything that is drawn; one seed is one siege.
    public var seed: UInt64 = 1
    /// The world of the workload.
    public var world = World.threads
    /// The world of each check.
    public var checkingWorld = World.threads
    /// What a power cut may leave.
    public var model = PersistenceModel.paranoid
    /// The most new disks judged after each event, beside a handful that always are; nil for all.
    ///
    /// The default is 40.
    public var statesPerPoint: Int? = 40
    /// The most real time for judging, in seconds; nil for no limit.
    ///
    /// What is left out then is drawn by seed.
    public var seconds: Double?
    /// The threads that judge.
    public var threadCount = 2
    /// The bytes that the disk writes all or nothing, where a program asks for that; 0 for none.
    ///
    /// For faults: without it those of ``RedoubtSimulation/SimulatedFault/Operation/atomicWrite`` never fire.
    public var atomicWriteUnit = 0
    /// The virtual time of a call of the storage, in microseconds.
    public var latencyMicroseconds = 50

    /// Creates the default budget.
    public init() {}
}
