import RedoubtCore
import RedoubtLog

/// Redo records gathered from a scan, by page: what recovery applies in one batch.
///
/// The payloads of groups are copied into large chunks; an entry of 40 bytes a record refers to them. Sorting by page,
/// stably, gives each page its records in log order.
///
/// ## Differences from InnoDB
/// A sorted array instead of a hash table of lists: a third of the memory, and pages come in the order of the file.
@safe
final class RedoCollection {
    /// One record of a page.
    @safe
    struct Entry {
        /// The page in packed form.
        let page: UInt64
        /// Where the record's group starts and ends in the log.
        let start: UInt64
        let end: UInt64
        /// The body, in a chunk.
        let body: UnsafeRawPointer?
        /// The length of the body.
        let byteCount: UInt32
        /// The kind of the record.
        let kind: UInt8
    }

    private static let chunkByteCount = 128 << 10
    private var chunks: [UnsafeMutableRawBufferPointer] = unsafe []
    private var used = 0
    private var chunkBytes = 0
    private(set) var entries: [Entry] = []
    /// The bytes that the collection may take.
    let byteCountMaximum: Int

    init(byteCountMaximum: Int) {
        self.byteCountMaximum = byteCountMaximum
    }

    deinit {
        while let chunk = unsafe chunks.popLast() { unsafe chunk.deallocate() }
    }

    /// Whether nothing is there.
    var isEmpty: Bool { entries.isEmpty }

    /// Whether the collection has reached its bound; a single group may exceed it.
    var isFull: Bool { chunkBytes + entries.count * MemoryLayout<Entry>.stride >= byteCountMaximum }

    /// Adds the page records of a group, but those of `ignored` spaces.
    ///
    /// - Throws: `.corruptLog` if the group is not made of records.
    func add(
        _ range: LogRange,
        _ payload: UnsafeRawBufferPointer,
        ignoring ignored: Set<SpaceID>
    ) throws(RedoubtError) {
        let copy = unsafe store(payload)
        var reader = unsafe RedoGroupReader(copy)
        while let record = try reader.next() {
            guard record.class == .page, !ignored.contains(record.page.space) else { continue }
            unsafe entries.append(
                Entry(
                    page: record.page.packed,
                    start: range.start.rawValue,
                    end: range.end.rawValue,
                    body: record.body.baseAddress,
                    byteCount: UInt32(record.body.count),
                    kind: record.kind
                )
            )
        }
    }

    /// Forgets everything.
    func removeAll() {
        while let chunk = unsafe chunks.popLast() { unsafe chunk.deallocate() }
        entries.removeAll(keepingCapacity: true)
        used = 0
        chunkBytes = 0
    }

    /// Returns the records by page, each page's in log order.
    func sorted() -> [Entry] {
        // The sort of the standard library does not promise to be stable, so the position decides.
        entries.indices.sorted { (entries[$0].page, $0) < (entries[$1].page, $1) }.map { entries[$0] }
    }

    private func store(_ payload: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let isRoomLeft = unsafe !chunks.isEmpty && chunks[chunks.count - 1].count - used >= payload.count
        if !isRoomLeft {
            let count = max(Self.chunkByteCount, payload.count)
            unsafe chunks.append(.allocate(byteCount: count, alignment: 16))
            chunkBytes += count
            used = 0
        }
        guard let chunk = unsafe chunks.last else { preconditionFailure("no chunk was allocated") }
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: chunk[used..<used + payload.count])
        unsafe target.copyMemory(from: payload)
        used += payload.count
        return UnsafeRawBufferPointer(target)
    }
}
