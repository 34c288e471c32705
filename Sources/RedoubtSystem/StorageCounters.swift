import RedoubtCore
import Synchronization

/// What a storage counts for one role of files.
public struct StorageFigures: Sendable, Hashable {
    /// Reads that ended.
    public var readCount: UInt64 = 0
    /// Bytes read.
    public var readByteCount: UInt64 = 0
    /// The time from submission to end of all reads.
    public var readNanoseconds: UInt64 = 0
    /// Writes that ended.
    public var writeCount: UInt64 = 0
    /// Bytes written.
    public var writtenByteCount: UInt64 = 0
    /// The time from submission to end of all writes.
    public var writeNanoseconds: UInt64 = 0
    /// Syncs that ended.
    public var syncCount: UInt64 = 0
    /// The time of all syncs.
    public var syncNanoseconds: UInt64 = 0
    /// Reads under way.
    public var pendingReadCount: UInt64 = 0
    /// Writes under way.
    public var pendingWriteCount: UInt64 = 0
    /// Syncs under way.
    public var pendingSyncCount: UInt64 = 0

    /// No figures.
    public init() {}
}

/// Counts transfers and syncs by the role of their file.
///
/// Each thread adds to one of eight shards, which share no cache line; the sum of the shards is the figure. A transfer
/// costs two looks at the clock and a few uncontended additions, which is nothing beside a system call.
@safe
package final class StorageCounters: @unchecked Sendable {
    /// What is counted.
    enum Operation: Int, Sendable {
        case read
        case write
        case sync
    }

    // For each operation: ended, bytes, nanoseconds, pending. The last one rises and falls on different shards; only
    // the wrapping sum means something.
    private static let fieldCount = 4
    private static let roleStride = 3 * fieldCount
    private static let shardCount = 8
    private static let shardStride = FileRole.allCases.count * roleStride

    private let words: UnsafeMutablePointer<Atomic<UInt64>>

    /// Creates counters that stand at zero.
    package init() {
        let count = Self.shardCount * Self.shardStride
        unsafe words = IsolatedMemory.allocate(Atomic<UInt64>.self, count: count)
        for index in 0..<count { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe IsolatedMemory.free(words)
    }

    /// Takes note of an operation that begins; returns when.
    func begin(_ operation: Operation, _ role: FileRole) -> UInt64 {
        add(operation, role, field: 3, 1)
        return Scheduling.now().nanoseconds
    }

    /// Takes note of the end of an operation that began at `start`.
    func end(_ operation: Operation, _ role: FileRole, from start: UInt64, byteCount: Int) {
        let now = Scheduling.now().nanoseconds
        add(operation, role, field: 3, .max)
        add(operation, role, field: 0, 1)
        add(operation, role, field: 1, UInt64(max(0, byteCount)))
        add(operation, role, field: 2, now > start ? now - start : 0)
    }

    /// The figures of the files of `role`.
    package func figures(_ role: FileRole) -> StorageFigures {
        var figures = StorageFigures()
        figures.readCount = sum(.read, role, field: 0)
        figures.readByteCount = sum(.read, role, field: 1)
        figures.readNanoseconds = sum(.read, role, field: 2)
        figures.pendingReadCount = sum(.read, role, field: 3)
        figures.writeCount = sum(.write, role, field: 0)
        figures.writtenByteCount = sum(.write, role, field: 1)
        figures.writeNanoseconds = sum(.write, role, field: 2)
        figures.pendingWriteCount = sum(.write, role, field: 3)
        figures.syncCount = sum(.sync, role, field: 0)
        figures.syncNanoseconds = sum(.sync, role, field: 2)
        figures.pendingSyncCount = sum(.sync, role, field: 3)
        return figures
    }

    private func add(_ operation: Operation, _ role: FileRole, field: Int, _ amount: UInt64) {
        let shard = Int(Scheduling.threadOrdinal) % Self.shardCount
        let index = shard * Self.shardStride + Self.offset(operation, role) + field
        unsafe words[index].wrappingAdd(amount, ordering: .relaxed)
    }

    private func sum(_ operation: Operation, _ role: FileRole, field: Int) -> UInt64 {
        var sum: UInt64 = 0
        for shard in 0..<Self.shardCount {
            let index = shard * Self.shardStride + Self.offset(operation, role) + field
            sum &+= unsafe words[index].load(ordering: .relaxed)
        }
        // Read while a transfer moves between shards, a pending count may be one too low.
        return field == 3 && sum > UInt64.max / 2 ? 0 : sum
    }

    private static func offset(_ operation: Operation, _ role: FileRole) -> Int {
        let position =
            switch role {
            case .data: 0
            case .redo: 1
            case .doublewrite: 2
            case .control: 3
            }
        return position * roleStride + operation.rawValue * fieldCount
    }
}
