import RedoubtCore
import RedoubtSystem

/// What must happen between a scan and the first new write.
///
/// Blocks that an earlier life wrote beyond the durable end are whole and carry the right numbers. Were they left
/// there, a second crash, after new blocks have filled the gap before them, would splice them in. So they are
/// overwritten by zeros, the last block is cut where the stream ends, and all that is synced before anything new is
/// written.
@safe
struct LogContinuation: ~Copyable {
    /// The multiple at which writes start.
    let granule: Int
    private let memory: AlignedBuffer
    private let retainedByteCount: Int

    /// The bytes from the start of the last granule to the end of the last block that holds redo.
    var retained: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: memory.bytes[..<retainedByteCount])
    }

    private init(granule: Int, memory: consuming AlignedBuffer, retainedByteCount: Int) {
        self.granule = granule
        self.memory = memory
        self.retainedByteCount = retainedByteCount
    }

    /// Syncs what was scanned, reads the last granule, and removes what is stale.
    ///
    /// Waits for the disk.
    static func prepare(
        _ scan: LogScanResult,
        configuration: Configuration.RedoLog
    ) throws(RedoubtError) -> LogContinuation {
        let files = scan.files
        let granule = LogWriter.granule(alignment: files.alignment, configuration: configuration)
        let memory = try AlignedBuffer(byteCount: granule)
        // It may be in the page cache only, and everything that follows relies on it.
        for file in files.activeFiles { try file.file.sync() }

        let sequence = scan.endLSN.sequenceNumber
        let block = sequence / 496 * 512
        let base = block / UInt64(granule) * UInt64(granule)
        let count = Int(block - base) + (sequence % 496 == 0 ? 0 : 512)
        if let file = files.file(containing: block) {
            // What is beyond the last block is not wanted.
            let end = file.offset(of: base) + UInt64(count)
            let settled = file.file.settledByteCount(at: end, count: granule - count)
            let known = unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[..<(count + settled)])
            try unsafe read(into: known, at: base, from: file)
            unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[count...])
                .initializeMemory(as: UInt8.self, repeating: 0)
            if sequence % 496 != 0, let start = unsafe memory.bytes.baseAddress {
                unsafe LogBlock.seal(
                    start + Int(block - base),
                    index: block / 512,
                    dataEnd: 12 + Int(sequence % 496),
                    firstGroup: Int(scan.firstGroup),
                    durableBlockCount: LogBlock.durableBlockCount(below: scan.endLSN)
                )
            }
            if scan.hasStaleBytes {
                if Scheduling.breaks(.clearsBeforeRewriting) {
                    try clear(from: base, to: base + UInt64(granule), in: files)
                }
                try unsafe file.file.write(UnsafeRawBufferPointer(memory.bytes), at: file.offset(of: base))
                try file.file.sync()
                try clear(from: base + UInt64(granule), to: scan.staleEnd * 512, in: files)
            }
            try files.retire(from: block + 512)
        }
        return LogContinuation(granule: granule, memory: memory, retainedByteCount: count)
    }

    private static func read(
        into target: UnsafeMutableRawBufferPointer,
        at position: UInt64,
        from file: LogFile
    ) throws(RedoubtError) {
        let count = try unsafe file.file.read(into: target, at: file.offset(of: position))
        guard count == target.count else {
            throw RedoubtError(.readFailed, "the redo at LSN \(position) could not be read again", path: file.file.path)
        }
    }

    private static func clear(from start: UInt64, to end: UInt64, in files: LogFileSet) throws(RedoubtError) {
        guard start < end, !Scheduling.breaks(.leavesStaleBlocks) else { return }
        let zeros = try AlignedBuffer(byteCount: 64 << 10)
        for file in files.activeFiles where file.end > start && file.start < end {
            var position = max(start, file.start)
            while position < min(end, file.end) {
                let count = min(
                    UInt64(64 << 10),
                    (min(end, file.end) - position + 4095) / 4096 * 4096,
                    file.end - position
                )
                let piece = unsafe UnsafeRawBufferPointer(rebasing: zeros.bytes[..<Int(count)])
                try unsafe file.file.write(piece, at: file.offset(of: position))
                position += count
            }
            try file.file.sync()
        }
    }
}
