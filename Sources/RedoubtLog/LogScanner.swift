package import RedoubtCore
package import RedoubtSystem

/// Reads the groups of a redo log from the newest checkpoint to the durable end.
///
/// The stream ends at the first block that is not whole, or is not the one that belongs there. That is a torn tail if
/// nothing says that the stream was ever durable beyond, and rot otherwise: each block notes the durable end known when
/// it was written, and so does each checkpoint. After the end the scan looks on, as far as unsynced writes can reach,
/// for blocks that know better and for stale ones that a second crash could splice in.
@safe
package struct LogScanner: ~Copyable {
    /// The identity that the redo files carry.
    package let database: DatabaseID
    /// The newest checkpoint, where the scan starts.
    package let checkpointLSN: LogSequenceNumber

    private let files: LogFileSet
    private let checkpoint: CheckpointBlock
    private let isReadOnly: Bool
    private let durableByCheckpoints: UInt64
    private var reader: LogBlockReader
    private var group = GroupMemory()

    // The block that is being read, and the next byte in it.
    private var index: UInt64 = 0
    private var fields = LogBlock.Fields(dataEnd: 0, firstGroup: 0, durableBlockCount: nil)
    private var offset = 0
    private var isAtEnd = false
    /// The greatest number of blocks that any block says held durable bytes.
    private var durableBlockCount: UInt64 = 0
    /// Where the group that is being read starts, or the next one will.
    private var boundary = LogSequenceNumber.zero
    private var groupCount = 0
    private var staleEnd: UInt64 = 0
    /// That of the groups so far; for explorations.
    private var groupDigest: UInt64 = 0

    /// Opens the redo files in `directory` and finds the newest valid checkpoint.
    ///
    /// - Throws: `.missingFile`, `.notADatabase`, `.unsupportedFormat`, `.mixedFiles`, `.corruptLog`.
    package static func open(
        storage: any Storage,
        directory: String,
        readOnly: Bool = false
    ) throws(RedoubtError) -> LogScanner {
        let opened = try LogFileSet.open(storage: storage, directory: directory, readOnly: readOnly)
        do throws(RedoubtError) {
            var scanner = LogScanner(opened, reader: try LogBlockReader(files: opened.files), isReadOnly: readOnly)
            try scanner.seekFirstGroup()
            return scanner
        } catch {
            opened.files.close()
            throw error
        }
    }

    private init(_ opened: LogFileSet.Opened, reader: consuming LogBlockReader, isReadOnly: Bool) {
        database = opened.checkpoint.database
        checkpointLSN = LogSequenceNumber(rawValue: opened.checkpoint.lsn)
        files = opened.files
        checkpoint = opened.checkpoint
        durableByCheckpoints = opened.durable
        self.isReadOnly = isReadOnly
        self.reader = reader
    }

    /// Closes the files, if the result is not going to be continued.
    package func close() { files.close() }

    /// Calls `body` with the range and payload (without the four length bytes) of the next whole group that starts at
    /// or after the checkpoint.
    ///
    /// Returns false, without a call, at the durable end.
    ///
    /// - Throws: `.corruptLog` if the end lies below a position that was durable; what `body` throws.
    package mutating func next(
        _ body: (LogRange, UnsafeRawBufferPointer) throws(RedoubtError) -> Void
    ) throws(RedoubtError) -> Bool {
        while !isAtEnd {
            guard try takeGroup() else {
                isAtEnd = true
                try judgeEnd()
                break
            }
            let range = LogRange(start: boundary, end: position)
            boundary = position
            if range.start < checkpointLSN { continue }
            if Scheduling.breaks(.skipsGroupAtCheckpoint), range.start == checkpointLSN { continue }
            groupCount += 1
            if Scheduling.isExploring {
                groupDigest = unsafe [groupDigest, range.start.rawValue, range.end.rawValue, group.bytes.digest].digest
                Scheduling.remember(.redoGroups, groupDigest)
            }
            try unsafe body(range, UnsafeRawBufferPointer(rebasing: group.bytes[4...]))
            return true
        }
        return false
    }

    /// Starts again at the checkpoint.
    package mutating func rewind() throws(RedoubtError) {
        isAtEnd = false
        groupCount = 0
        staleEnd = 0
        durableBlockCount = 0
        groupDigest = 0
        try seekFirstGroup()
    }

    /// Reads what is left and returns what was found.
    package mutating func finish() throws(RedoubtError) -> LogScanResult {
        while try unsafe next({ _, _ in }) {}
        let block = boundary.sequenceNumber / 496
        var dataEnd = 0
        var firstGroup = 0
        if let bytes = try unsafe reader.block(block), let fields = unsafe LogBlock.fields(bytes, index: block) {
            (dataEnd, firstGroup) = (fields.dataEnd, fields.firstGroup)
        }
        let end = Int(boundary.rawValue % 512)
        let numbers = [boundary.rawValue, staleEnd, UInt64(dataEnd), UInt64(firstGroup), UInt64(groupCount)]
        Scheduling.remember(.redoEnd, numbers.digest)
        return LogScanResult(
            database: database,
            checkpointLSN: checkpointLSN,
            endLSN: boundary,
            wasCleanShutdown: checkpoint.cleanShutdown == checkpoint.lsn && boundary <= checkpointLSN,
            groupCount: groupCount,
            files: files,
            checkpoint: checkpoint,
            hasStaleBytes: staleEnd > block + 1 || dataEnd > end || (dataEnd != 0 && end == 12),
            staleEnd: staleEnd,
            firstGroup: UInt16(firstGroup > 0 && firstGroup < end ? firstGroup : end),
            isReadOnly: isReadOnly
        )
    }

    // MARK: Reading

    /// The present position; the end of a full block is the first payload byte of the next.
    private var position: LogSequenceNumber {
        LogSequenceNumber(sequenceNumber: index * 496 + UInt64(offset - 12))
    }

    /// Moves to the first group that starts in the checkpoint's block or after it.
    private mutating func seekFirstGroup() throws(RedoubtError) {
        index = LogBlock.index(of: checkpointLSN)
        boundary = LogSequenceNumber(sequenceNumber: checkpointLSN.sequenceNumber)
        offset = 12
        group.removeAll()
        if boundary.rawValue / 512 > index { index = boundary.rawValue / 512 }
        while try load(index) {
            if fields.firstGroup != 0 {
                offset = fields.firstGroup
                boundary = position
                return
            }
            offset = fields.dataEnd
            boundary = position
            if !fields.isFull { return }
            index += 1
        }
        // Legal only if the durable end was just here: a group that a checkpoint lies in was durable as a whole.
        isAtEnd = true
        boundary = LogSequenceNumber(rawValue: index * 512 + 12)
        try judgeEnd()
    }

    /// Makes the block with this index the present one; false if it is not valid.
    private mutating func load(_ index: UInt64) throws(RedoubtError) -> Bool {
        guard let bytes = try unsafe reader.block(index), let fields = unsafe LogBlock.fields(bytes, index: index)
        else {
            return false
        }
        if let count = fields.durableBlockCount { durableBlockCount = max(durableBlockCount, count) }
        self.fields = fields
        return true
    }

    /// Collects the next group; false if the stream ends before its end.
    private mutating func takeGroup() throws(RedoubtError) -> Bool {
        group.removeAll()
        guard try take(4, total: nil) else { return false }
        let count = unsafe Int(group.bytes.baseAddress?.bigEndian(UInt32.self, at: 0) ?? 0)
        guard count > 4, count <= 1 << 31 else {
            throw RedoubtError(
                .corruptLog,
                "the group at LSN \(boundary) claims \(count) bytes; \(DamagedRedo.remedy)",
                path: files.directory
            )
        }
        let isWhole = try take(count - 4, total: count)
        if Scheduling.breaks(.losesLastGroup), offset == fields.dataEnd, !fields.isFull { return false }
        return isWhole
    }

    private mutating func take(_ count: Int, total: Int?) throws(RedoubtError) -> Bool {
        var left = count
        while left > 0 {
            if offset == fields.dataEnd {
                guard fields.isFull, try advance(total: total) else { return false }
            }
            let run = min(left, fields.dataEnd - offset)
            guard let bytes = try unsafe reader.block(index) else { return false }
            unsafe group.append(bytes + offset, byteCount: run)
            offset += run
            left -= run
        }
        return true
    }

    /// Moves to the next block; false if it is not valid, or groups do not start in it where the stream says.
    private mutating func advance(total: Int?) throws(RedoubtError) -> Bool {
        let before = fields
        guard try load(index + 1) else {
            fields = before
            return false
        }
        if let expected = expectedFirstGroup(total: total), expected != fields.firstGroup {
            fields = before
            return false
        }
        index += 1
        offset = 12
        return true
    }

    private func expectedFirstGroup(total: Int?) -> Int? {
        let left: Int
        if group.count == 0 {
            left = 0
        } else if let total {
            left = total - group.count
        } else {
            return nil
        }
        let start = 12 + left
        return left < 496 && start < fields.dataEnd ? start : 0
    }

    // MARK: The end

    /// Tells a torn tail from rot, and looks for stale blocks.
    private mutating func judgeEnd() throws(RedoubtError) {
        let endBlock = boundary.sequenceNumber / 496
        let limit = max(index, endBlock) + UInt64(RedoLog.unsyncedByteCountMaximum * 2) / 512
        var candidate = endBlock
        while candidate <= limit, let bytes = try unsafe reader.block(candidate) {
            if let fields = unsafe LogBlock.fields(bytes, index: candidate) {
                staleEnd = candidate + 1
                if let count = fields.durableBlockCount { durableBlockCount = max(durableBlockCount, count) }
            }
            candidate += 1
            try Scheduling.merge(
                at: .redoTail,
                [boundary.rawValue, index, candidate, staleEnd, durableBlockCount].digest
            )
        }
        // The last block with durable bytes held at least one of them.
        let byBlocks = durableBlockCount == 0 ? 0 : (durableBlockCount - 1) * 512 + 13
        let durable = max(byBlocks, durableByCheckpoints)
        if Scheduling.breaks(.ignoresDurableDistance) { return }
        if durable > boundary.rawValue { throw corruption(durable: durable) }
    }

    private func corruption(durable: UInt64) -> RedoubtError {
        let place = files.file(containing: index * 512)
        return RedoubtError(
            .corruptLog,
            "redo is readable up to LSN \(boundary) only, but was durable up to \(durable); \(DamagedRedo.remedy)",
            path: place?.file.path ?? files.directory
        )
    }
}
