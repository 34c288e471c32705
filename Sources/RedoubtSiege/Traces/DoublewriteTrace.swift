import RedoubtCore

/// A doublewrite file as recorded writes leave it: what of it is durable, and the segments in that.
struct DoublewriteTrace {
    /// A write that no sync has covered: a power cut leaves any of its bytes, or what was there.
    private struct Write {
        /// The event that began it.
        let number: Int
        let offset: Int
        let bytes: ArraySlice<UInt8>
        var isEnded: Bool
        /// A sync of it failed, so that no later one covers it.
        var isStuck = false

        var range: Range<Int> { offset..<offset + bytes.count }

        /// What can still appear of it once a newer write to `cover` is durable.
        func remains(under cover: Range<Int>) -> [Write] {
            guard range.overlaps(cover) else { return [self] }
            let before = bytes.prefix(max(0, cover.lowerBound - offset))
            let behind = bytes.suffix(max(0, range.upperBound - cover.upperBound))
            return [part(before, at: offset), part(behind, at: cover.upperBound)].filter { !$0.bytes.isEmpty }
        }

        private func part(_ bytes: ArraySlice<UInt8>, at offset: Int) -> Write {
            Write(number: number, offset: offset, bytes: bytes, isEnded: isEnded, isStuck: isStuck)
        }
    }

    // What is durable where no unsynced write may have changed it, and the segments in that, by offset.
    private var bytes: [UInt8]
    private var segments: [Int: RecordedBytes.Segment] = [:]
    private var unsynced: [Write] = []

    /// Begins with a file that durably holds `bytes`.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        readHeaders(0..<bytes.count)
    }

    /// Takes note of a write by event `number`, which has ended or not.
    mutating func write(_ offset: Int, _ bytes: [UInt8], number: Int, isEnded: Bool) {
        unsynced.append(Write(number: number, offset: offset, bytes: bytes[...], isEnded: isEnded))
    }

    /// Takes note of the end of the write that event `number` began.
    mutating func finish(_ number: Int) {
        for index in unsynced.indices where unsynced[index].number == number { unsynced[index].isEnded = true }
    }

    /// Takes note that the file was made shorter.
    mutating func truncate(to size: Int) {
        guard size < bytes.count else { return }
        bytes.removeLast(bytes.count - size)
        segments = segments.filter { $0.key + pageByteCount <= size }
    }

    /// Takes note of a sync; after one that failed nothing of what it should have covered counts.
    mutating func sync(hasFailed: Bool) {
        var left: [Write] = []
        for var write in unsynced {
            guard write.isEnded && !write.isStuck else {
                left.append(write)
                continue
            }
            if hasFailed {
                write.isStuck = true
                left.append(write)
            } else {
                settle(write)
                left = left.flatMap { $0.remains(under: write.range) }
            }
        }
        unsynced = left
    }

    private mutating func settle(_ write: Write) {
        let missing = write.range.upperBound - bytes.count
        if missing > 0 { bytes += [UInt8](repeating: 0, count: missing) }
        bytes.replaceSubrange(write.range, with: write.bytes)
        readHeaders(write.range)
    }

    /// Finds the segments that begin in the pages of `range`.
    private mutating func readHeaders(_ range: Range<Int>) {
        let first = range.lowerBound / pageByteCount * pageByteCount
        for start in stride(from: first, to: range.upperBound, by: pageByteCount) {
            segments[start] = RecordedBytes.segment(bytes[start...])
        }
    }

    /// Whether nothing but what is durable can be found in `range`.
    private func isSettled(_ range: Range<Int>) -> Bool {
        range.upperBound <= bytes.count && !unsynced.contains { $0.range.overlaps(range) }
    }

    /// Whether a copy of what is `wanted` is there, however much of what is not durable is.
    func holds(_ wanted: CopyTrace.Wanted) -> Bool {
        segments.contains { start, segment in
            guard wanted.database == nil || segment.database == wanted.database else { return false }
            guard segment.content != .names || wanted.isNameEnough else { return false }
            return segment.copies.contains { copy in
                guard copy.image == wanted.image, isSettled(start..<start + pageByteCount) else { return false }
                if segment.content == .names { return true }
                let place = start + copy.place.lowerBound..<start + copy.place.upperBound
                return isSettled(place) && copy.makes(wanted.bytes, from: bytes[place])
            }
        }
    }
}
