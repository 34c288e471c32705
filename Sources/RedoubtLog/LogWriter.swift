import RedoubtCore
import RedoubtSystem

/// Makes blocks of published redo and writes them: the one place where redo reaches the files.
///
/// The bytes of the last device block that is only partly full stay at the front of the staging memory, so that the
/// next write past the page cache covers it whole, and the first one into the cache whole pages: nothing is ever read
/// back. Into pages that are cached go the blocks that changed, and no others.
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
    /// The sequence number up to which the page cache was written to: what is not durable below it may be there only.
    private var cachedEnd: UInt64 = 0
    /// The offset in the present file up to which the pages from ``base`` on are cached whole; 0 if they are not.
    private var cachedOffset: UInt64 = 0
    private let pledge: LogPledge

    /// Creates a writer that continues at `end`; `retained` are the bytes from the start of its granule on.
    init(
        files: LogFileSet,
        configuration: Configuration.RedoLog,
        end: LogSequenceNumber,
        pledge: LogPledge,
        granule: Int,
        retained: UnsafeRawBufferPointer
    ) throws(RedoubtError) {
        self.files = files
        self.pledge = pledge
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
        by route: LogRoute,
        from buffer: borrowing LogBuffer,
        durable: LogSequenceNumber,
        _ progress: (UInt64) throws(RedoubtError) -> Void
    ) throws(RedoubtError) {
        while written < ready {
            let file = try presentFile()
            let limit = min(file.end, base + stagingCapacity) / 512 * 496
            let end = min(ready, limit)
            formBlocks(upTo: end, from: buffer, durable: durable)
            let wantsCache = route == .cache || cachedEnd > durable.sequenceNumber
            let isCached = try wantsCache ? transferCached(upTo: end, to: file) : false
            if !isCached { try transfer(upTo: end, to: file) }
            // After the write: a sync that runs meanwhile takes the note away, and may not cover the write.
            files.noteWritten(file)
            written = end
            keepPartialGranule()
            try progress(end)
        }
    }

    private func presentFile() throws(RedoubtError) -> LogFile {
        if let file = files.file(containing: base) { return file }
        writeAheadEnd = 0
        cachedOffset = 0
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

    /// Puts zeros behind the block that holds the byte before `end`, up to a multiple of `unit` or the end of the file;
    /// returns the offset where they end.
    private func pad(_ end: UInt64, to unit: UInt64, in file: LogFile) -> UInt64 {
        let used = usedOffset(end, in: file)
        let padded = min((used + unit - 1) / unit * unit, file.offset(of: file.end))
        if let memory = unsafe staging.bytes.baseAddress {
            let rest = unsafe memory + Int(used - file.offset(of: base))
            unsafe rest.initializeMemory(as: UInt8.self, repeating: 0, count: Int(padded - used))
        }
        return padded
    }

    /// Returns where the block that holds the byte before `end` ends in `file`.
    private func usedOffset(_ end: UInt64, in file: LogFile) -> UInt64 { file.offset(of: (end + 495) / 496 * 512) }

    /// Returns the bytes that belong from `start` to `end` in `file`.
    private func staged(_ start: UInt64, _ end: UInt64, in file: LogFile) -> UnsafeRawBufferPointer {
        let offset = file.offset(of: base)
        return unsafe UnsafeRawBufferPointer(rebasing: staging.bytes[Int(start - offset)..<Int(end - offset)])
    }

    private func transfer(upTo end: UInt64, to file: LogFile) throws(RedoubtError) {
        let offset = file.offset(of: base)
        let isBeyond = usedOffset(end, in: file) > writeAheadEnd
        let padded = pad(end, to: isBeyond ? writeAhead : granule, in: file)
        // The kernel drops the pages.
        cachedOffset = 0
        try unsafe file.file.write(staged(offset, padded, in: file), at: offset)
        if isBeyond { writeAheadEnd = padded }
    }

    /// Writes to the page cache; returns false if the file has none, or the first block must not be changed there.
    private func transferCached(upTo end: UInt64, to file: LogFile) throws(RedoubtError) -> Bool {
        guard file.file.takesCachedWrites else { return false }
        let block = written / 496 * 512
        let first = file.offset(of: block)
        let cached = cachedOffset
        // What precedes the block in its page is there already, unless the page may be missing.
        let offset = first <= cached ? first : file.offset(of: base)
        let isBeyond = usedOffset(end, in: file) > cached
        let padded = pad(end, to: isBeyond ? Self.page : 512, in: file)
        return try pledge.unlessPledged(block) { () throws(RedoubtError) in
            cachedOffset = 0
            cachedEnd = end
            try unsafe file.file.writeCached(staged(offset, padded, in: file), at: offset)
            cachedOffset = max(cached, padded)
        }
    }

    /// What the page cache reads and writes whole.
    private static let page: UInt64 = 4096

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
