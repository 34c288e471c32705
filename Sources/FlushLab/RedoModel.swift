import RedoubtCore
import RedoubtLog
import RedoubtPolicy

/// The redo log of the model: how far it reaches, how far it is durable, and where recovery would begin.
struct RedoModel {
    /// The limits, as the engine calculates them.
    let limits: FlushingInputs.RedoLimits
    /// The end.
    var end: UInt64 = Self.start
    /// What is durable.
    var flushed: UInt64 = Self.start
    var checkpoint: UInt64 = Self.start
    /// Where the write under way ends; nil if there is none.
    var writing: UInt64?
    /// The highest position that somebody wants durable.
    var wanted: UInt64 = Self.start
    /// Clients that wait for durability, with their positions, in order.
    var commits: [(client: Int32, end: UInt64)] = []
    /// Batches that wait for durability of what their pages hold.
    var batches: [(batch: Int, end: UInt64)] = []
    /// Clients that wait for room.
    var waiters: [Int32] = []
    /// Where the files begin again is of no importance; this is where the next write goes.
    var place: UInt64 = 0

    /// The first position, as in a new database.
    static let start: UInt64 = 8204

    init(_ scenario: Scenario) {
        limits =
            switch scenario.redoLimits {
            case .redoubt: Self.engineLimits(scenario.redoCapacity)
            case .mariadb: Self.classicLimits(scenario.redoCapacity)
            }
    }

    private static func engineLimits(_ capacity: Int) -> FlushingInputs.RedoLimits {
        let found = LogLimits(capacity: ByteCount(rawValue: capacity), fileCount: 32)
        var limits = FlushingInputs.RedoLimits()
        limits.capacity = capacity
        limits.asyncFlushAge = found.asyncFlushAge
        limits.syncFlushAge = found.syncFlushAge
        limits.freeCheckCapacity = found.freeCheckCapacity
        limits.margin = found.margin
        limits.dirtyPageAge = found.dirtyPageAge
        // As in the engine: the window of what is being closed, a power of two.
        let most = min(512 << 10, max(16 << 10, found.freeCheckCapacity / 8))
        limits.relaxedOrderWindow = 1 << (Int.bitWidth - 1 - most.leadingZeroBitCount)
        return limits
    }

    /// Flush lists in strict order, and no room kept for mini-transactions beyond what the limits have.
    private static func classicLimits(_ capacity: Int) -> FlushingInputs.RedoLimits {
        let found = ClassicRedoLimits(payload: capacity - 12288)
        var limits = FlushingInputs.RedoLimits()
        limits.capacity = capacity
        limits.asyncFlushAge = found.asyncAge
        // There is none between hurrying and waiting.
        limits.syncFlushAge = found.checkpointAge
        limits.freeCheckCapacity = found.checkpointAge
        limits.dirtyPageAge = found.asyncAge
        return limits
    }

    /// The redo since the last checkpoint.
    var checkpointAge: UInt64 { end - checkpoint }

    /// Whether writers must wait for a checkpoint.
    @inline(__always)
    var isFull: Bool { checkpointAge > UInt64(limits.freeCheckCapacity) }
}
