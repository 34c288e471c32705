import RedoubtCore
import RedoubtSystem

/// Reads redo blocks by index, in large pieces.
struct LogBlockReader: ~Copyable {
    /// The bytes read at once.
    static let pieceByteCount = 256 << 10

    private let files: LogFileSet
    private let piece: AlignedBuffer
    private var firstIndex: UInt64 = 0
    private var blockCount: UInt64 = 0

    init(files: LogFileSet) throws(RedoubtError) {
        self.files = files
        piece = try AlignedBuffer(byteCount: Self.pieceByteCount, needsZeros: false)
    }

    /// Returns the 512 bytes of the block with this index, valid until the next call; nil beyond the last file in use.
    mutating func block(_ index: UInt64) throws(RedoubtError) -> UnsafeRawPointer? {
        if index < firstIndex || index >= firstIndex + blockCount {
            guard let file = files.file(containing: index * 512) else { return nil }
            // From a 4 KiB boundary on: the start of a file is one.
            var start = index * 512 / 4096 * 4096
            var count = settled(file, from: start)
            if start + count <= index * 512 {
                start = index * 512
                count = max(512, settled(file, from: start))
            }
            let target = unsafe UnsafeMutableRawBufferPointer(rebasing: piece.bytes[..<Int(count)])
            let read = try unsafe file.file.read(into: target, at: file.offset(of: start))
            unsafe UnsafeMutableRawBufferPointer(rebasing: target[read...]).initializeMemory(
                as: UInt8.self,
                repeating: 0
            )
            firstIndex = start / 512
            blockCount = count / 512
        }
        guard let base = unsafe piece.bytes.baseAddress else { return nil }
        return unsafe UnsafeRawPointer(base + Int(index - firstIndex) * 512)
    }

    /// The bytes that can be read at once from `start` on: in an exploration, no block that was not asked for.
    private func settled(_ file: LogFile, from start: UInt64) -> UInt64 {
        let count = Int(min(UInt64(Self.pieceByteCount), file.end - start))
        return UInt64(file.file.settledByteCount(at: file.offset(of: start), count: count)) / 512 * 512
    }

    /// Forgets what was read.
    mutating func invalidate() { blockCount = 0 }
}
