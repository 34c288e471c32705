package import RedoubtCore
package import RedoubtSystem

/// Redo files as they are, for looking: whatever is damaged is told, and nothing is written.
///
/// Takes no lock, so a process may be writing meanwhile: a block that is not whole yet ends the groups for now, and is
/// read again by the next call. For one thread at a time.
package final class LogView {
    /// A redo file.
    package struct File: Sendable {
        /// The name.
        package let name: String
        /// The bytes that it has.
        package let byteCount: UInt64
        /// What its header says: "in use", or why it says nothing.
        package fileprivate(set) var state: String
        /// The LSN of its first block; 0 if it is not in use.
        package fileprivate(set) var start: UInt64 = 0
        /// The LSN behind its last block; 0 if it is not in use.
        package fileprivate(set) var end: UInt64 = 0
        /// The number of its use.
        package fileprivate(set) var number: UInt64 = 0
        /// Its header and its valid checkpoints, field by field.
        package fileprivate(set) var tables: [InspectedTable] = []
    }

    /// What comes next in the stream.
    package enum Step: Sendable {
        /// A group: where it is, and its payload without the length.
        case group(LogRange, [UInt8])
        /// No whole group is there (yet), because of what the text says.
        case end(String)
    }

    private let storage: any Storage
    private let directory: String
    /// The files in the order of their numbers.
    package private(set) var files: [File] = []
    /// Where recovery would start, if a valid checkpoint says so.
    package private(set) var checkpoint: LogSequenceNumber?
    /// Whether that checkpoint was made by an orderly close.
    package private(set) var wasClosed = false
    /// The greatest position that a checkpoint or a block read so far calls durable.
    package private(set) var durable: UInt64 = 0
    // The next group, as payload bytes of the stream before it.
    private var next: UInt64 = 0
    // What was read last: part of a file from the block with number `pieceStart` on.
    private var piece: [UInt8] = []
    private var pieceStart: UInt64 = 0
    private var newestCheckpointNumber: UInt64 = 0

    private static let pieceByteCount = 128 << 10
    private static let groupByteCountMaximum = 1 << 31

    /// Looks at the redo files in `directory`.
    ///
    /// - Throws: `.missingFile` if there are none; errors of the file system.
    package init(storage: any Storage, directory: String) throws(RedoubtError) {
        self.storage = storage
        self.directory = directory
        try refresh()
        if let checkpoint { seek(checkpoint) } else { seekOldest() }
    }

    /// The position of the next group.
    package var position: LogSequenceNumber { LogSequenceNumber(sequenceNumber: next) }

    // MARK: Files

    /// Looks at the heads of the files again: some may have been taken into use since.
    package func refresh() throws(RedoubtError) {
        var found: [File] = []
        newestCheckpointNumber = 0
        piece = []
        for name in try storage.list(directory) where LogFileName.slot(name) != nil {
            do throws(RedoubtError) {
                found.append(try look(name))
            } catch  where error.code == .missingFile {
                // Gone since it was listed.
            }
        }
        guard !found.isEmpty else {
            throw RedoubtError(.missingFile, "there are no redo files; correct the path", path: directory)
        }
        files = found.sorted { ($0.number, $0.name) < ($1.number, $1.name) }
    }

    private func look(_ name: String) throws(RedoubtError) -> File {
        let file = try open(name)
        defer { file.close() }
        var result = File(name: name, byteCount: try file.size(), state: "")
        let head = try read(file, at: 0, count: LogFileHeader.dataOffset)
        unsafe head.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, bytes.count == LogFileHeader.dataOffset else {
                result.state = "too short for a redo file"
                return
            }
            describe(&result, unsafe LogFileHeader.decode(base))
            for (slot, offset) in CheckpointBlock.offsets.enumerated() {
                guard let checkpoint = unsafe CheckpointBlock.decode(base + Int(offset)) else { continue }
                note(checkpoint)
                let table = LogLayouts.checkpoint.decode(head, at: Int(offset))
                result.tables.append(table.renamed("checkpoint in slot \(slot)"))
            }
        }
        if result.state == "in use" || result.state == "damaged header" {
            result.tables.insert(LogLayouts.header.decode(head), at: 0)
        }
        return result
    }

    private func describe(_ file: inout File, _ content: LogFileHeader.Content) {
        switch content {
        case .valid(let header):
            file.state = "in use"
            (file.start, file.end, file.number) = (header.start, header.end, header.number)
        case .blank: file.state = "never used"
        case .newerVersion(let version): file.state = "of format version \(version), which is not known"
        case .damaged: file.state = "damaged header"
        case .foreign: file.state = "no redo file of ours"
        }
    }

    private func note(_ block: CheckpointBlock) {
        durable = max(durable, block.durable, block.lsn)
        guard checkpoint == nil || block.number >= newestCheckpointNumber else { return }
        newestCheckpointNumber = block.number
        checkpoint = LogSequenceNumber(rawValue: block.lsn)
        wasClosed = block.cleanShutdown == block.lsn
    }

    private func open(_ name: String) throws(RedoubtError) -> any StorageFile {
        try storage.open(directory + "/" + name, role: .control, creating: false, readOnly: true)
    }

    private func read(_ file: any StorageFile, at offset: UInt64, count: Int) throws(RedoubtError) -> [UInt8] {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { unsafe memory.deallocate() }
        let read = try unsafe file.read(into: memory, at: offset)
        return unsafe Array(memory[..<min(max(0, read), count)])
    }

    // MARK: Places

    /// Goes to the first group that begins at `lsn` or behind it, as far as whole blocks lead there.
    package func seek(_ lsn: LogSequenceNumber) {
        var index = LogBlock.index(of: lsn)
        let wanted = lsn.sequenceNumber
        next = wanted
        // Where groups begin is known by block.
        for _ in 0..<4096 {
            guard let (_, fields) = block(index) else { return }
            if fields.firstGroup != 0 {
                next = index * 496 + UInt64(fields.firstGroup - LogBlock.headerByteCount)
                break
            }
            guard fields.isFull else {
                next = index * 496 + UInt64(fields.dataEnd - LogBlock.headerByteCount)
                return
            }
            index += 1
        }
        while next < wanted, case .group = step() {}
    }

    /// Goes to the first group that begins at `lsn` or behind it.
    ///
    /// Reads from the checkpoint on if there is no redo at `lsn`, to find out where it ends.
    ///
    /// - Throws: `.invalidConfiguration` if `lsn` lies before the oldest redo or behind the end; `.corruptLog` if the
    ///   log is damaged before it, which cannot be told while a process has the database open: `isOpen`.
    package func go(to lsn: LogSequenceNumber, isOpen: Bool) throws(RedoubtError) {
        let wanted = lsn.sequenceNumber
        seekOldest()
        let oldest = next
        guard wanted >= oldest else {
            throw RedoubtError(
                .invalidConfiguration,
                "the oldest redo is at LSN \(position), and \(lsn) was asked for; --all begins at the oldest",
                path: directory
            )
        }
        seek(lsn)
        if next > wanted { return }
        let index = next / 496
        if next == wanted, let (_, fields) = block(index), fields.dataEnd > Int(next % 496) + LogBlock.headerByteCount {
            return
        }
        // Nothing is there: it is the end, or lies behind the end, or behind damage.
        if let checkpoint, checkpoint.sequenceNumber <= wanted { seek(checkpoint) } else { seekOldest() }
        while case .group = step() {}
        if next == wanted { return }
        let end = position
        if !isOpen, let damage = damageBehindEnd() { throw RedoubtError(.corruptLog, damage, path: directory) }
        throw RedoubtError(
            .invalidConfiguration,
            "the redo ends at LSN \(end), and \(lsn) was asked for; begin there or before",
            path: directory
        )
    }

    /// Goes to the oldest group that is still there.
    package func seekOldest() {
        let used = files.filter { $0.start > 0 }
        guard var first = used.last else { return }
        while let before = used.last(where: { $0.end == first.start && $0.number < first.number }) { first = before }
        seek(LogSequenceNumber(rawValue: first.start))
    }

    /// Whether the next group is gone: its place in the files was used again.
    package var isOvertaken: Bool {
        file(ofBlock: next / 496) == nil && files.contains { $0.start > next / 496 * 512 }
    }

    /// Looks behind the end for blocks that know of durable redo there; returns what that says of the end, or nil.
    ///
    /// An end below what was durable is damage, if nobody writes meanwhile.
    package func damageBehindEnd() -> String? {
        let first = next / 496
        for index in first...first + UInt64(RedoLog.unsyncedByteCountMaximum * 2) / 512 {
            guard file(ofBlock: index) != nil else { break }
            _ = block(index)
        }
        piece = []
        guard durable > position.rawValue else { return nil }
        return "redo is readable up to LSN \(position) only, but was durable up to \(durable): "
            + "the log is damaged; \(DamagedRedo.remedy)"
    }

    /// The file that holds the block with number `index`, the one used last if several do.
    private func file(ofBlock index: UInt64) -> File? {
        guard index < 1 << 53 else { return nil }
        return files.last { $0.start <= index * 512 && index * 512 < $0.end }
    }

    // MARK: Blocks

    /// The bytes of a block and what it says, or nil if it is not whole or not there.
    private func block(_ index: UInt64) -> (start: Int, fields: LogBlock.Fields)? {
        let count = UInt64(piece.count / LogBlock.byteCount)
        if index < pieceStart || index >= pieceStart + count {
            piece = []
            guard let file = file(ofBlock: index) else { return nil }
            do throws(RedoubtError) {
                let opened = try open(file.name)
                defer { opened.close() }
                let offset = index * 512 - file.start + UInt64(LogFileHeader.dataOffset)
                let left = file.end - index * 512
                piece = try read(opened, at: offset, count: Int(min(UInt64(Self.pieceByteCount), left)))
            } catch {
                return nil
            }
            pieceStart = index
            guard piece.count >= LogBlock.byteCount else { return nil }
        }
        let start = Int(index - pieceStart) * LogBlock.byteCount
        let fields = unsafe piece.withUnsafeBytes { bytes in
            unsafe bytes.baseAddress.flatMap { unsafe LogBlock.fields($0 + start, index: index) }
        }
        guard let fields else { return nil }
        if let blocks = fields.durableBlockCount, blocks > 0 { durable = max(durable, (blocks - 1) * 512 + 13) }
        return (start, fields)
    }

    /// Returns the next group, or why there is none; then the next call tries again.
    package func step() -> Step {
        var cursor = next
        var length: [UInt8] = []
        if let reason = take(4, from: &cursor, to: &length, isBoundary: true) { return end(reason) }
        let count = Int(StructureLayout.number(length, at: 0, 4))
        guard count > 4, count <= Self.groupByteCountMaximum else {
            return end("the group at LSN \(position) claims \(count) bytes, which cannot be")
        }
        var payload: [UInt8] = []
        if let reason = take(count - 4, from: &cursor, to: &payload, isBoundary: false) { return end(reason) }
        let range = LogRange(start: position, end: LogSequenceNumber(sequenceNumber: cursor))
        next = cursor
        return .group(range, payload)
    }

    private func end(_ reason: String) -> Step {
        // What is not whole now may be whole when it is read again.
        piece = []
        return .end(reason)
    }

    /// Appends `count` bytes of the stream to `bytes`; returns why that cannot be done, or nil.
    private func take(
        _ count: Int,
        from cursor: inout UInt64,
        to bytes: inout [UInt8],
        isBoundary: Bool
    ) -> String? {
        var left = count
        while left > 0 {
            let index = cursor / 496
            let offset = Int(cursor % 496) + LogBlock.headerByteCount
            guard let (start, fields) = block(index) else { return reason(index) }
            if isBoundary, left == count, offset == LogBlock.headerByteCount, fields.firstGroup != offset,
                fields.dataEnd > offset
            {
                return "the block at LSN \(index * 512) does not begin with a group, as the one before says"
            }
            let run = min(left, fields.dataEnd - offset)
            guard run > 0 else { return "the redo ends here" }
            bytes += piece[start + offset..<start + offset + run]
            cursor += UInt64(run)
            left -= run
            if left > 0, !fields.isFull { return "the redo ends here, within a group" }
        }
        return nil
    }

    private func reason(_ index: UInt64) -> String {
        guard let file = file(ofBlock: index) else { return "no file holds LSN \(index * 512)" }
        let offset = index * 512 - file.start + UInt64(LogFileHeader.dataOffset)
        return "the block at LSN \(index * 512), byte \(offset) of \(file.name), is not whole or was never written"
    }
}
