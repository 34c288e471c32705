package import RedoubtCore

/// A snapshot of what the engine has done since it was opened, and of how full it is.
///
/// The numbers are read one after the other while work goes on, so they may differ by what happened between.
package struct EngineStatistics: Sendable, Hashable {
    /// The numbers in the order of ``CounterName``.
    package var values = [UInt64](repeating: 0, count: CounterName.allCases.count)
    /// The instances of the buffer pool.
    package var instances: [InstanceStatistics] = []
    /// The waits of foreground threads, in the order of ``WaitReason``.
    package var waits = [WaitStatistics](repeating: WaitStatistics(), count: WaitReason.allCases.count)
    /// When it was taken, in nanoseconds of the monotonic clock.
    package var monotonicNanoseconds: UInt64 = 0
    /// When it was taken, in nanoseconds since 1970; 0 in a simulation.
    package var wallNanoseconds: UInt64 = 0
    /// The process that has the database open; 0 in a simulation.
    package var processID: UInt64 = 0

    /// Zeros.
    package init() {}

    /// The number called `name`.
    package subscript(_ name: CounterName) -> UInt64 {
        get { values[name.index] }
        set { values[name.index] = newValue }
    }

    /// The redo files together.
    package var redoCapacity: ByteCount { .bytes(Int(clamping: self[.redoCapacity])) }
}
