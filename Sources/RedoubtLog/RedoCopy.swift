package import RedoubtCore
package import RedoubtSystem
import Synchronization

/// A copy of the redo, from the checkpoint on, made while the log is in use: a redo log of one file.
///
/// From the making of the copy to ``end()`` the checkpoint stays at or below what was copied, so no file with redo that
/// is still wanted is used again. Writers that run out of redo capacity wait for ``follow()`` meanwhile; who makes the
/// copy calls it often, and waits for nobody who waits for capacity.
///
/// For one thread at a time.
@safe
package final class RedoCopy {
    /// Where recovery of the copy starts.
    package let checkpointLSN: LogSequenceNumber

    private let log: RedoLog
    private let target: any StorageFile
    private let buffer: AlignedBuffer
    /// The position of the first byte of the copy, a multiple of a granule.
    private let start: UInt64
    /// The blocks below it were copied.
    private var next: UInt64
    private var isHeld = true

    private static let granule: UInt64 = 4096
    private static let pieceByteCount = 256 << 10
    // A block that is being written again is whole a moment later.
    private static let tryCountMaximum = 200

    /// Begins the copy in the empty file `target`, and holds the checkpoint.
    ///
    /// - Throws: `.busy` if a copy is being made already.
    package init(_ log: RedoLog, to target: any StorageFile) throws(RedoubtError) {
        buffer = try AlignedBuffer(byteCount: Self.pieceByteCount)
        self.log = log
        self.target = target
        checkpointLSN = try log.holdCheckpoint()
        start = checkpointLSN.rawValue / Self.granule * Self.granule
        next = start
    }

    deinit { end() }

    /// Lets the checkpoint go on; called once the copy is finished or given up.
    package func end() {
        guard isHeld else { return }
        isHeld = false
        log.releaseCheckpoint()
    }

    /// Copies what has become durable, and lets the checkpoint move up to there.
    ///
    /// Waits for the disk.
    ///
    /// - Throws: `.corruptLog` if a block stays unreadable, `.readFailed`, `.diskFull`.
    package func follow() throws(RedoubtError) { try follow(to: log.flushedLSN) }

    /// Copies the granules that are full below `position`: they are not written again.
    private func follow(to position: LogSequenceNumber) throws(RedoubtError) {
        let durable = position.rawValue / Self.granule * Self.granule
        while next < durable {
            let count = try load(upTo: durable)
            try unsafe write(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
            next += UInt64(count)
            // The first position of the block that is copied next.
            if isHeld { log.moveHeldCheckpoint(LogSequenceNumber(rawValue: next + 12)) }
        }
    }

    /// Copies the rest up to `end`, so that this is the end of the copy, and makes it durable; returns its size.
    ///
    /// Waits for the disk.
    ///
    /// - Precondition: `end` is the end of a group, and durable.
    package func finish(at end: LogSequenceNumber) throws(RedoubtError) -> UInt64 {
        precondition(end <= log.flushedLSN, "a copy of redo up to \(end), but it is durable up to \(log.flushedLSN)")
        // No further: what is behind the end may be gone when the last granule is read.
        try follow(to: end)
        let sequence = end.sequenceNumber
        let lastBlock = sequence / 496 * 512
        let limit = lastBlock + (sequence % 496 == 0 ? 0 : 512)
        if limit > next {
            let count = try load(upTo: limit)
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[Int(limit - next)..<count])
                .initializeMemory(as: UInt8.self, repeating: 0)
            if sequence % 496 != 0 { cut(at: Int(lastBlock - next), end) }
            try unsafe write(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
            next += UInt64(count)
        }
        let size = max(next - start, Self.granule) + UInt64(LogFileHeader.dataOffset)
        try target.extendByWriting(to: size)
        try writeHeader(size, end)
        try target.sync()
        return size
    }

    // MARK: Reading

    /// Reads whole granules from `next` on, with the blocks below `limit`, until every one is valid; returns their
    /// bytes.
    private func load(upTo limit: UInt64) throws(RedoubtError) -> Int {
        guard let file = log.files.file(containing: next) else {
            throw RedoubtError(.corruptLog, "no redo file holds LSN \(next)", path: log.files.directory)
        }
        let end = min(limit, file.end, next + UInt64(Self.pieceByteCount))
        let count = Int((end - next + Self.granule - 1) / Self.granule * Self.granule)
        for attempt in 1...Self.tryCountMaximum {
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
            let read = try unsafe file.file.read(into: piece, at: file.offset(of: next))
            if read == count && areWhole(Int((end - next) / 512)) { return count }
            if attempt < Self.tryCountMaximum { Scheduling.sleep(microseconds: 1000) }
        }
        throw RedoubtError(
            .corruptLog,
            "a block of the redo from LSN \(next) on cannot be read whole; check the disk",
            path: file.file.path
        )
    }

    private func areWhole(_ blockCount: Int) -> Bool {
        guard let base = unsafe buffer.bytes.baseAddress else { return false }
        return (0..<blockCount).allSatisfy {
            unsafe LogBlock.fields(base + $0 * 512, index: next / 512 + UInt64($0)) != nil
        }
    }

    // MARK: Writing

    private func write(_ bytes: UnsafeRawBufferPointer) throws(RedoubtError) {
        try unsafe target.write(bytes, at: next - start + UInt64(LogFileHeader.dataOffset))
    }

    /// Makes the block at `offset` of the buffer the last one, with nothing behind `end`.
    private func cut(at offset: Int, _ end: LogSequenceNumber) {
        guard let block = unsafe buffer.bytes.baseAddress.map({ unsafe $0 + offset }) else { return }
        let index = end.sequenceNumber / 496
        let first = unsafe LogBlock.fields(block, index: index)?.firstGroup ?? 0
        unsafe LogBlock.seal(
            block,
            index: index,
            dataEnd: 12 + Int(end.sequenceNumber % 496),
            firstGroup: first,
            durableBlockCount: LogBlock.durableBlockCount(below: end)
        )
    }

    /// Writes header and checkpoint, which make a redo log of the file.
    private func writeHeader(_ size: UInt64, _ end: LogSequenceNumber) throws(RedoubtError) {
        unsafe buffer.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        let header = LogFileHeader(
            database: log.files.database,
            start: start,
            number: 1,
            fileSize: size,
            configurationHash: 0
        )
        let checkpoint = CheckpointBlock(
            lsn: checkpointLSN.rawValue,
            durable: end.rawValue,
            number: 1,
            cleanShutdown: 0,
            fileCount: 1,
            database: log.files.database,
            replayRate: log.replayRate
        )
        guard let base = unsafe buffer.bytes.baseAddress else { return }
        unsafe header.encode(to: base)
        unsafe checkpoint.encode(to: base + Int(checkpoint.offset))
        let head = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[..<LogFileHeader.dataOffset])
        try unsafe target.write(head, at: 0)
    }
}

extension RedoLog {
    /// Keeps the checkpoint where it is, and returns it.
    ///
    /// - Throws: `.busy` if that is done already.
    func holdCheckpoint() throws(RedoubtError) -> LogSequenceNumber {
        checkpointLock.lock()
        defer { checkpointLock.unlock() }
        let present = checkpoint.value.load(ordering: .relaxed)
        guard checkpointLimit.load(ordering: .relaxed) == .max else {
            throw RedoubtError(.busy, "a backup is being made already; wait for its end")
        }
        checkpointLimit.store(present, ordering: .releasing)
        return LogSequenceNumber(rawValue: present)
    }

    /// Lets the checkpoint move up to `lsn`, and has one written if somebody waits for capacity.
    func moveHeldCheckpoint(_ lsn: LogSequenceNumber) {
        checkpointLimit.store(lsn.rawValue, ordering: .releasing)
        checkpointNeeded.signal()
    }

    /// Lets the checkpoint move as it likes.
    func releaseCheckpoint() {
        checkpointLimit.store(.max, ordering: .releasing)
        checkpointNeeded.signal()
    }

    /// The position that the checkpoint must not pass now, because redo from there on is still to be copied.
    package var checkpointMaximum: LogSequenceNumber {
        LogSequenceNumber(rawValue: checkpointLimit.load(ordering: .acquiring))
    }
}
