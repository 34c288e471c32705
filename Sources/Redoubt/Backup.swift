public import RedoubtCore
import RedoubtEngine
public import RedoubtSystem

/// A backup of a database: what ``Database/backup(to:verify:progress:)`` made, or
/// ``Database/restore(from:to:storage:)`` found.
public struct Backup: Sendable {
    /// The position in the redo that the backup is of: everything before it is there, and nothing after.
    public let endLSN: LogSequenceNumber
    /// The position where the recovery of a restored database starts.
    public let checkpointLSN: LogSequenceNumber
    /// The files, the redo included.
    public let fileCount: Int
    /// The bytes of all files.
    public let byteCount: UInt64
    /// Whether the copy was recovered and checked when it was made; restoring it does not do so again.
    public let isVerified: Bool

    init(_ manifest: BackupManifest) {
        endLSN = manifest.endLSN
        checkpointLSN = manifest.checkpointLSN
        fileCount = manifest.files.count + 1
        byteCount = manifest.byteCount
        isVerified = manifest.isVerified
    }
}

extension Backup {
    /// Reads the lines of an answer behind the first one; nil if they are not such.
    init?(_ lines: some Collection<String>) {
        let numbers = lines.compactMap { UInt64($0) }
        guard numbers.count == 5, lines.count == 5, numbers[2] < 1 << 40 else { return nil }
        checkpointLSN = LogSequenceNumber(rawValue: numbers[0])
        endLSN = LogSequenceNumber(rawValue: numbers[1])
        fileCount = Int(numbers[2])
        byteCount = numbers[3]
        isVerified = numbers[4] == 1
    }
}

extension Database {
    /// Has the process that has the database at `path` open back it up, as ``backup(to:verify:progress:)`` there would.
    ///
    /// Waits as long as that process works on it, but for nobody who is gone, and not for an answer that never comes.
    ///
    /// - Parameter folder: an absolute path, for the other process may be in another folder.
    /// - Throws: `.notOpen` if no process has it open, or the one that has does not take the request within ten
    ///   seconds, ends before it has answered, or cannot write its answer; `.busy` while another process asks for a
    ///   backup; `.unsupportedFormat` if that process is of an older version; and what the backup throws there.
    public static func requestBackup(
        of path: String,
        to folder: String,
        verify: Bool = true
    ) throws(RedoubtError) -> Backup {
        let storage = LinuxStorage()
        guard let holder = try BackupRequest.holder(storage, path) else {
            throw RedoubtError(.notOpen, "no process has the database open; open it and back it up", path: path)
        }
        guard folder.hasPrefix("/"), !folder.contains("\n") else {
            throw RedoubtError(.invalidName, "the folder must be an absolute path without line feeds", path: folder)
        }
        let lock = try BackupRequest.lock(storage, path)
        defer {
            BackupRequest.forget(storage, path + BackupRequest.lockName)
            withExtendedLifetime(lock) {}
        }
        try BackupRequest.forgetResults(storage, path)
        let request = BackupRequest(verify: verify, folder: folder, token: BackupRequest.makeToken())
        let (place, result) = (path + BackupRequest.requestName, BackupRequest.resultPath(path, request.token))
        defer {
            BackupRequest.forget(storage, place)
            BackupRequest.forget(storage, result)
        }
        try request.put(storage, path)
        return try awaitAnswer(request, from: holder, storage, path)
    }

    /// Waits for the answer to `request`, which is there, of the process that calls itself `holder`.
    private static func awaitAnswer(
        _ request: BackupRequest,
        from holder: String,
        _ storage: LinuxStorage,
        _ path: String
    ) throws(RedoubtError) -> Backup {
        let (place, result) = (path + BackupRequest.requestName, BackupRequest.resultPath(path, request.token))
        let patience = Scheduling.now().advanced(milliseconds: 10_000)
        while true {
            // In this order: that process locks its answer before it takes the request away, unlocks it when it is
            // written, and gives the database back last.
            let isGone = try BackupRequest.holder(storage, path) != holder
            let isTaken = try !storage.exists(place)
            let isComing = try BackupAnswer.isComing(storage, result)
            if !isComing, let answer = try BackupAnswer.read(storage, result) { return try backup(answer, result) }
            if isGone { throw noAnswer("the process that had the database open has ended; try again", path) }
            if isTaken && !isComing {
                throw noAnswer("the request was taken and not answered; look whether the backup is there", path)
            }
            if !isTaken && Scheduling.now() > patience && withdraw(place, storage) {
                throw noAnswer(
                    "the process that has the database open does not take the request: it is stopped, of an older "
                        + "version, or cannot write to this folder; see to that and try again",
                    path
                )
            }
            Scheduling.sleep(microseconds: 50_000)
        }
    }

    /// Removes a request; returns false if it has just been taken after all.
    private static func withdraw(_ place: String, _ storage: LinuxStorage) -> Bool {
        do throws(RedoubtError) {
            try storage.remove(place)
            return true
        } catch {
            return error.code != .missingFile
        }
    }

    private static func noAnswer(_ message: String, _ path: String) -> RedoubtError {
        RedoubtError(.notOpen, message, path: path)
    }

    private static func backup(_ answer: [String], _ path: String) throws(RedoubtError) -> Backup {
        if answer.first == "made", let backup = Backup(answer.dropFirst()) { return backup }
        guard answer.first == "failed", answer.count >= 4 else {
            throw RedoubtError(.systemCallFailed, "the answer is not what Redoubt writes; try again", path: path)
        }
        let place = answer[3].isEmpty ? nil : answer[3]
        throw RedoubtError(RedoubtError.Code(rawValue: answer[1]), answer[2], path: place)
    }

    /// Copies the database into the folder `path` while it is read and written.
    ///
    /// Waits.
    ///
    /// The copy holds everything that was acknowledged as durable before the call, and of what was written during it a
    /// beginning in the order of writing. While it is made the redo log keeps what is still to be copied, so writers
    /// may wait for redo capacity a little longer than usual. Then the copy is recovered and checked: what that writes
    /// is kept in memory, and when it is much in a file in the folder that has no name. If there is no room for it, the
    /// backup stays, and ``Backup/isVerified`` is false. Should the call fail, or the machine stop, there is no backup:
    /// ``restore(from:to:storage:)`` refuses what is left.
    ///
    /// - Parameters:
    ///   - path: A folder that is empty or missing; created with mode 0700.
    ///   - verify: Whether the copy is recovered and checked: it is read once more.
    ///   - progress: Called with the bytes copied so far, and those that there are.
    /// - Throws: `.exists` if the folder is not empty; `.busy` if another backup is being made; `.corruptPage` if a
    ///   page cannot be copied because it is damaged; `.damagedBackup` if the copy cannot be recovered; `.systemLimit`
    ///   if there are too many keyspaces; `.diskFull`, `.readFailed`, `.fenced`, `.closed`, `.reentered`.
    @discardableResult
    public func backup(
        to path: String,
        verify: Bool = true,
        progress: ((_ done: UInt64, _ total: UInt64) -> Void)? = nil
    ) throws(RedoubtError) -> Backup {
        try call { () throws(RedoubtError) in
            Backup(try engine.backup(to: path, verify: verify, progress: progress))
        }
    }

    /// Makes a database in the folder `path` of the backup in the folder `source`; opening it recovers.
    ///
    /// Waits.
    ///
    /// The backup is read as a whole and compared with its manifest before anything is made.
    ///
    /// - Throws: `.notFound` if there is no folder `source`; `.damagedBackup` if it holds no complete backup, or a byte
    ///   of it is not what was written; `.unsupportedFormat`; `.exists` if the folder `path` is not empty;
    ///   `.alreadyOpen` if somebody makes a database there meanwhile; `.diskFull`, `.readFailed`, `.systemCallFailed`.
    ///   The files that this call has made are removed then, and nothing else; empty folders stay, and a restore into
    ///   them may be tried again.
    @discardableResult
    public static func restore(from source: String, to path: String) throws(RedoubtError) -> Backup {
        try restore(from: source, to: path, storage: LinuxStorage())
    }

    /// The same in `storage`, such as one in memory.
    ///
    /// Waits.
    @discardableResult
    public static func restore(
        from source: String,
        to path: String,
        storage: any Storage
    ) throws(RedoubtError) -> Backup {
        Backup(try BackupRestorer(storage, from: source, to: path).run())
    }

    /// Reads the backup in the folder `source` as a whole and compares it with its manifest.
    ///
    /// Waits.
    ///
    /// - Throws: as ``restore(from:to:storage:)``.
    public static func inspectBackup(in source: String) throws(RedoubtError) -> Backup {
        Backup(try BackupRestorer(LinuxStorage(), from: source, to: source).inspect())
    }
}
