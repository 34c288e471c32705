package import RedoubtCore
package import RedoubtLog
import RedoubtSystem

/// What the public face needs to know about durability.
extension Engine {
    /// The redo log, for waiting until a commit is written or flushed.
    package var log: RedoLog { kernel.log }

    /// Writes every dirty page and then a checkpoint, so that a recovery would have next to nothing to do.
    ///
    /// Waits.
    ///
    /// - Throws: `.fenced` and the errors of writing.
    package func checkpoint() throws(RedoubtError) {
        try requireOpen()
        let wait = log.waits.begin(.checkpoint)
        defer { log.waits.end(wait) }
        try flushing.checkpointNow()
    }
}
