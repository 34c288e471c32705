import RedoubtCore
import RedoubtSystem
import Synchronization

/// How many frames a pool has, is to have, and ever had; all are numbers of all instances together.
///
///     0 ....... target ....... limit ....... bound ....... maximum
///     in use    | leave soon   | leave,      | only address space
///               |              | or have left|
///
/// Frames are dealt out to the instances in turn, so each line is one number for all of them. `limit` follows `target`
/// downwards once the credit promised fits; upwards both move together. `bound` only rises.
struct PoolSize: ~Copyable {
    /// The frames that the memory option allows.
    let target: Atomic<UInt32>
    /// Frames from here on are given to nobody.
    let limit: Atomic<UInt32>
    /// The frames whose control blocks are laid out.
    let bound: Atomic<UInt32>
    /// The frames below `bound` whose memory has been given back.
    let givenBack = Atomic<UInt32>(0)
    /// Whether frames, or memory of search indexes, have to leave yet.
    let isShrinking = Atomic<Bool>(false)
    /// Held by whoever changes the numbers, takes frames back into use, or gives memory back; never through I/O.
    let lock: EngineLock

    init(frameCount: Int, waits: WaitLedger) {
        target = Atomic(UInt32(frameCount))
        limit = Atomic(UInt32(frameCount))
        bound = Atomic(UInt32(frameCount))
        lock = EngineLock(waits: waits)
    }
}
