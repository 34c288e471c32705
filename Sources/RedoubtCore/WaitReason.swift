/// What a foreground thread waited for: the closed list that every wait is attributed to.
///
/// A *foreground* thread is one that a caller waits for; the threads of the engine itself are not. A wait within
/// another counts for the outer one only, so the times of all reasons together never exceed the time that passed.
public enum WaitReason: String, Sendable, Hashable, CaseIterable {
    /// A frame of the pool without a page, or with one that may leave.
    case freeFrame
    /// Frames that are promised to other mini-transactions.
    case frameCredit
    /// Room in the redo files, which a checkpoint makes.
    case redoCapacity
    /// A slow-down, because the redo age or the dirty share is near its limit.
    case backPressure
    /// Room in the log buffer.
    case logBuffer
    /// Redo to be handed to the operating system.
    case logWrite
    /// Redo to be durable.
    case logFlush
    /// The latch of a page.
    case pageLatch
    /// A page to be read from its file, by this thread or another.
    case pageRead
    /// The write of a page to end, so that the page can leave memory.
    case pageWrite
    /// Another change of the structure of the same tree.
    case treeLock
    /// Other values that stand outside their page, too many of which are being written or freed.
    case largeValue
    /// A file to grow.
    case spaceExtension
    /// A lock of the engine that is held for short.
    case engineLock
    /// The creation, drop or renaming of a keyspace.
    case keyspaceChange
    /// A checkpoint that the caller asked for.
    case checkpoint
    /// A change of size that the caller asked for.
    case resize
    /// A dump of the pool that the caller asked for.
    case poolDump
    /// The closing of the database.
    case close

    /// The number of the reason, from 0 without gaps.
    package var index: Int {
        switch self {
        case .freeFrame: 0
        case .frameCredit: 1
        case .redoCapacity: 2
        case .backPressure: 3
        case .logBuffer: 4
        case .logWrite: 5
        case .logFlush: 6
        case .pageLatch: 7
        case .pageRead: 8
        case .pageWrite: 9
        case .treeLock: 10
        case .largeValue: 11
        case .spaceExtension: 12
        case .engineLock: 13
        case .keyspaceChange: 14
        case .checkpoint: 15
        case .resize: 16
        case .poolDump: 17
        case .close: 18
        }
    }
}
