import RedoubtCore
import RedoubtSystem

// The size and number of files.
extension LogFileSet {
    /// Sets the size and number of files that there should be; ``fitAll(_:)`` makes the files so.
    ///
    /// The caller has recorded a smaller number in a checkpoint before.
    func setTarget(fileSize: UInt64, count: Int) {
        lock.withLock {
            targetSize = fileSize
            targetCount = count
            nextTry = 0
        }
    }

    /// Makes the spare files of the size and number that there should be.
    ///
    /// Waits for the disk. Calls `check` before each ``stepByteCount`` of zeros, and ends with the error it throws.
    func fitAll(_ check: () throws(RedoubtError) -> Void) throws(RedoubtError) {
        repeat {
            sizing.lock()
            defer { sizing.unlock() }
            while lock.withLock({ needsFit }) {
                try check()
                _ = try fitSpares(zeroByteCount: stepByteCount)
            }
            // Who makes files spare before the lock is given back leaves them to this thread.
        } while lock.withLock({ needsFit })
    }

    /// Goes on making the spare files of the size and number that there should be, unless another thread is at it, or
    /// there was no space a moment ago.
    ///
    /// Waits for the disk, but not for more zeros than ``stepByteCount``. Returns whether any file was changed.
    func fitSome() throws(RedoubtError) -> Bool {
        let now = Scheduling.now().nanoseconds
        guard lock.withLock({ needsFit && now >= nextTry }), sizing.tryLock() else { return false }
        defer { sizing.unlock() }
        do throws(RedoubtError) {
            return try fitSpares(zeroByteCount: stepByteCount)
        } catch {
            if error.code == .diskFull { lock.withLock { nextTry = Scheduling.now().nanoseconds + Self.pause } }
            throw error
        }
    }

    /// Whether a spare file has another size than it should, or files are missing or too many; the caller holds the
    /// lock.
    private var needsFit: Bool {
        fileCount < targetCount || (fileCount > targetCount && !spares.isEmpty)
            || spares.contains { $0.size != targetSize }
    }

    /// The size and number of files that there should be.
    var target: (fileSize: UInt64, count: Int) { lock.withLock { (targetSize, targetCount) } }

    /// The number of files that limits may count on, and a size: equal files of it hold no more than these do.
    ///
    /// It is the mean of all but the two largest: the checkpoint may be at the end of one, and one may be away while
    /// its size changes. Of files too many those count that are smallest: any may be removed. What a file has beyond
    /// the size that it should have does not count: it is about to go.
    var dependable: (fileSize: UInt64, count: Int) {
        lock.withLock {
            let count = min(targetCount, fileCount)
            // A tebibyte at most, so that no sizes from headers overflow the sum.
            let sizes = (active + spares + held).map { min($0.size, targetSize, 1 << 40) }.sorted().prefix(count)
            guard count > 2 else { return (sizes.first ?? targetSize, count) }
            let mean = sizes.dropLast(2).reduce(0, +) / UInt64(count - 2)
            return (mean / UInt64(LogLimits.fileSizeUnit) * UInt64(LogLimits.fileSizeUnit), count)
        }
    }

    /// Changes sizes and number of the spare files, with at most `zeroByteCount` zeros, and so perhaps not all; the
    /// caller holds the lock of sizes.
    ///
    /// Returns whether any file was changed.
    private func fitSpares(zeroByteCount: UInt64) throws(RedoubtError) -> Bool {
        var hasChanged = false
        while let surplus = takeSurplus() {
            surplus.file.close()
            // One that stays does no harm: the next opening finds it spare, and tries again.
            try? storage.remove(surplus.file.path)
            hasChanged = true
        }
        while lock.withLock({ fileCount < targetCount }) {
            let file = try makeFile()
            lock.withLock { spares.insert(file, at: 0) }
            hasChanged = true
        }
        var left = zeroByteCount
        while left > 0, let misfit = takeMisfit() {
            left -= try fit(misfit, zeroByteCount: left)
            hasChanged = true
        }
        return hasChanged
    }

    /// Brings the size of `file`, which is held, to what it should be, or so near as `zeroByteCount` zeros bring it,
    /// and puts it among the spares; returns how many were written.
    private func fit(_ file: LogFile, zeroByteCount: UInt64) throws(RedoubtError) -> UInt64 {
        var file = file
        let before = file.size
        let target = lock.withLock { targetSize }
        let size = target > before && target - before > zeroByteCount ? before + zeroByteCount : target
        defer {
            lock.withLock {
                release(file.slot)
                spares.insert(file, at: 0)
            }
        }
        if size < before {
            try file.file.truncate(to: size)
            // Before the sync, which may fail: a header must never claim more than there is.
            file.size = size
        } else {
            do throws(RedoubtError) {
                try file.file.extendByWriting(to: size)
            } catch {
                // What there was room for is given back: nobody would know of it.
                try? file.file.truncate(to: before)
                throw error
            }
        }
        try file.file.syncWrites()
        file.size = size
        return size > before ? size - before : 0
    }

    private func takeSurplus() -> LogFile? {
        lock.withLock {
            fileCount > targetCount && !spares.isEmpty ? spares.removeFirst() : nil
        }
    }

    private func takeMisfit() -> LogFile? {
        lock.withLock {
            guard let index = spares.firstIndex(where: { $0.size != targetSize }) else { return nil }
            held.append(spares.remove(at: index))
            return held.last
        }
    }
}
