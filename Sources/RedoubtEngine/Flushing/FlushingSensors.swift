import RedoubtCore
import RedoubtLog
import RedoubtPolicy
import RedoubtSystem

/// Reads what a policy decides from.
struct FlushingSensors {
    private let flushing: Flushing
    private var lastLSN: UInt64
    private var lastReads: UInt64 = 0
    private var lastChange: UInt64 = 0

    /// Changes so close together are one activity, however often the policy decides.
    private static var activityNanoseconds: UInt64 { 40_000_000 }

    init(_ flushing: Flushing) {
        self.flushing = flushing
        lastLSN = flushing.kernel.log.currentLSN.rawValue
    }

    /// Returns the inputs of a decision at `now`.
    mutating func read(_ options: Configuration.Flushing, at now: UInt64) -> FlushingInputs {
        let log = flushing.kernel.log
        let pool = flushing.pool
        let limits = log.limits
        var inputs = FlushingInputs()
        inputs.now = now
        inputs.checkpointLSN = log.checkpointLSN.rawValue
        // The closed position, the lists, what is in flight, and the end last: read otherwise, a bound may have passed
        // what it bounds.
        inputs.closedLSN = log.closedLSN.rawValue
        inputs.instances = pool.instances.map { Self.read($0, redoCapacity: limits.capacity.rawValue) }
        inputs.oldestModification = Flushing.least(flushing.oldestDirty(), flushing.inFlightMinimum)
        inputs.currentLSN = log.currentLSN.rawValue
        inputs.listPagesWritten = flushing.statistics.listPagesWritten
        inputs.lruPagesWritten = flushing.statistics.pagesWritten(.lru)
        readWriters(&inputs)
        inputs.limits = Self.limits(log)
        inputs.replayRate = ReplayRate(recorded: log.replayRate).bytesPerSecond
        inputs.options = options
        if flushing.breaks(.losesDirtyLowWater) { inputs.options.dirtyPagePercentLowWater = 0 }
        if flushing.breaks(.losesAgeLowWater) { inputs.options.adaptive = false }
        let measured = flushing.statistics.measuredSpeed
        if let set = options.ioCapacity.pagesPerSecond {
            inputs.ioCapacity = set
        } else if measured > 0 {
            inputs.ioCapacity = IOCapacityEstimate(measured: Double(measured)).pagesPerSecond
        }
        let reads = pool.statistics[.misses] &+ pool.statistics[.pagesReadAhead]
        inputs.hasPendingReads = reads != lastReads
        lastReads = reads
        if inputs.currentLSN != lastLSN {
            lastLSN = inputs.currentLSN
            lastChange = now
        }
        inputs.isIdle = now &- lastChange >= Self.activityNanoseconds
        return inputs
    }

    private static func read(_ instance: PoolInstance, redoCapacity: Int) -> FlushingInputs.Instance {
        var result = FlushingInputs.Instance(ages: instance.dirtyAges(redoCapacity: redoCapacity))
        result.dirtyPageCount = instance.dirtyCount
        result.pageCount = instance.pageCount
        result.freeFrameCount = instance.freeCount
        result.freeFrameTarget = instance.freeTarget
        result.framesTaken = instance.framesTaken
        result.frameWaits = instance.frameWaits
        return result
    }

    private func readWriters(_ inputs: inout FlushingInputs) {
        let now = EngineInstant(nanoseconds: inputs.now)
        var means: [UInt64] = []
        var minimum: UInt64?
        for (_, writer) in flushing.allWriters {
            inputs.writesInFlight += writer.inFlightCount
            if writer.latency.mean > 0 { means.append(writer.latency.mean) }
            minimum = Flushing.least(minimum, writer.latency.minimum(at: now))
        }
        if !means.isEmpty { inputs.writeLatency.mean = means.reduce(0, &+) / UInt64(means.count) }
        inputs.writeLatency.minimum = minimum ?? 0
    }

    static func limits(_ log: RedoLog) -> FlushingInputs.RedoLimits {
        let limits = log.limits
        var result = FlushingInputs.RedoLimits()
        result.capacity = limits.capacity.rawValue
        result.asyncFlushAge = limits.asyncFlushAge
        result.syncFlushAge = limits.syncFlushAge
        result.freeCheckCapacity = limits.freeCheckCapacity
        result.margin = limits.margin
        result.dirtyPageAge = limits.dirtyPageAge
        result.relaxedOrderWindow = Int(log.relaxedOrderWindow)
        return result
    }
}
