public import RedoubtCore
import RedoubtEngine

/// Keeping memory warm over a restart.
extension Database {
    /// Writes down in the file `pool.dump` which pages are in memory, the `bufferPool.dumpPercent` of them that were
    /// used most recently; returns how many.
    ///
    /// Closing does so too, with `bufferPool.dumpsAtClose`. Waits for the file system.
    ///
    /// - Throws: `.diskFull` and other errors of the file system, after which the dump before counts; `.closed`.
    @discardableResult
    public func dumpPool() throws(RedoubtError) -> Int {
        try call { () throws(RedoubtError) in try engine.dumpPool() }
    }

    /// Begins to read the pages that `pool.dump` names, in the background and at most `flushing.ioCapacity` a second
    /// while there is other work; ``poolLoad`` tells how far it has come.
    ///
    /// Opening does so too, with `bufferPool.loadsAtOpen`. Nothing is evicted for it. A file that is missing, damaged
    /// or of another database is ignored.
    ///
    /// - Throws: `.systemLimit` if no thread can be started; `.closed`.
    public func loadPool() throws(RedoubtError) {
        try call { () throws(RedoubtError) in try engine.loadPool() }
    }

    /// How far the pages that `pool.dump` names have been read since the last opening or ``loadPool()``.
    public var poolLoad: PoolLoadStatus { engine.poolLoadStatus }
}
