import RedoubtCore
import RedoubtSystem

extension LogFileSet {
    /// The redo files of a directory, with the newest checkpoint among them.
    struct Opened {
        let files: LogFileSet
        let checkpoint: CheckpointBlock
        /// The greatest durable LSN that any valid checkpoint names.
        let durable: UInt64
    }

    /// A file and what its first 12 KiB say.
    private struct Candidate {
        var file: LogFile
        var content: LogFileHeader.Content
        var checkpoints: [CheckpointBlock]
        /// The first redo block.
        var firstBlock: [UInt8] = []

        /// Whether the first redo block is the one with this index.
        func begins(withBlock index: UInt64) -> Bool {
            unsafe firstBlock.withUnsafeBytes { bytes in
                guard bytes.count == LogBlock.byteCount, let base = bytes.baseAddress else { return false }
                return unsafe LogBlock.fields(base, index: index) != nil
            }
        }
    }

    /// Opens the redo files in `directory`: finds the newest checkpoint, and from its file on the files in use.
    static func open(
        storage: any Storage,
        directory: String,
        readOnly: Bool
    ) throws(RedoubtError) -> Opened {
        var candidates: [Candidate] = []
        do throws(RedoubtError) {
            for name in try storage.list(directory) {
                guard let slot = LogFileName.slot(name) else { continue }
                let path = directory + "/" + name
                let file = try storage.open(path, role: .redo, creating: false, readOnly: readOnly)
                candidates.append(
                    Candidate(
                        file: LogFile(file: file, slot: slot, size: 0, header: nil),
                        content: .blank,
                        checkpoints: []
                    )
                )
                try inspect(&candidates[candidates.count - 1])
            }
            return try choose(from: candidates, storage: storage, directory: directory)
        } catch {
            for candidate in candidates { candidate.file.file.close() }
            throw error
        }
    }

    private static func inspect(_ candidate: inout Candidate) throws(RedoubtError) {
        candidate.file.size = try candidate.file.file.size()
        guard candidate.file.file.alignment <= 4096 else {
            throw RedoubtError(
                .systemLimit,
                "the device wants transfers of \(candidate.file.file.alignment) bytes; at most 4096 work",
                path: candidate.file.file.path
            )
        }
        let buffer = try AlignedBuffer(byteCount: LogFileHeader.dataOffset + 4096)
        let start = LogFileHeader.dataOffset
        let settled = candidate.file.file.settledByteCount(at: UInt64(start), count: 4096)
        let head = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<(start + max(512, settled))])
        _ = try unsafe candidate.file.file.read(into: head, at: 0)
        guard let base = unsafe buffer.bytes.baseAddress else { return }
        candidate.firstBlock = unsafe [UInt8](buffer.bytes[LogFileHeader.dataOffset...].prefix(LogBlock.byteCount))
        candidate.content = unsafe LogFileHeader.decode(base)
        if case .valid(let header) = candidate.content { candidate.file.header = header }
        for offset in CheckpointBlock.offsets {
            if let checkpoint = unsafe CheckpointBlock.decode(base + Int(offset)) {
                candidate.checkpoints.append(checkpoint)
            }
        }
    }

    private static func choose(
        from candidates: [Candidate],
        storage: any Storage,
        directory: String
    ) throws(RedoubtError) -> Opened {
        guard !candidates.isEmpty else {
            throw RedoubtError(.missingFile, "there are no redo files; \(DamagedRedo.remedy)", path: directory)
        }
        for candidate in candidates {
            if case .newerVersion(let version) = candidate.content {
                throw RedoubtError(
                    .unsupportedFormat,
                    "redo format version \(version) or a feature of it is newer than this program",
                    path: candidate.file.file.path
                )
            }
        }
        let checkpoints = candidates.flatMap { $0.checkpoints }
        guard let newest = checkpoints.max(by: { $0.number < $1.number }) else {
            let isOurs = candidates.contains { $0.content != .foreign && $0.content != .blank }
            throw RedoubtError(
                isOurs ? .corruptLog : .notADatabase,
                "no redo file has a valid checkpoint; \(DamagedRedo.remedy)",
                path: directory
            )
        }
        for candidate in candidates {
            let others = candidate.checkpoints.map { $0.database } + [candidate.file.header?.database].compactMap { $0 }
            if let other = others.first(where: { $0 != newest.database }) {
                throw RedoubtError(
                    .mixedFiles,
                    "redo of database \(other) among redo of \(newest.database); \(DamagedRedo.remedy)",
                    path: candidate.file.file.path
                )
            }
        }
        guard candidates.count >= Int(newest.fileCount) else {
            throw RedoubtError(
                .missingFile,
                "\(candidates.count) redo files, but the checkpoint names \(newest.fileCount); "
                    + DamagedRedo.remedy,
                path: directory
            )
        }
        let files = try arrange(candidates.map { $0.file }, checkpoint: newest, storage: storage, directory: directory)
        // The header of a file is durable before its first block is written, so this can only be damage.
        let end = (files.activeFiles.last?.end ?? 0) / 512
        if let lost = candidates.first(where: { $0.file.header == nil && $0.begins(withBlock: end) }) {
            throw RedoubtError(
                .corruptLog,
                "the header of the file that goes on at LSN \(end * 512) is damaged; "
                    + DamagedRedo.remedy,
                path: lost.file.file.path
            )
        }
        let durable = checkpoints.map { max($0.durable, $0.lsn) }.max() ?? 0
        Scheduling.remember(.redoFiles, files.digest(newest, durable: durable))
        return Opened(files: files, checkpoint: newest, durable: durable)
    }

    /// Returns a digest of what was found; for explorations.
    private func digest(_ checkpoint: CheckpointBlock, durable: UInt64) -> UInt64 {
        let files = lock.withLock { active + spares }
        var numbers = [UInt64(activeFiles.count), checkpoint.number, checkpoint.lsn, durable]
        for file in files {
            let number = file.header?.number ?? 0
            numbers += [UInt64(file.slot), file.size, number, file.start, file.end]
        }
        return numbers.digest
    }

    /// Follows the stretches from the checkpoint's file on; the rest is spare, in the order of last use.
    private static func arrange(
        _ all: [LogFile],
        checkpoint: CheckpointBlock,
        storage: any Storage,
        directory: String
    ) throws(RedoubtError) -> LogFileSet {
        var rest = all.sorted { ($0.header?.number ?? 0, $0.slot) < ($1.header?.number ?? 0, $1.slot) }
        var active: [LogFile] = []
        func take(where condition: (LogFile) -> Bool) -> Bool {
            guard let index = rest.lastIndex(where: { $0.header != nil && condition($0) }) else { return false }
            active.append(rest.remove(at: index))
            return true
        }
        // The position after the last byte of the last file counts as its own.
        let position = checkpoint.lsn
        guard take(where: { $0.contains(position) }) || take(where: { $0.end <= position && position <= $0.end + 12 })
        else {
            throw RedoubtError(
                .corruptLog,
                "no redo file holds the checkpoint \(position); \(DamagedRedo.remedy)",
                path: directory
            )
        }
        while let end = active.last?.end, take(where: { $0.start == end }) {}
        for file in active where file.size < file.header?.fileSize ?? 0 {
            throw RedoubtError(
                .corruptLog,
                "the file has \(file.size) bytes, its header says \(file.header?.fileSize ?? 0); \(DamagedRedo.remedy)",
                path: file.file.path
            )
        }
        let nextNumber = (all.compactMap { $0.header?.number }.max() ?? 0) + 1
        return LogFileSet(
            storage: storage,
            directory: directory,
            database: checkpoint.database,
            active: active,
            spares: rest,
            nextNumber: nextNumber
        )
    }
}
