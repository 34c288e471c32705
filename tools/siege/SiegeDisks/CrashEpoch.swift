import RedoubtSimulation

/// What was written to a disk between two flushes: what a power cut before the second one may keep or lose.
struct CrashEpoch: Sendable {
    struct Write: Sendable {
        let offset: Int
        let bytes: [UInt8]
        /// Its sectors, counted from 0, that hold the content of a file of the target: only these may tear apart.
        let data: [Int]
    }

    /// A disk, and a hash of how it differs from the one that the recording began with.
    struct Image: Sendable {
        private(set) var bytes: SparseBytes
        private(set) var hash: UInt64 = 0

        init(_ bytes: SparseBytes) { self.bytes = bytes }

        /// Writes those sectors of `write` that `isKept` names.
        mutating func apply(_ write: Write, isKept: (Int) -> Bool = { _ in true }) {
            let count = write.bytes.count / Self.sector
            var first = 0
            while first < count {
                guard isKept(first) else {
                    first += 1
                    continue
                }
                var end = first + 1
                while end < count && isKept(end) { end += 1 }
                replace(write.bytes[first * Self.sector..<end * Self.sector], at: write.offset + first * Self.sector)
                first = end
            }
        }

        private mutating func replace(_ piece: ArraySlice<UInt8>, at offset: Int) {
            let range = UInt64(offset)..<UInt64(offset + piece.count)
            hash &-= bytes.sectorHash(file: 0, range: range)
            unsafe piece.withUnsafeBytes { unsafe bytes.write($0, at: UInt64(offset)) }
            hash &+= bytes.sectorHash(file: 0, range: range)
        }

        static let sector = SparseBytes.sectorSize
    }

    /// What is durable.
    let base: Image
    let writes: [Write]
    /// The commits that must be found, and those that may be.
    let window: ClosedRange<Int>

    /// Returns the epochs of a recording that began with `start`.
    static func list(start: SparseBytes, events: [BlockEvent]) -> [CrashEpoch] {
        let extents = followingExtents(events)
        var result: [CrashEpoch] = []
        var base = Image(start)
        var writes: [Write] = []
        var acknowledged = 0
        var issued = 0
        for (index, event) in events.enumerated() {
            switch event {
            case .write(let offset, let bytes):
                let data = sectors(of: offset..<offset + bytes.count, in: extents[index])
                writes.append(Write(offset: offset, bytes: bytes, data: data))
            case .flush:
                guard !writes.isEmpty else { continue }
                result.append(CrashEpoch(base: base, writes: writes, window: acknowledged...issued))
                for write in writes { base.apply(write) }
                writes = []
            case .issued(let number): issued = number
            case .acknowledged(let number): acknowledged = number
            case .extents: break
            }
        }
        result.append(CrashEpoch(base: base, writes: writes, window: acknowledged...issued))
        return result
    }

    /// For each event the extents that were asked for next after it: there is what it wrote, if it is of a file.
    private static func followingExtents(_ events: [BlockEvent]) -> [[Range<Int>]] {
        var next: [Range<Int>] = []
        var result: [[Range<Int>]] = []
        for event in events.reversed() {
            if case .extents(let ranges) = event { next = ranges }
            result.append(next)
        }
        return result.reversed()
    }

    private static func sectors(of range: Range<Int>, in extents: [Range<Int>]) -> [Int] {
        let sector = Image.sector
        var result: [Int] = []
        for extent in extents where extent.overlaps(range) {
            let part = extent.clamped(to: range)
            let first = (part.lowerBound - range.lowerBound + sector - 1) / sector
            result += first..<max(first, (part.upperBound - range.lowerBound) / sector)
        }
        return result.sorted()
    }
}

extension CrashEpoch: CustomStringConvertible {
    /// The marks, and a line for each write.
    var description: String {
        let lines = writes.enumerated().map { index, write in
            "  write \(index): \(write.bytes.count) bytes at \(write.offset), \(write.data.count) sectors of files"
        }
        let marks = "  acknowledged \(window.lowerBound), issued \(window.upperBound)"
        return ([marks] + lines).joined(separator: "\n")
    }
}
