public import RedoubtCore
package import RedoubtEngine
import RedoubtSystem

/// What a database has done since it was opened, and how full it is.
///
/// The numbers are read one after the other while work goes on, so they may differ by what happened between. Every
/// number has a name in ``CounterName``, which also tells unit and InnoDB's name for it.
public struct Statistics: Sendable, Hashable {
    /// The snapshot of the engine.
    package let engine: EngineStatistics

    /// Takes the numbers of `engine`.
    package init(_ engine: EngineStatistics) {
        self.engine = engine
    }

    /// The number called `name`.
    public subscript(_ name: CounterName) -> UInt64 { engine[name] }
    /// The foreground waits for `reason`.
    public subscript(_ reason: WaitReason) -> WaitStatistics { engine.waits[reason.index] }
    /// The instances of the buffer pool.
    public var instances: [InstanceStatistics] { engine.instances }
    /// The process that has the database open.
    public var processID: Int { Int(truncatingIfNeeded: engine.processID) }
    /// When the numbers were read, in nanoseconds since 1970.
    public var wallNanoseconds: UInt64 { engine.wallNanoseconds }
    /// When the numbers were read, in nanoseconds of the monotonic clock.
    public var monotonicNanoseconds: UInt64 { engine.monotonicNanoseconds }

    /// How long ago the numbers were read, in nanoseconds, on the machine where they were read.
    public var ageNanoseconds: UInt64 {
        Scheduling.now().nanoseconds(since: EngineInstant(nanoseconds: monotonicNanoseconds))
    }

    /// The position in the redo stream where the next change will stand; grows by the bytes of redo written.
    public var currentLSN: LogSequenceNumber { LogSequenceNumber(rawValue: self[.currentLSN]) }
    /// The position before which the redo is durable.
    public var flushedLSN: LogSequenceNumber { LogSequenceNumber(rawValue: self[.flushedLSN]) }
    /// The position at which a recovery would begin.
    public var checkpointLSN: LogSequenceNumber { LogSequenceNumber(rawValue: self[.checkpointLSN]) }
    /// The size of the redo files together.
    public var redoCapacity: ByteCount { .bytes(Int(clamping: self[.redoCapacity])) }
    /// The pages that fit into memory.
    public var frameCount: Int { Int(clamping: self[.poolFrames]) }
    /// The frames without a page.
    public var freeFrameCount: Int { Int(clamping: self[.poolFreeFrames]) }
    /// The pages in memory with changes that are not in their file yet.
    public var dirtyPageCount: Int { Int(clamping: self[.poolDirtyPages]) }
    /// Pages read from files, of 16 KiB each.
    public var pagesRead: UInt64 { self[.pagesRead] }
    /// Pages written to files.
    public var pagesWritten: UInt64 { self[.pagesWritten] }
    /// The number of keyspaces.
    public var keyspaceCount: Int { Int(clamping: self[.keyspaces]) }
    /// The size of all keyspaces in pages of 16 KiB.
    public var filePageCount: UInt64 { self[.filePages] }
    /// Whether a failed write has ended all writing.
    public var isFenced: Bool { self[.fenced] != 0 }
    /// How writers are held back.
    public var backPressure: BackPressure {
        let states = BackPressure.allCases
        let state = self[.backPressureState]
        return state < UInt64(states.count) ? states[Int(state)] : .normal
    }
    /// What the opening is doing; nil when the database is open.
    public var recoveryPhase: RecoveryPhase? {
        let phases = RecoveryPhase.allCases
        let phase = self[.recoveryPhase]
        return phase >= 1 && phase <= UInt64(phases.count) ? phases[Int(phase) - 1] : nil
    }
}
