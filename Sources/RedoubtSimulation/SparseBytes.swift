import RedoubtCore

/// The content of one simulated file: 16 KiB chunks, absent where it is zero, shared until written.
///
/// A copy costs one reference a chunk; a write to a shared chunk copies that chunk only. So thousands of disk images
/// that differ in a few sectors fit in the memory of one.
package struct SparseBytes: Sendable {
    /// The bytes in a sector, the smallest thing that a power cut leaves whole.
    package static let sectorSize = 512
    static let chunkSize = 16384

    private var chunks: [SparseChunk?] = []
    /// The size of the file in bytes.
    package private(set) var size: UInt64 = 0

    /// Creates an empty content.
    package init() {}

    /// Copies what lies at `offset` to `target`; returns the bytes copied, fewer than asked only at the end.
    package func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) -> Int {
        guard offset < size else { return 0 }
        let count = Int(min(UInt64(target.count), size - offset))
        var done = 0
        while done < count {
            let position = Int(offset) + done
            let within = position % Self.chunkSize
            let part = min(count - done, Self.chunkSize - within)
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: target[done..<done + part])
            if let chunk = chunk(position / Self.chunkSize) {
                unsafe piece.copyMemory(from: UnsafeRawBufferPointer(start: chunk.bytes + within, count: part))
            } else {
                unsafe piece.initializeMemory(as: UInt8.self, repeating: 0)
            }
            done += part
        }
        return count
    }

    /// Writes `source` at `offset` and grows the content to hold it.
    package mutating func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) {
        grow(to: offset + UInt64(source.count))
        var done = 0
        while done < source.count {
            let position = Int(offset) + done
            let within = position % Self.chunkSize
            let part = min(source.count - done, Self.chunkSize - within)
            let bytes = unsafe ownedChunk(position / Self.chunkSize)
            let piece = unsafe UnsafeRawBufferPointer(rebasing: source[done..<done + part])
            unsafe UnsafeMutableRawBufferPointer(start: bytes + within, count: part).copyMemory(from: piece)
            done += part
        }
    }

    /// Grows the content to `newSize` bytes with zeros; does nothing if it is that long.
    package mutating func grow(to newSize: UInt64) {
        guard newSize > size else { return }
        size = newSize
        let needed = (Int(newSize) + Self.chunkSize - 1) / Self.chunkSize
        if chunks.count < needed {
            chunks.append(contentsOf: repeatElement(nil, count: needed - chunks.count))
        }
    }

    /// Cuts the content to `newSize` bytes; does nothing if it is that short.
    package mutating func truncate(to newSize: UInt64) {
        guard newSize < size else { return }
        size = newSize
        let needed = (Int(newSize) + Self.chunkSize - 1) / Self.chunkSize
        chunks.removeLast(chunks.count - needed)
        let within = Int(newSize) % Self.chunkSize
        if within != 0, chunk(needed - 1) != nil {
            let bytes = unsafe ownedChunk(needed - 1)
            unsafe UnsafeMutableRawBufferPointer(start: bytes + within, count: Self.chunkSize - within)
                .initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// Returns a hash of the sectors that overlap `range` of file `file`: a sum, so that parts add up; zeros count 0.
    package func sectorHash(file: Int, range: Range<UInt64>) -> UInt64 {
        guard range.lowerBound < min(range.upperBound, UInt64(chunks.count * Self.chunkSize)) else { return 0 }
        let first = Int(range.lowerBound) / Self.sectorSize
        let last = (Int(range.upperBound) + Self.sectorSize - 1) / Self.sectorSize
        let perChunk = Self.chunkSize / Self.sectorSize
        var sum: UInt64 = 0
        var sector = first
        while sector < last {
            let index = sector / perChunk
            guard index < chunks.count else { break }
            guard let chunk = chunks[index] else {
                sector = (index + 1) * perChunk
                continue
            }
            unsafe sum &+= Self.hash(
                of: UnsafeRawPointer(chunk.bytes) + sector % perChunk * Self.sectorSize,
                file: file,
                sector: sector
            )
            sector += 1
        }
        return sum
    }

    /// Returns a hash of the size of file `file`, to be added to that of the sectors.
    package func sizeHash(file: Int) -> UInt64 {
        Self.sizeHash(size, file: file)
    }

    /// Returns what a file of `size` bytes adds to the hash of a disk.
    static func sizeHash(_ size: UInt64, file: Int) -> UInt64 {
        mix(size &+ 1 ^ UInt64(truncatingIfNeeded: file) &* 0xD6E8_FEB8_6659_FD93)
    }

    /// Returns the hash of whole sectors that stand at `offset` of file `file`.
    static func hash(of bytes: UnsafeRawBufferPointer, file: Int, offset: UInt64) -> UInt64 {
        guard let base = bytes.baseAddress else { return 0 }
        let first = Int(offset) / sectorSize
        return (0..<bytes.count / sectorSize).reduce(0) { sum, index in
            unsafe sum &+ hash(of: base + index * sectorSize, file: file, sector: first + index)
        }
    }

    private static let zeroHalf = {
        let zeros = [UInt8](repeating: 0, count: sectorSize / 2)
        return unsafe zeros.withUnsafeBytes { unsafe Checksum.crc32c($0) }
    }()

    private static func hash(of bytes: UnsafeRawPointer, file: Int, sector: Int) -> UInt64 {
        let half = sectorSize / 2
        let first = unsafe Checksum.crc32c(UnsafeRawBufferPointer(start: bytes, count: half))
        let second = unsafe Checksum.crc32c(UnsafeRawBufferPointer(start: bytes + half, count: half))
        if first == zeroHalf && second == zeroHalf { return 0 }
        let place = UInt64(truncatingIfNeeded: file) << 40 ^ UInt64(truncatingIfNeeded: sector)
        return mix(UInt64(first) << 32 ^ UInt64(second) ^ mix(place))
    }

    private func chunk(_ index: Int) -> SparseChunk? { index < chunks.count ? chunks[index] : nil }

    private mutating func ownedChunk(_ index: Int) -> UnsafeMutableRawPointer {
        if let chunk = chunks[index] {
            if isKnownUniquelyReferenced(&chunks[index]) { return unsafe chunk.bytes }
        }
        return unsafe replaceChunk(index)
    }

    private mutating func replaceChunk(_ index: Int) -> UnsafeMutableRawPointer {
        let fresh = SparseChunk(copying: chunks[index])
        chunks[index] = fresh
        return unsafe fresh.bytes
    }
}

/// Returns `value` with its bits spread over the word (the finisher of splitmix64).
package func mix(_ value: UInt64) -> UInt64 {
    var mixed = value &+ 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
}

/// The bytes of one chunk; written only while one content refers to it.
@safe
private final class SparseChunk: @unchecked Sendable {
    let bytes: UnsafeMutableRawPointer

    init(copying other: SparseChunk?) {
        unsafe bytes = .allocate(byteCount: SparseBytes.chunkSize, alignment: 4096)
        if let other {
            unsafe bytes.copyMemory(from: other.bytes, byteCount: SparseBytes.chunkSize)
        } else {
            unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0, count: SparseBytes.chunkSize)
        }
    }

    deinit {
        unsafe bytes.deallocate()
    }
}
