import RedoubtCore
import RedoubtSystem

/// The redo files: which part of the stream each holds, which are spare, and which must be synced.
///
/// A file in use holds the stretch of the stream that its header names, and the stretches of the files in use are
/// adjacent. A file whose stretch lies below the checkpoint is spare. The first spare file of the right size is taken
/// next: its header is overwritten and synced before its first block is written, so a power cut leaves either the old
/// file, which is spare, or the new one, which holds nothing yet.
///
/// ## Concurrency
/// All members may be called from any thread. The lock guards the lists only, never I/O; taking the next file is for
/// whoever holds the writer lock, recycling for whoever holds the checkpoint lock. Files change their size under a lock
/// of its own, which nobody waits for but another resize: checkpoints go on meanwhile.
final class LogFileSet: @unchecked Sendable {
    let storage: any Storage
    let directory: String
    let database: DatabaseID
    /// The alignment of every transfer: 512 or more.
    let alignment: Int

    let lock = EngineLock()
    // Held through the I/O that changes sizes.
    let sizing = EngineLock()
    /// The zeros that a checkpoint writes at most when files are to grow, and a resize before it looks up.
    ///
    /// Others wait for the checkpoint meanwhile. For tests to change, before there are threads.
    var stepByteCount: UInt64 = 64 << 20
    /// Nanoseconds before files that found no space are tried again.
    static let pause: UInt64 = 1_000_000_000
    var nextTry: UInt64 = 0
    var active: [LogFile]
    var spares: [LogFile]
    /// Files between two lists while they are written, at most one each of the writer and of who changes sizes: they
    /// count, or else a resize in that moment would take the log for one file shorter.
    var held: [LogFile] = []
    private var unsynced: [LogFile] = []
    /// The file held whose header found no space, for who holds the writer lock.
    private var unfinished: LogFile?
    private var nextNumber: UInt64
    private var nextSlot: Int
    var targetSize: UInt64
    var targetCount: Int

    init(
        storage: any Storage,
        directory: String,
        database: DatabaseID,
        active: [LogFile],
        spares: [LogFile],
        nextNumber: UInt64
    ) {
        let all = active + spares
        self.storage = storage
        self.directory = directory
        self.database = database
        alignment = max(512, all.map { $0.file.alignment }.max() ?? 512)
        self.active = active
        self.spares = spares
        self.nextNumber = nextNumber
        nextSlot = (all.map { $0.slot }.max() ?? 0) + 1
        targetSize = all.map { $0.size }.min() ?? 0
        targetCount = all.count
    }

    /// The files in use, oldest first.
    var activeFiles: [LogFile] { lock.withLock { active } }
    /// The number of all files.
    var count: Int { lock.withLock { fileCount } }
    /// The number of files that there should be.
    var intendedCount: Int { lock.withLock { targetCount } }

    /// The number of all files; the caller holds the lock.
    var fileCount: Int { active.count + spares.count + held.count }

    /// Returns the file that holds the byte at `position`, or nil if none does yet.
    func file(containing position: UInt64) -> LogFile? {
        lock.withLock { active.last { $0.contains(position) } }
    }

    /// Takes the next spare file into use, for the stretch after the last one.
    ///
    /// Waits for the disk.
    ///
    /// If the header finds no space, the next call writes the same one again: no two files may claim a stretch.
    func activateNext() throws(RedoubtError) -> LogFile {
        let next: LogFile
        if let unfinished { next = unfinished } else { next = try prepareNext() }
        unfinished = next
        try writeHeader(of: next)
        if !Scheduling.breaks(.skipsHeaderSync) { try next.file.syncWrites() }
        unfinished = nil
        lock.withLock {
            release(next.slot)
            active.append(next)
        }
        return next
    }

    /// Takes a spare file and gives it the header of the next stretch.
    private func prepareNext() throws(RedoubtError) -> LogFile {
        var next = try takeSpare()
        let (start, number) = lock.withLock { () -> (UInt64, UInt64) in
            nextNumber += 1
            return (active.last?.end ?? LogSequenceNumber.start.rawValue, nextNumber - 1)
        }
        next.header = LogFileHeader(
            database: database,
            start: start,
            number: number,
            fileSize: next.size,
            configurationHash: UInt32(truncatingIfNeeded: next.size &* 31 &+ UInt64(intendedCount))
        )
        return next
    }

    /// Ends the holding of a file; the caller holds the lock and puts the file into a list.
    func release(_ slot: Int) {
        held.removeAll { $0.slot == slot }
    }

    private func takeSpare() throws(RedoubtError) -> LogFile {
        let spare = lock.withLock { () -> LogFile? in
            guard !spares.isEmpty else { return nil }
            // One of another size would be small for one more round of the log.
            held.append(spares.remove(at: spares.firstIndex { $0.size == targetSize } ?? 0))
            return held.last
        }
        if let spare { return spare }
        // Only if somebody appended without credit: better a file more than a log that stands still.
        let made = try makeFile()
        lock.withLock { held.append(made) }
        return made
    }

    func makeFile() throws(RedoubtError) -> LogFile {
        let (slot, size) = lock.withLock { () -> (Int, UInt64) in
            nextSlot += 1
            return (nextSlot - 1, targetSize)
        }
        return try Self.makeFile(storage: storage, directory: directory, slot: slot, size: size)
    }

    /// Makes a file of `size` zeros, durably.
    ///
    /// Waits for the disk.
    static func makeFile(
        storage: any Storage,
        directory: String,
        slot: Int,
        size: UInt64
    ) throws(RedoubtError) -> LogFile {
        let path = directory + "/" + LogFileName.name(slot: slot)
        let file = try storage.open(path, role: .redo, creating: true, readOnly: false)
        do throws(RedoubtError) {
            if !Scheduling.breaks(.keepsShortLog) { try file.extendByWriting(to: size) }
            try file.sync()
            try storage.syncDirectory(directory)
        } catch {
            file.close()
            try? storage.remove(path)
            throw error
        }
        return LogFile(file: file, slot: slot, size: size, header: nil)
    }

    private func writeHeader(of file: LogFile) throws(RedoubtError) {
        guard let header = file.header else { return }
        let buffer = try AlignedBuffer(byteCount: 4096)
        if let base = unsafe buffer.bytes.baseAddress { unsafe header.encode(to: base) }
        try unsafe file.file.write(UnsafeRawBufferPointer(buffer.bytes), at: 0)
    }

    // MARK: Syncing

    /// Notes that `file` was written: after the write, and before the written position moves.
    func noteWritten(_ file: LogFile) {
        lock.withLock {
            if !unsynced.contains(where: { $0.slot == file.slot }) { unsynced.append(file) }
        }
    }

    /// Makes durable what was written.
    ///
    /// Waits for the disk.
    func syncWritten() throws(RedoubtError) {
        let files = lock.withLock { () -> [LogFile] in
            let files = unsynced
            unsynced.removeAll(keepingCapacity: true)
            return files
        }
        for file in files { try file.file.syncWrites() }
    }

    // MARK: Checkpoints

    /// Writes and syncs `checkpoint` in the file that holds its LSN.
    ///
    /// Waits for the disk.
    func write(_ checkpoint: CheckpointBlock) throws(RedoubtError) {
        // The LSN after the last byte of the last file is in no file yet, so the last file takes it.
        guard let target = file(containing: checkpoint.lsn) ?? lock.withLock({ active.last }) else {
            throw RedoubtError(.corruptLog, "no redo file holds the checkpoint \(checkpoint.lsn)", path: directory)
        }
        let buffer = try AlignedBuffer(byteCount: 4096)
        if let base = unsafe buffer.bytes.baseAddress { unsafe checkpoint.encode(to: base) }
        try unsafe target.file.write(UnsafeRawBufferPointer(buffer.bytes), at: checkpoint.offset)
        try target.file.syncWrites()
    }

    /// Makes the files wholly below `position` spare.
    func recycle(below position: UInt64) {
        lock.withLock {
            while active.count > 1, let first = active.first, first.end <= position {
                active.removeFirst()
                spares.append(first)
            }
            guard Scheduling.breaks(.recyclesCheckpointFile), active.count > 1 else { return }
            spares.insert(active.removeFirst(), at: 0)
        }
    }

    /// Makes the files in use that start at or after `position` spare: they hold nothing that counts.
    ///
    /// Their headers go, durably: they claim stretches that are yet to come, for which the files may be too small then.
    /// Waits for the disk.
    func retire(from position: UInt64) throws(RedoubtError) {
        while let file = takeRetired(from: position) {
            let zeros = try AlignedBuffer(byteCount: 4096)
            try unsafe file.file.write(UnsafeRawBufferPointer(zeros.bytes), at: 0)
            try file.file.syncWrites()
        }
    }

    private func takeRetired(from position: UInt64) -> LogFile? {
        lock.withLock {
            guard active.count > 1, var last = active.last, last.start >= position else { return nil }
            active.removeLast()
            last.header = nil
            spares.append(last)
            return last
        }
    }

    /// Closes all files.
    func close() {
        for file in lock.withLock({ active + spares + held }) { file.file.close() }
    }
}
