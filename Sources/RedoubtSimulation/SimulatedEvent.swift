/// One thing that happened on a simulated disk, in the order in which it happened; its index in the trace is its
/// number.
public enum SimulatedEvent: Sendable {
    /// A change was made; not durable until a sync covers it.
    case change(StorageChange)
    /// A write was handed to the disk and has not ended: it may be on the disk, and no sync covers it.
    case start(StorageChange)
    /// The write that event `sequence` started has ended.
    case finish(sequence: Int)
    /// A file's content and size became durable.
    case sync(file: Int)
    /// A sync failed: what it should have covered may be lost, and a later sync does not cover it either.
    case syncFailed(file: Int)
    /// A sync failed and left what it should have covered in the way that the aftermath says; not `.uncertain`.
    case syncAbandoned(file: Int, SyncAftermath)
    /// The entries of a directory became durable.
    case syncDirectory(path: String)
    /// A sync of a directory failed: the entries that it should have covered may be lost until a later one succeeds.
    case syncDirectoryFailed(path: String)
    /// The workload said something.
    case mark(SimulatedMark)

    /// Whether this event is I/O, and so makes a crash point of its own.
    public var isIO: Bool {
        switch self {
        case .change, .start, .sync, .syncFailed, .syncAbandoned, .syncDirectory, .syncDirectoryFailed: true
        case .finish, .mark: false
        }
    }
}

/// What a workload says about itself within the order of its I/O.
public enum SimulatedMark: Sendable, Hashable {
    /// Commit number `n` (from 1) is being asked for: from here on, it may be found after a crash.
    case issued(Int)
    /// Commit number `n` was acknowledged as durable: from here on, it must be found.
    case acknowledged(Int)
    /// A remark for whoever reads the trace.
    case note(String)
}

extension SimulatedEvent {
    /// Whether a write has ended: it was not only handed to the disk.
    package var isEnded: Bool {
        if case .start = self { false } else { true }
    }
}

extension SimulatedEvent: CustomStringConvertible {
    /// The event in one line.
    public var description: String {
        switch self {
        case .change(let change): "\(change)"
        case .start(let change): "start \(change)"
        case .finish(let sequence): "finish \(sequence)"
        case .sync(let file): "sync file \(file)"
        case .syncFailed(let file): "sync of file \(file) failed"
        case .syncAbandoned(let file, let aftermath): "sync of file \(file) failed, \(aftermath)"
        case .syncDirectory(let path): "sync directory \(path)"
        case .syncDirectoryFailed(let path): "sync of directory \(path) failed"
        case .mark(.issued(let number)): "issued \(number)"
        case .mark(.acknowledged(let number)): "acknowledged \(number)"
        case .mark(.note(let text)): "note: \(text)"
        }
    }
}
