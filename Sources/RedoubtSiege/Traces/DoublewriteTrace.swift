import RedoubtCore

/// A doublewrite file as recorded writes leave it, and the segments that are durable in it.
struct DoublewriteTrace {
    private var file: RecordedFile
    // By offset.
    private var segments: [Int: RecordedBytes.Segment] = [:]

    /// Begins with a file that durably holds `bytes`.
    init(_ bytes: [UInt8]) {
        file = RecordedFile(bytes)
        readHeaders(0..<bytes.count)
    }

    /// Takes note of a write by event `number`, which has ended or not.
    mutating func write(_ offset: Int, _ bytes: [UInt8], number: Int, isEnded: Bool) {
        file.write(offset, bytes, number: number, isEnded: isEnded)
    }

    /// Takes note of the end of the write that event `number` began.
    mutating func finish(_ number: Int) { file.finish(number) }

    /// Takes note that the file was made shorter.
    mutating func truncate(to size: Int) {
        file.truncate(to: size)
        segments = segments.filter { $0.key + pageByteCount <= size }
    }

    /// Takes note of a sync; after one that failed nothing of what it should have covered counts.
    mutating func sync(hasFailed: Bool) {
        for range in file.sync(hasFailed: hasFailed) { readHeaders(range) }
    }

    /// Finds the segments that begin in the pages of `range`.
    private mutating func readHeaders(_ range: Range<Int>) {
        let first = range.lowerBound / pageByteCount * pageByteCount
        for start in stride(from: first, to: range.upperBound, by: pageByteCount) {
            segments[start] = RecordedBytes.segment(file.bytes[start...])
        }
    }

    /// Whether a copy of what is `wanted` is there, however much of what is not durable is.
    func holds(_ wanted: CopyTrace.Wanted) -> Bool {
        segments.contains { start, segment in
            guard wanted.database == nil || segment.database == wanted.database else { return false }
            guard segment.content != .names || wanted.isNameEnough else { return false }
            return segment.copies.contains { copy in
                guard copy.image == wanted.image, file.isSettled(start..<start + pageByteCount) else { return false }
                if segment.content == .names { return true }
                let place = start + copy.place.lowerBound..<start + copy.place.upperBound
                return file.isSettled(place) && copy.makes(wanted.bytes, from: file.bytes[place], over: wanted.versions)
            }
        }
    }
}
