package import RedoubtCore
import RedoubtSystem

extension Engine {
    /// Has every write from now on throw `.readOnly`, after writing what recovery has changed: to a view, in memory.
    ///
    /// Waits.
    package func refuseWrites() throws(RedoubtError) {
        precondition(storage is StorageView, "only a view is written by reading")
        try checkpoint()
        kernel.health.fence(RedoubtError(.readOnly, "the database is open for reading only", path: path))
    }
}
