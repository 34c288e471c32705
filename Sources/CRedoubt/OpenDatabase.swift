import Redoubt
import RedoubtCore
import Synchronization

/// A database and the keyspaces that callers have handles of.
///
/// ## Concurrency
/// Entries are stored once and stay until the end, so they are read without a lock; `indexes` is guarded by its own.
@safe
final class OpenDatabase: @unchecked Sendable {
    private static var chunkCount: Int { 1 << 12 }
    private static var chunkLength: Int { Handle.keyspaceCountMaximum / chunkCount }

    let database: Database

    /// Addresses of chunks, which hold addresses of keyspaces; 0 where there is none.
    private let chunks: UnsafeMutablePointer<Atomic<UInt>>
    /// The place of each keyspace, by what no rename changes.
    private let indexes = Mutex<[SpaceID: Int]>([:])

    init(_ database: Database) {
        self.database = database
        unsafe chunks = .allocate(capacity: Self.chunkCount)
        for index in 0..<Self.chunkCount { unsafe (chunks + index).initialize(to: Atomic(0)) }
    }

    deinit {
        for index in 0..<Self.chunkCount {
            guard let chunk = unsafe chunk(index) else { break }
            for place in 0..<Self.chunkLength {
                if let keyspace = unsafe Self.keyspace(chunk + place) { unsafe keyspace.release() }
            }
            unsafe chunk.deinitialize(count: Self.chunkLength).deallocate()
        }
        unsafe chunks.deinitialize(count: Self.chunkCount).deallocate()
    }

    /// The keyspace at `index`, or nil.
    @inline(__always)
    func keyspace(at index: Int) -> Unmanaged<Keyspace>? {
        guard let chunk = unsafe chunk(index / Self.chunkLength) else { return nil }
        return unsafe Self.keyspace(chunk + index % Self.chunkLength)
    }

    /// The place of `keyspace`, the same each time.
    ///
    /// - Throws: `.systemLimit` if all places are taken.
    func index(of keyspace: Keyspace) throws(RedoubtError) -> Int {
        try indexes.withLock { (indexes) throws(RedoubtError) in
            if let index = indexes[keyspace.spaceID] { return index }
            let index = indexes.count
            guard index < Handle.keyspaceCountMaximum else {
                throw RedoubtError(.systemLimit, "\(index) keyspaces have handles; close the database")
            }
            let chunk = unsafe chunk(index / Self.chunkLength) ?? addChunk(index / Self.chunkLength)
            let address = unsafe Unmanaged.passRetained(keyspace).toOpaque()
            unsafe chunk[index % Self.chunkLength].store(UInt(bitPattern: address), ordering: .releasing)
            indexes[keyspace.spaceID] = index
            return index
        }
    }

    @inline(__always)
    private func chunk(_ number: Int) -> UnsafeMutablePointer<Atomic<UInt>>? {
        unsafe UnsafeMutablePointer(bitPattern: chunks[number].load(ordering: .acquiring))
    }

    private func addChunk(_ number: Int) -> UnsafeMutablePointer<Atomic<UInt>> {
        let chunk = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: Self.chunkLength)
        for place in 0..<Self.chunkLength { unsafe (chunk + place).initialize(to: Atomic(0)) }
        unsafe chunks[number].store(UInt(bitPattern: chunk), ordering: .releasing)
        return unsafe chunk
    }

    @inline(__always)
    private static func keyspace(_ entry: UnsafeMutablePointer<Atomic<UInt>>) -> Unmanaged<Keyspace>? {
        guard let pointer = unsafe UnsafeRawPointer(bitPattern: entry.pointee.load(ordering: .acquiring))
        else { return nil }
        return unsafe Unmanaged.fromOpaque(pointer)
    }
}
