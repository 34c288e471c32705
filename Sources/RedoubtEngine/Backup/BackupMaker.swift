import RedoubtCore
import RedoubtLog
import RedoubtSystem

/// Makes a backup of an engine that is in use; see the folder's README for the order and why.
struct BackupMaker {
    /// What is copied, and how.
    struct Job {
        let kernel: Kernel
        let spaces: SpaceTable
        /// Held while keyspaces are created, dropped or renamed.
        let changeLock: EngineLock
        /// Recovers and checks the copy, and returns what is wrong with it, or nil if there is no room for that; nil
        /// for no verification.
        var verify: ((BackupFolder, BackupManifest) throws(RedoubtError) -> [CheckFinding]?)?
        /// Called with the bytes copied so far, and those that there are.
        var progress: ((UInt64, UInt64) -> Void)?
        /// The rule that is broken; in tests only.
        var fault: BackupFault?

        /// Whether `fault` is planted.
        func breaks(_ fault: BackupFault) -> Bool {
            #if REDOUBT_INTERLEAVING
            self.fault == fault
            #else
            false
            #endif
        }
    }

    private let job: Job
    private let folder: BackupFolder
    private var files: [BackupManifest.File] = []
    private var seen: Set<SpaceID> = []
    // Being dropped when they were to be copied.
    private var leftOut: Set<SpaceID> = []
    private var copiedByteCount: UInt64 = 0

    // A write of a page takes no longer than this many looks a millisecond apart.
    private static let tryCountMaximum = 200
    private static let pausedMicroseconds = 1000
    // The passes over new keyspaces before these have to wait.
    private static let passCount = 3

    init(_ job: Job, to path: String) {
        self.job = job
        folder = BackupFolder(storage: job.kernel.storage, path: path)
    }

    /// Makes the backup.
    ///
    /// Waits.
    ///
    /// - Throws: `.exists`, `.systemLimit`, `.busy`, `.corruptPage`, `.corruptLog`, `.readFailed`, `.diskFull`,
    ///   `.damagedBackup` if the copy cannot be recovered; what was made is removed.
    mutating func run() throws(RedoubtError) -> BackupManifest {
        try folder.make()
        do throws(RedoubtError) {
            return try make()
        } catch {
            folder.clear()
            throw error
        }
    }

    private mutating func make() throws(RedoubtError) -> BackupManifest {
        let log = job.kernel.log
        let target = try folder.create(BackupFolder.redoName, .redo)
        defer { target.close() }
        let redo = try RedoCopy(log, to: target)
        defer { redo.end() }
        if job.breaks(.letsCheckpointPass) { redo.end() }
        let early = log.flushedLSN
        // Who makes keyspaces without end does not keep a backup from its own.
        for _ in 0..<Self.passCount {
            guard try copyNew(redo), !job.breaks(.forgetsNewKeyspaces) else { break }
        }
        // Waiting would be for somebody who may wait for capacity.
        while !job.changeLock.tryLock() {
            try redo.follow()
            Scheduling.sleep(microseconds: Self.pausedMicroseconds)
        }
        var end = try fixEnd(redo)
        if job.breaks(.endsBeforePages) { end = early }
        let redoByteCount = try redo.finish(at: end)
        redo.end()
        var manifest = BackupManifest(
            database: job.kernel.database,
            checkpointLSN: redo.checkpointLSN,
            endLSN: end,
            isVerified: false,
            files: files,
            redoByteCount: redoByteCount,
            redoChecksum: try BackupFolder.checksum(of: target)
        )
        if let verify = job.verify, let findings = try verify(folder, manifest) {
            if let finding = findings.first {
                throw RedoubtError(
                    .damagedBackup,
                    "the recovered copy is not sound (\(finding)); check the database",
                    page: finding.page,
                    path: folder.path
                )
            }
            manifest.isVerified = true
        }
        try folder.publish(manifest)
        return manifest
    }

    /// Copies what is new, and returns the end of the backup; the lock of keyspace changes is held, and given back.
    private mutating func fixEnd(_ redo: RedoCopy) throws(RedoubtError) -> LogSequenceNumber {
        defer { job.changeLock.unlock() }
        // Those that are still there were not dropped after all.
        seen.subtract(leftOut)
        while !job.breaks(.forgetsNewKeyspaces), try copyNew(redo) {}
        let log = job.kernel.log
        try log.waitUntilFlushed(log.currentLSN)
        return log.flushedLSN
    }

    /// Copies the files that are not copied yet; false if there were none.
    private mutating func copyNew(_ redo: RedoCopy) throws(RedoubtError) -> Bool {
        let new = job.spaces.all.filter { !seen.contains($0.id) }
        for space in new {
            seen.insert(space.id)
            do throws(RedoubtError) {
                try copy(space, redo)
            } catch {
                // The redo says that it was dropped.
                let isMissed = error.code != .diskFull && error.code != .corruptLog && error.code != .exists
                guard space.isDropped, isMissed else { throw error }
                leftOut.insert(space.id)
                folder.remove(BackupFolder.name(ofCopy: Self.name(of: space)))
            }
        }
        return !new.isEmpty
    }

    private static func name(of space: Space) -> String {
        space.path.split(separator: "/").last.map(String.init) ?? space.path
    }

    /// Copies the file of a space.
    private mutating func copy(_ space: Space, _ redo: RedoCopy) throws(RedoubtError) {
        let name = Self.name(of: space)
        guard files.count < BackupManifest.fileCountMaximum else {
            let message = "a backup holds \(BackupManifest.fileCountMaximum) files at most; drop keyspaces"
            throw RedoubtError(.systemLimit, message, path: folder.path)
        }
        let target = try folder.create(BackupFolder.name(ofCopy: name), .data)
        defer { target.close() }
        // A descriptor of its own: that of the engine is closed when the keyspace is dropped.
        let source = try folder.storage.open(space.path, role: .data, creating: false, readOnly: true)
        defer { source.close() }
        // What it grows by from now on is in the redo.
        let size = try source.size() / UInt64(pageByteCount) * UInt64(pageByteCount)
        let buffer = try AlignedBuffer(byteCount: BackupFolder.pieceByteCount)
        var offset: UInt64 = 0
        var checksum: UInt32 = 0
        while offset < size {
            let count = Int(min(size - offset, UInt64(BackupFolder.pieceByteCount)))
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<count])
            try unsafe read(piece, of: space, source, at: offset, redo)
            let bytes = UnsafeRawBufferPointer(piece)
            unsafe try target.write(bytes, at: offset)
            checksum = unsafe Checksum.crc32c(bytes, seed: checksum)
            offset += UInt64(count)
            copiedByteCount += UInt64(count)
            if !job.breaks(.endsBeforePages) { try redo.follow() }
            report()
        }
        try target.sync()
        files.append(BackupManifest.File(name: name, byteCount: size, checksum: checksum))
    }

    private func report() {
        guard let progress = job.progress else { return }
        let total = job.spaces.all.reduce(UInt64(0)) { $0 + UInt64($1.pageCount) * UInt64(pageByteCount) }
        progress(copiedByteCount, max(total, copiedByteCount))
    }

    // MARK: Pages

    /// Reads pages until each of them is whole.
    private func read(
        _ piece: UnsafeMutableRawBufferPointer,
        of space: Space,
        _ source: any StorageFile,
        at offset: UInt64,
        _ redo: RedoCopy
    ) throws(RedoubtError) {
        let count = unsafe try source.read(into: piece, at: offset)
        guard count == piece.count else {
            throw RedoubtError(.readFailed, "\(count) of \(piece.count) bytes at \(offset) are there", path: space.path)
        }
        for start in stride(from: 0, to: count, by: pageByteCount) {
            let number = PageNumber(rawValue: UInt32((offset + UInt64(start)) / UInt64(pageByteCount)))
            let page = unsafe UnsafeMutableRawBufferPointer(rebasing: piece[start..<start + pageByteCount])
            unsafe try settle(page, PageID(space: space.id, number: number), space, source, redo)
        }
    }

    /// Reads a page again until it is whole.
    private func settle(
        _ bytes: UnsafeMutableRawBufferPointer,
        _ id: PageID,
        _ space: Space,
        _ source: any StorageFile,
        _ redo: RedoCopy
    ) throws(RedoubtError) {
        let page = unsafe PageBytes(bytes.baseAddress.unsafelyUnwrapped)
        var attempt = 0
        while let fault = Self.fault(page, id), !job.breaks(.believesTornPages) {
            attempt += 1
            guard attempt < Self.tryCountMaximum else { return try replace(page, id, space, fault) }
            try redo.follow()
            Scheduling.sleep(microseconds: Self.pausedMicroseconds)
            _ = unsafe try source.read(into: bytes, at: id.number.fileOffset)
        }
    }

    /// Puts what belongs there over a page that stays damaged in the file: zeros if nobody uses it, else what is in
    /// memory, which is no newer than the end of the backup.
    private func replace(
        _ page: PageBytes,
        _ id: PageID,
        _ space: Space,
        _ fault: PageFault
    ) throws(RedoubtError) {
        if try isFree(id, space) { return page.fill(at: 0, count: pageByteCount) }
        do throws(RedoubtError) {
            let copy = try PageCopy(job.kernel, id)
            page.copyPage(from: copy.bytes)
            PageSeal.seal(page)
        } catch {
            guard error.code == .corruptPage else { throw error }
            let message = "\(fault); the page cannot be backed up: check the database"
            throw RedoubtError(.corruptPage, message, page: id, path: space.path)
        }
    }

    private static func fault(_ page: PageBytes, _ id: PageID) -> PageFault? {
        let fault = PageSeal.fault(page, expected: id)
        return fault == .unwritten ? nil : fault
    }

    /// Whether nobody uses the page, as the descriptors say.
    private func isFree(_ id: PageID, _ space: Space) throws(RedoubtError) -> Bool {
        let header = try PageCopy(job.kernel, PageID(space: id.space, number: SpaceFormat.headerPage))
        guard id.number.rawValue < header.bytes.u32(at: SpaceFormat.Header.pageCount) else { return true }
        let descriptors = try PageCopy(
            job.kernel,
            PageID(space: id.space, number: SpaceFormat.descriptorPage(of: id.number))
        )
        let index = Int(id.number.rawValue % SpaceFormat.extentPageCount)
        let bitmap = SpaceFormat.descriptorOffset(of: id.number) + SpaceFormat.Descriptor.bitmap
        return descriptors.bytes.u8(at: bitmap + index / 4) >> UInt8(index % 4 * 2) & 1 == 1
    }
}
