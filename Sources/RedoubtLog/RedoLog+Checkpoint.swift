package import RedoubtCore
import RedoubtSystem
import Synchronization

extension RedoLog {
    /// Records that recovery may start at `lsn`, durably, and makes the files before it spare.
    ///
    /// `isCleanShutdown` marks the end of an orderly close. Waits for the disk; does nothing if the checkpoint is there
    /// already.
    ///
    /// - Precondition: All changes below `lsn` are durable in the data files, and `lsn` is flushed.
    /// - Throws: `.fenced`; `.diskFull`, after which the checkpoint before holds, and it may be tried again.
    package func writeCheckpoint(_ lsn: LogSequenceNumber, isCleanShutdown: Bool = false) throws(RedoubtError) {
        guard try advanceCheckpoint(to: lsn, isCleanShutdown: isCleanShutdown) else { return }
        // The next opening chooses sizes of its own.
        if isCleanShutdown { return }
        // Behind the news of the checkpoint, because zeros take a while.
        do throws(RedoubtError) {
            if try files.fitSome() { updateLimits() }
        } catch {
            // A full disk only delays a change of sizes.
            if error.code != .diskFull { fail(error) }
            updateLimits()
        }
    }

    /// Writes the checkpoint and makes files spare; returns false if the checkpoint was there already.
    private func advanceCheckpoint(
        to bound: LogSequenceNumber,
        isCleanShutdown: Bool
    ) throws(RedoubtError) -> Bool {
        checkpointLock.lock()
        defer { checkpointLock.unlock() }
        let lsn = min(bound, checkpointMaximum)
        precondition(lsn == bound || !isCleanShutdown, "the log is closed while it is being copied")
        let present = checkpoint.value.load(ordering: .relaxed)
        try health.check()
        if lsn.rawValue < present || (lsn.rawValue == present && !isCleanShutdown) { return false }
        try record(lsn.rawValue, isCleanShutdown: isCleanShutdown, fileCount: files.intendedCount)
        checkpoint.value.store(lsn.rawValue, ordering: .releasing)
        files.recycle(below: lsn.rawValue)
        credit.advanced.signal()
        return true
    }

    /// Bytes of redo that recovery replays in a second, as checkpoints hand it on from one opening to the next.
    ///
    /// 0 is not known, and what a file says may be anything.
    package var replayRate: UInt64 {
        get { replayRateNote.load(ordering: .relaxed) }
        set { replayRateNote.store(newValue, ordering: .relaxed) }
    }

    /// Writes a checkpoint block; the caller holds the checkpoint lock.
    private func record(_ lsn: UInt64, isCleanShutdown: Bool, fileCount: Int) throws(RedoubtError) {
        let durable = flushedLSN.rawValue
        precondition(lsn <= durable, "a checkpoint at \(lsn), but the log is flushed up to \(durable)")
        let block = CheckpointBlock(
            lsn: lsn,
            durable: durable,
            number: nextCheckpointNumber(),
            cleanShutdown: isCleanShutdown ? lsn : 0,
            fileCount: UInt32(fileCount),
            database: files.database,
            replayRate: replayRate
        )
        checkpointSeeker.begin()
        do throws(RedoubtError) {
            try files.write(block)
        } catch {
            guard error.code == .diskFull else {
                fail(error)
                throw health.fencedError()
            }
            // The next one gets a number beyond this, and the same slot: the checkpoint before is whole in the other.
            _ = nextCheckpointNumber()
            _ = checkpointSeeker.noteVain(error)
            credit.advanced.signal()
            throw error
        }
        _ = checkpointSeeker.noteFound()
    }

    /// Changes the size of the log.
    ///
    /// Files in use take the new size when they are recycled, so ``limits`` grow further as the checkpoint advances.
    /// Waits for the file system; checkpoints go on meanwhile.
    ///
    /// - Throws: `.invalidConfiguration` if the size is out of range or too small for the window chosen when the log
    ///   was opened; `.diskFull`, after which the old size holds, or is still on its way; `.fenced`, also for whatever
    ///   else fails.
    package func resize(to capacity: ByteCount) throws(RedoubtError) {
        let wait = waits.begin(.resize)
        defer { waits.end(wait) }
        guard (2 << 20...128 << 30).contains(capacity.rawValue) else {
            throw RedoubtError(
                .invalidConfiguration,
                "redoLog.capacity is \(capacity), but must be in 2 MiB...128 GiB"
            )
        }
        let wanted = LogLimits(capacity: capacity, fileCount: files.intendedCount)
        guard allows(wanted) else {
            var least = 2 << 20
            while !allows(LogLimits(capacity: .bytes(least), fileCount: wanted.fileCount)) { least += 1 << 20 }
            throw RedoubtError(
                .invalidConfiguration,
                "redoLog.capacity is \(capacity), but must be in \(ByteCount.bytes(least))...128 GiB while open; "
                    + "close and reopen with it"
            )
        }
        resizeLock.lock()
        defer { resizeLock.unlock() }
        try health.check()
        do throws(RedoubtError) {
            try fitFiles(size: UInt64(wanted.fileSize), count: wanted.fileCount)
        } catch {
            try health.check()
            throw error
        }
    }

    /// Gives the spare files this size and number; if there is no space, the size that was asked for before, also if
    /// not all files have it yet, and no more files than there were.
    ///
    /// - Throws: `.diskFull`. Whatever else fails has fenced the engine, also on the way back.
    private func fitFiles(size: UInt64, count: Int) throws(RedoubtError) {
        let before = files.target
        do throws(RedoubtError) {
            try fitFiles(toward: size, count: count)
        } catch {
            if error.code == .diskFull {
                try? fitFiles(toward: before.fileSize, count: min(before.count, count))
            }
            throw error
        }
    }

    private func fitFiles(toward size: UInt64, count: Int) throws(RedoubtError) {
        files.setTarget(fileSize: size, count: count)
        // A smaller limit holds before files are cut: they must have room for who is let in meanwhile.
        updateLimits()
        defer { updateLimits() }
        do throws(RedoubtError) {
            try files.fitAll { () throws(RedoubtError) in try health.check() }
        } catch {
            if error.code != .diskFull { fail(error) }
            throw error
        }
    }

    /// Whether a log of these limits has room beside the window chosen when it was opened.
    private func allows(_ limits: LogLimits) -> Bool { limits.freeCheckCapacity / 4 >= Int(relaxedOrderWindow) }

    /// Gives the spare files the size and number that the configuration asks for.
    func fitFiles() throws(RedoubtError) {
        let wanted = LogLimits(capacity: configuration.capacity, fileCount: configuration.fileCount)
        if configuration.fileCount < files.intendedCount {
            // Recorded first: a file that is missing is an error.
            let number = nextCheckpointNumber()
            let present = checkpoint.value.load(ordering: .relaxed)
            try files.write(
                CheckpointBlock(
                    lsn: present,
                    durable: flushedLSN.rawValue,
                    number: number,
                    cleanShutdown: 0,
                    fileCount: UInt32(configuration.fileCount),
                    database: files.database,
                    replayRate: replayRate
                )
            )
        }
        try fitFiles(size: UInt64(wanted.fileSize), count: wanted.fileCount)
    }

    private func updateLimits() {
        // Of two threads the later one must have looked at the files later.
        limitsLock.lock()
        defer { limitsLock.unlock() }
        let limits = Self.limits(of: files, capacity: configuration.capacity)
        if limits != credit.limits { credit.limits = limits }
    }

    /// Returns the limits that `files` allow.
    static func limits(of files: LogFileSet, capacity: ByteCount) -> LogLimits {
        // An interrupted growth may leave files too small or too many, which ``fitFiles()`` mends.
        let (size, present) = files.dependable
        let count = min(max(4, present), 32)
        let wanted = LogLimits(capacity: capacity, fileCount: count)
        if UInt64(wanted.fileSize) == size { return wanted }
        let bytes = max(2 << 20, Int(min(size, 1 << 40)) * count)
        return LogLimits(capacity: .bytes(bytes), fileCount: count)
    }
}
