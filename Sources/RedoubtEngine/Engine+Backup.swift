package import RedoubtCore
import RedoubtSystem

extension Engine {
    /// Copies the database, which goes on, into the folder `path`; with `verify` the copy is recovered and checked.
    ///
    /// Waits. The manifest says whether the copy was verified: if there is no room for what recovery writes, the backup
    /// is one, but is not.
    ///
    /// - Parameters:
    ///   - progress: called with the bytes copied so far, and those that there are.
    ///   - verificationByteCount: the memory for what recovery of the copy writes, in bytes; the rest goes to a file in
    ///     the folder.
    ///   - verificationMemory: the memory of the engine that recovers the copy.
    ///   - fault: a rule that is broken on purpose.
    /// - Throws: `.exists` if the folder is not empty; `.busy` if a backup is being made; `.corruptPage` if a page
    ///   cannot be copied; `.damagedBackup` if the copy cannot be recovered; `.systemLimit` if there are too many
    ///   keyspaces; `.diskFull`, `.fenced`, `.readFailed`. What was made is removed.
    package func backup(
        to path: String,
        verify: Bool,
        progress: ((UInt64, UInt64) -> Void)? = nil,
        verificationByteCount: Int = 64 << 20,
        verificationMemory: ByteCount = .mebibytes(64),
        fault: BackupFault? = nil
    ) throws(RedoubtError) -> BackupManifest {
        try requireOpen()
        try kernel.health.check()
        var job = BackupMaker.Job(kernel: kernel, spaces: spaces, changeLock: catalog.changeLock)
        job.progress = progress
        job.fault = fault
        if verify {
            var settings = Configuration()
            settings.createIfMissing = false
            settings.memory = verificationMemory
            settings.redoLog.shape = .selfWriting
            settings.redoLog.bufferCapacity = .mebibytes(1)
            settings.redoLog.capacity = configuration.redoLog.capacity
            let chosen = settings
            job.verify = { (folder, manifest) throws(RedoubtError) in
                try Self.verify(folder, manifest, chosen, verificationByteCount)
            }
        }
        var maker = BackupMaker(job, to: path)
        return try maker.run()
    }

    private static func verify(
        _ folder: BackupFolder,
        _ manifest: BackupManifest,
        _ configuration: Configuration,
        _ byteCountMaximum: Int
    ) throws(RedoubtError) -> [CheckFinding]? {
        let restorer = BackupRestorer(folder.storage, from: folder.path, to: folder.path)
        do throws(RedoubtError) {
            return try restorer.verify(manifest, configuration, byteCountMaximum: byteCountMaximum)
        } catch {
            throw RedoubtError(
                .damagedBackup,
                "the copy cannot be recovered (\(error.message)); check the database",
                page: error.page,
                path: error.path
            )
        }
    }
}
