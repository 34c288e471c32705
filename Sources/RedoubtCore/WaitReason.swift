/// What a foreground thread waited for: the closed list that every wait is attributed to.
public enum WaitReason: String, Sendable, Hashable, CaseIterable {
    /// A frame without a page.
    case freeFrame
    /// Room in the redo files, which a checkpoint makes.
    case redoCapacity
    /// Room in the log buffer.
    case logBuffer
    /// Redo to be handed to the operating system.
    case logWrite
    /// Redo to be durable.
    case logFlush
    /// The latch of a page.
    case pageLatch
    /// A page to be read from its file.
    case pageRead
    /// A slow-down, because the redo age or the dirty share is near its limit.
    case backPressure
    /// The lock of a keyspace or of its space.
    case spaceLock
    /// A file to grow.
    case fileExtension
}
