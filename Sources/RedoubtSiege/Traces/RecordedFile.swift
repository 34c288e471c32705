import RedoubtCore

/// A file as recorded writes leave it: what is durable of it, and what a power cut may leave over that.
struct RecordedFile {
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

    /// What is durable, where no unsynced write may have changed it.
    private(set) var bytes: [UInt8]
    private var unsynced: [Write] = []

    /// Begins with a file that durably holds `bytes`.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
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
        if size < bytes.count { bytes.removeLast(bytes.count - size) }
    }

    /// Takes note of a sync, and returns where it made writes durable; after one that failed nothing of what it should
    /// have covered counts.
    mutating func sync(hasFailed: Bool) -> [Range<Int>] {
        var (left, settled): ([Write], [Range<Int>]) = ([], [])
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
                settled.append(write.range)
                left = left.flatMap { $0.remains(under: write.range) }
            }
        }
        unsynced = left
        return settled
    }

    private mutating func settle(_ write: Write) {
        let missing = write.range.upperBound - bytes.count
        if missing > 0 { bytes += [UInt8](repeating: 0, count: missing) }
        bytes.replaceSubrange(write.range, with: write.bytes)
    }

    /// Whether nothing but what is durable can be found in `range`.
    func isSettled(_ range: Range<Int>) -> Bool {
        range.upperBound <= bytes.count && !unsynced.contains { $0.range.overlaps(range) }
    }

    /// What can be found in `range`: what is durable, or what each unsynced write makes of that; or mixtures of these.
    func versions(of range: Range<Int>) -> [ArraySlice<UInt8>] {
        let there = bytes[min(range.lowerBound, bytes.count)..<min(range.upperBound, bytes.count)]
        let durable =
            there.count == range.count ? there : there + [UInt8](repeating: 0, count: range.count - there.count)
        return [durable]
            + unsynced.filter { $0.range.overlaps(range) }.map { write in
                let common = write.range.clamped(to: range)
                let part = write.bytes.dropFirst(common.lowerBound - write.offset).prefix(common.count)
                if common == range { return part }
                return durable.prefix(common.lowerBound - range.lowerBound) + part
                    + durable.dropFirst(common.upperBound - range.lowerBound)
            }
    }
}
