import RedoubtCore

/// The copies of pages in doublewrite files as recorded writes leave them, and which of them are durable.
///
/// A page that a segment only names counts as copied: that it is torn will be told. An image counts as long as a header
/// says that it is one: a recovery looks at no other.
struct CopyTrace {
    /// A segment: a header, and what it says is behind it.
    private struct Copy {
        /// Where it stands.
        let place: Range<UInt64>
        let segment: RecordedBytes.Segment
        /// The images that are there, of those that the header names.
        var present: Set<Int> = []
        var isDurable = false

        init(_ segment: RecordedBytes.Segment, at offset: UInt64) {
            self.segment = segment
            place = offset..<offset + UInt64(segment.byteCount)
        }

        /// Whether a write to `range` leaves nothing of it.
        func isGone(_ range: Range<UInt64>) -> Bool {
            if range.overlaps(place.lowerBound..<place.lowerBound + UInt64(pageByteCount)) { return true }
            // A segment that is not synced yet may be written in several pieces, from its start on.
            return !segment.holdsImages && isDurable && range.overlaps(place)
        }

        /// Takes note of a write of `bytes` at `offset`.
        mutating func write(_ bytes: [UInt8], at offset: UInt64) {
            guard segment.holdsImages else { return }
            for (index, image) in segment.pages.enumerated() {
                let start = place.lowerBound + UInt64((index + 1) * pageByteCount)
                let end = start + UInt64(pageByteCount)
                guard start < offset + UInt64(bytes.count), end > offset else { continue }
                present.remove(index)
                guard !isDurable, start >= offset, end <= offset + UInt64(bytes.count) else { continue }
                let found = RecordedBytes.page(bytes[Int(start - offset)..<Int(end - offset)])
                if let found, found == image { present.insert(index) }
            }
        }

        func holds(_ image: RecordedBytes.Image) -> Bool {
            guard let index = segment.pages.firstIndex(where: { $0 == image }) else { return false }
            return !segment.holdsImages || present.contains(index)
        }
    }

    private var copies: [Int: [Copy]] = [:]

    /// Whether there has been any file of copies that still is.
    var isUsed: Bool { !copies.isEmpty }

    /// Takes note of an empty doublewrite file.
    mutating func create(_ file: Int) { copies[file] = [] }

    /// Takes note that a doublewrite file is gone.
    mutating func remove(_ file: Int) { copies[file] = nil }

    /// Takes in a doublewrite file of the disk that recording began with.
    mutating func load(_ file: Int, _ bytes: [UInt8]) {
        write(file, 0, bytes)
        sync(file, hasFailed: false)
    }

    /// Takes note of a write to a doublewrite file.
    mutating func write(_ file: Int, _ offset: UInt64, _ bytes: [UInt8]) {
        let range = offset..<offset + UInt64(bytes.count)
        var list = copies[file, default: []]
        list.removeAll { $0.isGone(range) }
        for start in stride(from: 0, through: bytes.count - pageByteCount, by: pageByteCount) {
            guard let segment = RecordedBytes.segment(bytes[start..<start + pageByteCount]) else { continue }
            list.append(Copy(segment, at: offset + UInt64(start)))
        }
        for index in list.indices { list[index].write(bytes, at: offset) }
        copies[file] = list
    }

    /// Takes note of a sync; after one that failed nothing of what it should have covered counts.
    mutating func sync(_ file: Int, hasFailed: Bool) {
        guard var list = copies[file] else { return }
        if hasFailed { list.removeAll { !$0.isDurable } }
        for index in list.indices { list[index].isDurable = true }
        copies[file] = list
    }

    /// Whether a durable copy of `image` is there, whole or of sectors.
    func holds(_ image: RecordedBytes.Image) -> Bool {
        copies.values.contains { list in list.contains { $0.isDurable && $0.holds(image) } }
    }
}
