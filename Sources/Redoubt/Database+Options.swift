public import RedoubtCore
import RedoubtEngine

extension Database {
    /// Changes options while reads and writes go on.
    ///
    ///     try database.change { $0.flushing.ioCapacity = 5000 }
    ///
    /// Waits for the file system if `redoLog.capacity` changes, see ``setRedoCapacity(_:)``. More `memory` can be used
    /// on return, up to `memoryMaximum`; less is given back in the background: pages leave, dirty ones once they are
    /// written, and ``poolResize`` tells how far that has come. Other changes count from the next time that the option
    /// is looked at, within about a second. All are made or none; they last until ``close()``.
    ///
    /// - Parameter body: Changes the present options; runs again if another thread has changed some meanwhile.
    /// - Throws: `.invalidConfiguration`, which names the option that is out of range or can only be set when opening;
    ///   the errors of ``setRedoCapacity(_:)``; `.fenced` if `memory` is to change after a failed write; `.closed`,
    ///   `.reentered`.
    public func change(_ body: (inout Configuration) -> Void) throws(RedoubtError) {
        try call { () throws(RedoubtError) in try engine.change(body) }
    }

    /// How far the buffer pool has followed the last change of `memory`.
    public var poolResize: PoolResizeStatus { engine.poolResizeStatus }
}
