package import RedoubtCore
package import RedoubtSimulation

/// What a recorded trace says about page writes and their doublewrite copies, and where it breaks the rules.
///
/// A page write to a data file should find a copy of the page, synced, in a segment that nothing has overwritten; and a
/// segment must not be overwritten before a sync of the data file after the page's write ended. A write of a part of a
/// page leaves it torn until it is written as a whole. Files are told apart by what is written to them.
package struct WriteTrace {
    /// The copies overwritten too early, in order.
    package private(set) var breaches: [String] = []
    /// The segments written.
    package private(set) var segmentCount = 0
    /// The bytes of the segments.
    package private(set) var segmentByteCount = 0
    /// The segments that were overwritten, in part or as a whole.
    package private(set) var overwrittenCount = 0
    /// The segments written while page writes were under way.
    package private(set) var pipelinedCount = 0
    /// The page writes.
    package private(set) var pageCount = 0
    /// The pages written, in order.
    package private(set) var pages: [PageID] = []
    /// The pages written without a copy, in order.
    package private(set) var unprotected: [PageID] = []
    /// The writes of parts of pages.
    package private(set) var tornCount = 0
    /// The syncs of data files.
    package private(set) var dataSyncCount = 0

    private struct Segment {
        let start: UInt64
        /// What its header says; nil if that is not whole.
        let header: RecordedBytes.Segment?
        /// What was written of it, from its start on.
        var bytes: [UInt8]
        /// The writes of it that have not ended.
        var underWay: Set<Int>
        var isDurable = false

        var range: Range<UInt64> { start..<start + UInt64(bytes.count) }

        /// The copies that are there.
        var copies: [RecordedBytes.Copy] {
            guard let header, header.content != .names else { return [] }
            return header.copies.filter { $0.place.upperBound <= bytes.count }
        }

        /// Whether a tear of `image` may still need it.
        func isNeeded(for image: RecordedBytes.Image) -> Bool { copies.contains { $0.image == image } }

        /// Whether it has a copy of `image`, which `written` is, or is the first part of.
        func holds(_ image: RecordedBytes.Image, _ written: [UInt8]) -> Bool {
            copies.contains { $0.image == image && $0.makes(written[...], from: bytes[$0.place]) }
        }
    }

    private struct PageWrite {
        let page: PageID
        let lsn: UInt64
        let file: Int

        var image: RecordedBytes.Image { (page, lsn) }
    }

    private var segments: [Int: [Segment]] = [:]
    private var dataFiles: Set<Int> = []
    private var underWay: [Int: PageWrite] = [:]
    private var unsynced: [PageWrite] = []
    private var torn: [PageWrite] = []

    /// Reads `trace`; what was written before event `first` is not judged.
    package init(_ trace: [SimulatedEvent], from first: Int = 0) {
        for event in trace {
            switch event {
            case .change(.write(let file, let offset, let bytes)), .start(.write(let file, let offset, let bytes)):
                if Self.wholePage(offset, bytes) != nil { dataFiles.insert(file) }
            default: break
            }
        }
        for (number, event) in trace.enumerated() {
            switch event {
            case .change(.write(let file, let offset, let bytes)) where number >= first:
                write(file, offset, bytes, number, isEnded: true)
            case .start(.write(let file, let offset, let bytes)) where number >= first:
                write(file, offset, bytes, number, isEnded: false)
            case .finish(let sequence):
                if let write = underWay.removeValue(forKey: sequence) { unsynced.append(write) }
                for file in segments.keys { finish(file, sequence) }
            case .sync(let file):
                sync(file)
                if number >= first && dataFiles.contains(file) { dataSyncCount += 1 }
            default: break
            }
        }
    }

    private mutating func write(_ file: Int, _ offset: UInt64, _ bytes: [UInt8], _ number: Int, isEnded: Bool) {
        if RecordedBytes.beginSegment(bytes) {
            writeSegment(file, offset, bytes, number, isEnded: isEnded)
        } else if extendSegment(file, offset, bytes, number, isEnded: isEnded) {
            return
        } else if let found = Self.wholePage(offset, bytes) {
            let write = PageWrite(page: found.page, lsn: found.lsn, file: file)
            dataFiles.insert(file)
            pageCount += 1
            pages.append(found.page)
            check(write, bytes)
            torn.removeAll { $0.page == found.page }
            if isEnded { unsynced.append(write) } else { underWay[number] = write }
        } else if dataFiles.contains(file), bytes.count < pageByteCount, offset % UInt64(pageByteCount) == 0 {
            let (page, lsn) = RecordedBytes.header(bytes[...])
            tornCount += 1
            check(PageWrite(page: page, lsn: lsn, file: file), bytes)
            torn.append(PageWrite(page: page, lsn: lsn, file: file))
        } else if segments[file] != nil {
            overwrite(file, offset..<offset + UInt64(bytes.count), number)
        }
    }

    /// Notes a page that is written without a copy.
    private mutating func check(_ write: PageWrite, _ bytes: [UInt8]) {
        let all = segments.values.joined()
        if !all.contains(where: { $0.isDurable && $0.holds(write.image, bytes) }) { unprotected.append(write.page) }
    }

    private mutating func writeSegment(
        _ file: Int,
        _ offset: UInt64,
        _ bytes: [UInt8],
        _ number: Int,
        isEnded: Bool
    ) {
        let range = offset..<offset + UInt64(bytes.count)
        segmentCount += 1
        segmentByteCount += bytes.count
        if !underWay.isEmpty { pipelinedCount += 1 }
        overwrite(file, range, number)
        // Of a segment that found no space only a part is there.
        let header = RecordedBytes.segment(bytes[...])
        segments[file, default: []].append(
            Segment(start: offset, header: header, bytes: bytes, underWay: isEnded ? [] : [number])
        )
    }

    /// Takes the segments away that a write to `range` of a doublewrite file spoils.
    private mutating func overwrite(_ file: Int, _ range: Range<UInt64>, _ number: Int) {
        var kept: [Segment] = []
        for old in segments[file, default: []] {
            guard old.range.overlaps(range) else {
                kept.append(old)
                continue
            }
            overwrittenCount += 1
            for write in unsynced + torn + Array(underWay.values) where old.isNeeded(for: write.image) {
                breaches.append("event \(number) overwrites the copy of page \(write.page), which is not synced")
            }
        }
        segments[file] = kept
    }

    /// Takes a write right behind a segment that is not synced for more of its copies.
    private mutating func extendSegment(
        _ file: Int,
        _ offset: UInt64,
        _ bytes: [UInt8],
        _ number: Int,
        isEnded: Bool
    ) -> Bool {
        var list = segments[file, default: []]
        guard var segment = list.popLast(), !segment.isDurable, segment.range.upperBound == offset else { return false }
        segment.bytes += bytes
        if !isEnded { segment.underWay.insert(number) }
        segmentByteCount += bytes.count
        segments[file] = list + [segment]
        return true
    }

    private mutating func finish(_ file: Int, _ number: Int) {
        segments[file] = segments[file]?.map { segment in
            var segment = segment
            segment.underWay.remove(number)
            return segment
        }
    }

    private mutating func sync(_ file: Int) {
        if let list = segments[file] {
            segments[file] = list.map { segment in
                var segment = segment
                segment.isDurable = segment.isDurable || segment.underWay.isEmpty
                return segment
            }
        }
        unsynced.removeAll { $0.file == file }
    }

    /// The page that `bytes`, written at `offset` of a file, are the whole of; nil if they are not.
    private static func wholePage(_ offset: UInt64, _ bytes: [UInt8]) -> (page: PageID, lsn: UInt64)? {
        guard bytes.count == pageByteCount, let found = RecordedBytes.page(bytes[...]),
            found.page.number.fileOffset == offset
        else { return nil }
        return found
    }
}
