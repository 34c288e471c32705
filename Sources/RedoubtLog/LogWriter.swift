import RedoubtCore
import RedoubtSystem

/// Makes blocks of published redo and writes them: the one place where redo reaches the files.
///
/// The bytes of the last device block that is only partly full stay at the front of the staging memory, so that the
/// next write covers it whole and nothing is ever read back:
///
///     staging    | full | full | part | new | new | part | zeros |
///                ^ base        ^ written            ^ ready
///
/// ## Concurrency
/// For whoever holds the writer lock.
final class LogWriter: @unchecked Sendable {
    private let files: LogFileSet
    private let staging: AlignedBuffer
    private let stagingCapacity: UInt64
    /// Every write starts at a multiple of this.
    private let granule: UInt64
    private let writeAhead: UInt64
    /// The LSN of the first byte in staging; a multiple of the granule.
    private var base: UInt64
    /// The sequence number up to which redo was written.
    private(set) var written: UInt64
    /// The end of the region of the present file that is known to be initialised since the file was taken into use.
    private var writeAheadEnd: UInt64 = 0

    /// Creates a writer that continues at `end`; `retained` are the bytes from the start of its granule on.
    init(
        files: LogFileSet,
        configuration: Configuration.RedoLog,
        end: LogSequenceNumber,
        granule: Int,
        retained: UnsafeRawBufferPointer
    ) throws(RedoubtError) {
        self.files = files
        self.granule = UInt64(granule)
        writeAhead = UInt64(max(granule, configuration.writeAheadSize.rawValue))
        let capacity = min(1 << 20, configuration.bufferCapacity.rawValue)
        stagingCapacity = UInt64(capacity)
        staging = try AlignedBuffer(byteCount: capacity + 32768)
        written = end.sequenceNumber
        base = written / 496 * 512 / UInt64(granule) * UInt64(granule)
        if let source = retained.baseAddress, let target = unsafe staging.bytes.baseAddress {
            unsafe target.copyMemory(from: source, byteCount: retained.count)
        }
    }

    /// The multiple at which writes start: a device block that is written is written whole.
    static func granule(alignment: Int, configuration: Configuration.RedoLog) -> Int {
        max(512, alignment, min(4096, configuration.writeAheadSize.rawValue))
    }

    /// Writes everything up to sequence number `ready`, a group's end; calls `progress` after each transfer.
    ///
    /// Waits for the disk.
    func write(
        upTo ready: UInt64,
        from buffer: borrowing LogBuffer,
        durable: LogSequenceNumber,
        _ progress: (UInt64) throws(RedoubtError) -> Void
    ) throws(RedoubtError) {
        while written < ready {
            let file = try presentFile()
            let limit = min(file.end, base + stagingCapacity) / 512 * 496
            let end = min(ready, limit)
            formBlocks(upTo: end, from: buffer, durable: durable)
            try transfer(upTo: end, to: file)
            written = end
            keepPartialGranule()
            try progress(end)
        }
    }

    private func presentFile() throws(RedoubtError) -> LogFile {
        if let file = files.file(containing: base) { return file }
        writeAheadEnd = 0
        let file = try files.activateNext()
        precondition(file.start == base, "the next redo file starts at \(file.start), not at \(base)")
        return file
    }

    private func formBlocks(upTo end: UInt64, from buffer: borrowing LogBuffer, durable: LogSequenceNumber) {
        guard let memory = unsafe staging.bytes.baseAddress else { return }
        let durableBlockCount = LogBlock.durableBlockCount(below: durable)
        var position = written
        while position < end {
            let index = position / 496
            let inBlock = position % 496
            let count = min(496 - inBlock, end - position)
            let block = unsafe memory + Int(index * 512 - base)
            unsafe buffer.copyOut(from: position, count: Int(count), to: block + 12 + Int(inBlock))
            position += count
            unsafe LogBlock.seal(
                block,
                index: index,
                dataEnd: 12 + Int(inBlock + count),
                firstGroup: buffer.firstGroup(block: index),
                durableBlockCount: durableBlockCount
            )
        }
    }

    private func transfer(upTo end: UInt64, to file: LogFile) throws(RedoubtError) {
        // The end of the last block with bytes.
        let blocksEnd = (end + 495) / 496 * 512
        let offset = file.offset(of: base)
        let used = offset + (blocksEnd - base)
        let isBeyond = used > writeAheadEnd
        let unit = isBeyond ? writeAhead : granule
        let padded = min((used + unit - 1) / unit * unit, file.offset(of: file.end))
        if let memory = unsafe staging.bytes.baseAddress {
            unsafe (memory + Int(used - offset)).initializeMemory(
                as: UInt8.self,
                repeating: 0,
                count: Int(padded - used)
            )
        }
        try unsafe file.file.write(
            UnsafeRawBufferPointer(rebasing: staging.bytes[..<Int(padded - offset)]),
            at: offset
        )
        if isBeyond { writeAheadEnd = padded }
        // After the write: a sync that runs meanwhile takes the note away, and may not cover the write.
        files.noteWritten(file)
    }

    private func keepPartialGranule() {
        let block = written / 496 * 512
        let newBase = block / granule * granule
        guard newBase > base, let memory = unsafe staging.bytes.baseAddress else { return }
        let end = written % 496 == 0 ? block : block + 512
        let kept = Scheduling.breaks(.dropsPartialBlock) ? 0 : end - newBase
        unsafe memory.copyMemory(from: memory + Int(newBase - base), byteCount: Int(kept))
        base = newBase
    }
}
