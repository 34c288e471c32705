import RedoubtCore
import RedoubtSystem

extension LogFileSet {
    /// Makes the redo files of a new database; the checkpoint comes last, so that a power cut leaves no half log that
    /// opens.
    static func create(
        storage: any Storage,
        directory: String,
        configuration: Configuration.RedoLog,
        database: DatabaseID
    ) throws(RedoubtError) {
        try storage.createDirectory(directory)
        try removeLeftovers(storage: storage, directory: directory)
        // The name of the directory itself must not be lost either.
        if let slash = directory.lastIndex(of: "/") {
            try storage.syncDirectory(slash == directory.startIndex ? "/" : String(directory[..<slash]))
        }
        let limits = LogLimits(capacity: configuration.capacity, fileCount: configuration.fileCount)
        var made: [LogFile] = []
        defer { for file in made { file.file.close() } }
        for slot in 1...configuration.fileCount {
            made.append(
                try makeFile(storage: storage, directory: directory, slot: slot, size: UInt64(limits.fileSize))
            )
        }
        let files = LogFileSet(
            storage: storage,
            directory: directory,
            database: database,
            active: [],
            spares: made,
            nextNumber: 1
        )
        _ = try files.activateNext()
        try files.write(
            CheckpointBlock(
                lsn: LogSequenceNumber.firstUser.rawValue,
                durable: LogSequenceNumber.firstUser.rawValue,
                number: 1,
                cleanShutdown: LogSequenceNumber.firstUser.rawValue,
                fileCount: UInt32(made.count),
                database: database
            )
        )
    }

    /// Removes what an interrupted creation left: files without a checkpoint and without a single redo block.
    private static func removeLeftovers(storage: any Storage, directory: String) throws(RedoubtError) {
        let names = try storage.list(directory).filter { LogFileName.slot($0) != nil }
        if names.isEmpty { return }
        for name in names where try !isUnused(storage: storage, path: directory + "/" + name) {
            throw RedoubtError(.exists, "there is a redo log already", path: directory)
        }
        for name in names { try storage.remove(directory + "/" + name) }
        try storage.syncDirectory(directory)
    }

    private static func isUnused(storage: any Storage, path: String) throws(RedoubtError) -> Bool {
        let file = try storage.open(path, role: .redo, creating: false, readOnly: true)
        defer { file.close() }
        let buffer = try AlignedBuffer(byteCount: LogFileHeader.dataOffset + 4096)
        _ = try unsafe file.read(into: buffer.bytes, at: 0)
        return unsafe buffer.bytes[4096...].allSatisfy { $0 == 0 }
    }
}
