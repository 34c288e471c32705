import RedoubtCore

/// The copies of pages in doublewrite files as recorded writes leave them, and which of them are durable.
///
/// A page that a segment only names counts as copied: that it is torn will be told.
struct CopyTrace {
    private struct Copy {
        /// Where it stands, with the header that says what it is.
        let place: Range<UInt64>
        let images: [RecordedBytes.Image]
        var isDurable = false
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
        copies[file, default: []].removeAll { copy in
            // A segment that is not synced yet may be written in several pieces, from its start on.
            copy.place.overlaps(range) && (copy.isDurable || range.contains(copy.place.lowerBound))
        }
        for start in stride(from: 0, through: bytes.count - pageByteCount, by: pageByteCount) {
            let page = bytes[start..<start + pageByteCount]
            let place = offset + UInt64(start)
            if let segment = RecordedBytes.segment(page) {
                guard segment.namesOnly || segment.holdsSectors else { continue }
                add(Copy(place: place..<place + UInt64(segment.byteCount), images: segment.pages), to: file)
            } else if let image = RecordedBytes.page(page), image.lsn > 0 {
                add(Copy(place: place..<place + UInt64(pageByteCount), images: [image]), to: file)
            }
        }
    }

    private mutating func add(_ copy: Copy, to file: Int) { copies[file, default: []].append(copy) }

    /// Takes note of a sync; after one that failed nothing of what it should have covered counts.
    mutating func sync(_ file: Int, hasFailed: Bool) {
        guard var list = copies[file] else { return }
        if hasFailed { list.removeAll { !$0.isDurable } }
        for index in list.indices { list[index].isDurable = true }
        copies[file] = list
    }

    /// Whether a durable copy of `image` is there, whole or of sectors.
    func holds(_ image: RecordedBytes.Image) -> Bool {
        copies.values.contains { list in
            list.contains { $0.isDurable && $0.images.contains { $0 == image } }
        }
    }
}
