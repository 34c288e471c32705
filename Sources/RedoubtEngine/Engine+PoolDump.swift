package import RedoubtCore
import RedoubtSystem

/// Keeping memory warm over a restart.
extension Engine {
    /// Writes down which pages are in memory, for the next opening; returns how many.
    ///
    /// Waits.
    ///
    /// - Throws: `.diskFull` and other errors of the file system, which harm nothing else.
    package func dumpPool() throws(RedoubtError) -> Int {
        try requireOpen()
        let wait = kernel.waits.begin(.poolDump)
        defer { kernel.waits.end(wait) }
        return try dumps.dump()
    }

    /// Begins to read the pages that the last dump names in the background, unless that is going on.
    package func loadPool() throws(RedoubtError) {
        try requireOpen()
        try dumps.startLoad()
    }

    /// How far the load has come.
    package var poolLoadStatus: PoolLoadStatus { dumps.status }
}
