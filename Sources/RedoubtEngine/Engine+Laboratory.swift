package import RedoubtCore
import Synchronization

// What a laboratory does to an engine between the operations of a workload, so that what is rare becomes common.
extension Engine {
    /// Breaks a rule of flushing, or none again; no effect in builds without `REDOUBT_INTERLEAVING`.
    package func breaking(_ fault: CleanerFault?) {
        #if REDOUBT_INTERLEAVING
        kernel.faults.store(fault?.rawValue ?? 0, ordering: .relaxed)
        #endif
    }

    /// The frames of dirty pages.
    package var dirtyFrames: [UInt32] {
        (0..<UInt32(kernel.pool.frameCount)).filter { kernel.pool.frame($0).isDirty }
    }

    /// Writes the pages in `frames` that are dirty, without a sync.
    ///
    /// Waits for the redo log and for I/O.
    package func write(_ frames: [UInt32]) throws(RedoubtError) { _ = try flushing.writer.write(frames) }

    /// Makes all pages written so far durable.
    package func syncWritten() throws(RedoubtError) { try kernel.files.syncWritten() }

    /// Takes the pages in `frames` out of memory that are clean and not in use; all frames if it is nil.
    package func evict(_ frames: [UInt32]? = nil) {
        for index in frames ?? Array(0..<UInt32(kernel.pool.frameCount)) {
            _ = kernel.pool.evict(kernel.pool.frame(index))
        }
    }

    /// Advances the checkpoint as far as it can go without writing pages.
    ///
    /// Waits for I/O.
    package func advanceCheckpoint() throws(RedoubtError) { try flushing.checkpoint() }
}
