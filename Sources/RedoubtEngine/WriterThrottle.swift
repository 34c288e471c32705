import RedoubtCore
import RedoubtLog
import RedoubtPolicy
import RedoubtSystem

/// Sets the rate of redo that ``WriterThrottling`` decides on.
struct WriterThrottle {
    private let kernel: Kernel
    private let flushing: Flushing
    private var throttling = WriterThrottling()

    /// A rate at which a mini-transaction waits for about a second, in bytes per second.
    private static let standstill = 16384.0

    init(_ kernel: Kernel, _ flushing: Flushing) {
        self.kernel = kernel
        self.flushing = flushing
    }

    /// Measures, and sets the limit; returns the milliseconds until that is due again.
    mutating func adjust(now: EngineInstant) -> Int {
        let log = kernel.log
        var inputs = WriterThrottling.Inputs()
        inputs.now = now.nanoseconds
        // The bound first: read the other way round it may have passed the end.
        inputs.bound = flushing.checkpointBound().rawValue
        inputs.end = log.currentLSN.rawValue
        inputs.pagesWritten = kernel.pool.statistics[.pagesWritten]
        inputs.dirtyCount = kernel.pool.dirtyCount
        inputs.frameCount = Int(kernel.pool.frameCount)
        inputs.limits = FlushingSensors.limits(log)
        let (admission, milliseconds) = throttling.decide(inputs, flushing.options)
        log.admission.setRate(admission, by: .throttle)
        // Writers that stand still change nothing and ask for no redo capacity: to a policy that is idleness, in which
        // it may write nothing. So they are spoken for here, or they might stand for ever.
        if let admission, admission < Self.standstill { log.wantCapacity() }
        return milliseconds
    }
}
