import RedoubtCore

/// A list of records for ``PageOperation/insertRecords(predecessor:packed:)``: the redo of splits, merges and bulk
/// loads.
///
///     tag 1 | key length | value length (leaf) | key | system 13 (if not default) | value, or child 4
///
/// Lengths are compressed. The tag holds the information bits, and below them the bits of ``PackedRecords/Tag``. The
/// list ends with its bytes.
@safe
struct PackedRecords {
    /// The memory that the list is written to.
    let buffer: UnsafeMutableRawBufferPointer
    /// The bytes written.
    private(set) var byteCount = 0
    /// The records written.
    private(set) var recordCount = 0
    /// The bytes that the records will take in the heap.
    private(set) var heapByteCount = 0

    /// Bits of a record's first byte below the information bits.
    enum Tag {
        static let node: UInt8 = 1
        static let offPage: UInt8 = 2
        static let system: UInt8 = 4
    }

    /// Creates a writer of an empty list in `buffer`; a page's records always fit 16384 bytes.
    init(_ buffer: UnsafeMutableRawBufferPointer) {
        unsafe self.buffer = buffer
    }

    /// The list.
    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: buffer[0..<byteCount]) }

    /// Appends a record; returns false if the buffer has no room for it.
    @inline(__always)
    mutating func append(_ image: RecordImage) -> Bool {
        let length = image.packedByteCount()
        guard unsafe length <= buffer.count &- byteCount, let target = unsafe buffer.baseAddress else { return false }
        byteCount &+= unsafe image.pack(to: target + byteCount)
        recordCount &+= 1
        heapByteCount &+= image.byteCount
        return true
    }

    /// Appends the records of `page` from the one at `first` up to, but without, the one at `end` (the supremum: all).
    ///
    /// Returns false if the buffer has no room for all of them.
    mutating func append(_ page: IndexPage, from first: Int, to end: Int = IndexPage.supremum) -> Bool {
        var origin = first
        var steps = page.recordCount
        while origin != end, origin != IndexPage.supremum, steps > 0 {
            let record = page.record(at: origin)
            guard append(RecordImage(record)) else { return false }
            origin = record.next
            steps -= 1
        }
        return true
    }
}
