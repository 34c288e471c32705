import RedoubtCore

/// The room of a doublewrite file, used round and round: which segment stands where, and which may be overwritten.
///
///     | old, free | segment 7 | segment 8 | segment 9 | free ...
///                   ^ tail: the oldest whose pages      ^ end: the next goes here, or to the start
///                     may not be durable
///
/// A segment may be overwritten when the data file of each of its pages has been synced since the page was written,
/// whoever synced it. So the writer syncs only when it finds the ring full, and then until half of the ring is free.
///
/// Used by one thread at a time. The numbers of segments are consecutive.
struct DoublewriteRing {
    /// A write that a sync must cover: the write with this ticket, and all before it.
    private struct Coverage {
        let file: PageFile
        var ticket: UInt64
    }

    private struct Slot {
        var start = 0
        var pageCount = 0
        var isComplete = false
        // Each file once.
        var coverage: [Coverage] = []
    }

    /// The pages of the ring.
    let pageCount: Int
    // A queue in an array; its length is a power of two, and segment n stands at n modulo that.
    private var segments = [Slot](repeating: Slot(), count: 16)
    private var tail: UInt64 = 1
    private var next: UInt64 = 1
    private var end = 0

    /// Creates the empty ring of a file of `pageCount` pages.
    init(pageCount: Int) {
        precondition(pageCount > 0, "a doublewrite ring of \(pageCount) pages")
        self.pageCount = pageCount
    }

    private func index(_ segment: UInt64) -> Int { Int(truncatingIfNeeded: segment) & (segments.count - 1) }

    /// Whether no segment is in use.
    var isEmpty: Bool { tail == next }

    /// Whether all pages of the oldest segment in use have been written.
    var isOldestComplete: Bool { !isEmpty && segments[index(tail)].isComplete }

    /// The pages from the tail to the end, and those left out at the end of the file.
    var usedPageCount: Int {
        if isEmpty { return 0 }
        let start = segments[index(tail)].start
        return start < end ? end - start : pageCount - start + end
    }

    /// Takes room for a segment of `count` pages, and returns its number; nil if there is none.
    mutating func reserve(_ count: Int) -> UInt64? {
        precondition(count > 0 && count <= pageCount, "a segment of \(count) pages in a ring of \(pageCount)")
        dropDurable()
        guard let start = place(count) else { return nil }
        if Int(next - tail) == segments.count { grow() }
        let number = next
        let index = index(number)
        segments[index].start = start
        segments[index].pageCount = count
        segments[index].isComplete = false
        segments[index].coverage.removeAll(keepingCapacity: true)
        end = start + count
        next += 1
        return number
    }

    /// The page of the file at which `segment` starts.
    func start(of segment: UInt64) -> Int {
        precondition(segment >= tail && segment < next, "segment \(segment) is not in use")
        return segments[index(segment)].start
    }

    /// Says that a page of `segment` was written to `file`, as its write `ticket`.
    mutating func note(_ segment: UInt64, written file: PageFile, ticket: UInt64) {
        let index = index(segment)
        for place in segments[index].coverage.indices.reversed() where segments[index].coverage[place].file === file {
            segments[index].coverage[place].ticket = max(segments[index].coverage[place].ticket, ticket)
            return
        }
        segments[index].coverage.append(Coverage(file: file, ticket: ticket))
    }

    /// Says that all pages of `segment` have been written and noted.
    mutating func complete(_ segment: UInt64) {
        segments[index(segment)].isComplete = true
    }

    /// Syncs the data files of the oldest segment, which must be complete, and of the complete ones behind it until
    /// what is left fills less than half of the ring.
    ///
    /// Returns the number of syncs. Waits.
    mutating func syncOldest() throws(RedoubtError) -> Int {
        var syncCount = 0
        repeat {
            for covered in segments[index(tail)].coverage where !covered.file.isSynced(through: covered.ticket) {
                try covered.file.syncIfNeeded()
                syncCount += 1
            }
            dropDurable()
        } while isOldestComplete && 2 * usedPageCount >= pageCount
        return syncCount
    }

    /// Gives up the oldest segments whose pages are durable.
    private mutating func dropDurable() {
        while !isEmpty {
            let index = index(tail)
            guard segments[index].isComplete,
                segments[index].coverage.allSatisfy({ $0.file.isSynced(through: $0.ticket) })
            else { return }
            // The files may be closed and gone before the entry is used again.
            segments[index].coverage.removeAll(keepingCapacity: true)
            tail += 1
        }
    }

    /// Where `count` pages in a row are free.
    private func place(_ count: Int) -> Int? {
        if isEmpty { return end + count <= pageCount ? end : 0 }
        let first = segments[index(tail)].start
        if first < end {
            if end + count <= pageCount { return end }
            return count <= first ? 0 : nil
        }
        // The segments in use go round the end.
        return end + count <= first ? end : nil
    }

    private mutating func grow() {
        var larger = [Slot](repeating: Slot(), count: 2 * segments.count)
        for number in tail..<next { larger[Int(number) & (larger.count - 1)] = segments[index(number)] }
        segments = larger
    }
}
