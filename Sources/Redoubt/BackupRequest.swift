import RedoubtCore
import RedoubtEngine
import RedoubtSystem
import Synchronization

/// What one process asks another one that has the database open: a backup, by a file in the folder of the database, and
/// the answer, by another.
///
///     backup.request           redoubt-backup-request 2, the token, verify 0 or 1, the path of the folder: a line each
///     backup.result.<token>    made, checkpoint, end, files, bytes, verified; or failed, code, message: a line each
///     backup.request.lock      held by who asks, from before the request until after the answer
///
/// So one asks at a time, and takes no answer but its own: the token, 16 hexadecimal digits, is drawn for each request.
/// Who asks knows the process that has the database open by the process id in the lock file of the database, and waits
/// for no other one. All are written under another name and renamed, so that nobody reads a part of one. The folder is
/// its owner's alone, and so are they. What a crash leaves of them is removed by the next request.
enum BackupRequest {
    static let requestName = "/backup.request"
    static let lockName = "/backup.request.lock"
    static let title = "redoubt-backup-request 2"
    private static let resultPrefix = "backup.result"
    private static let byteCountMaximum: UInt64 = 64 << 10
    private static let tokenByteCount = 16

    /// A token that no other request has.
    static func makeToken() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: tokenByteCount - digits.utf8.count) + digits
    }

    /// Whether `text` is a token: it becomes a part of a file's name.
    static func isToken(_ text: String) -> Bool {
        text.utf8.count == tokenByteCount && text.utf8.allSatisfy { UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "f") }
            && UInt64(text, radix: 16) != nil
    }

    /// The path of the answer to the request of `token` about the database at `path`.
    static func resultPath(_ path: String, _ token: String) -> String { path + "/" + resultPrefix + "." + token }

    /// Keeps everybody else from asking about the database at `path`.
    ///
    /// - Throws: `.busy` while somebody does.
    static func lock(_ storage: any Storage, _ path: String) throws(RedoubtError) -> any AnyObject & Sendable {
        do throws(RedoubtError) {
            return try storage.lock(path + lockName)
        } catch {
            guard error.code == .alreadyOpen else { throw error }
            throw RedoubtError(.busy, "somebody else has the database backed up; wait for the end of that", path: path)
        }
    }

    /// Removes the answers that nobody has taken; whoever could is gone, for the lock is held.
    static func forgetResults(_ storage: any Storage, _ path: String) throws(RedoubtError) {
        for name in try storage.list(path) where name.hasPrefix(resultPrefix) { forget(storage, path + "/" + name) }
    }

    /// Returns what the process that has the database at `path` open calls itself; nil if none has.
    static func holder(_ storage: LinuxStorage, _ path: String) throws(RedoubtError) -> String? {
        let lock = path + "/redoubt.lock"
        guard try storage.exists(lock), try storage.isLocked(lock) else { return nil }
        let file = try storage.open(lock, role: .control, creating: false, readOnly: true)
        defer { file.close() }
        let buffer = try AlignedBuffer(byteCount: 32)
        let count = unsafe try file.read(into: buffer.bytes, at: 0)
        return unsafe String(decoding: buffer.bytes[..<min(count, 32)], as: UTF8.self)
    }

    /// Reads the lines of a file, which is removed; nil if there is none.
    static func take(_ storage: any Storage, _ path: String) throws(RedoubtError) -> [String]? {
        guard try storage.exists(path) else { return nil }
        let file = try storage.open(path, role: .control, creating: false, readOnly: true)
        defer { file.close() }
        // Whatever it is, it is looked at once.
        try storage.remove(path)
        let size = try file.size()
        guard size > 0, size <= byteCountMaximum else { throw strange(path) }
        let buffer = try AlignedBuffer(byteCount: Int(size))
        let count = unsafe try file.read(into: buffer.bytes, at: 0)
        guard let text = unsafe String(validating: buffer.bytes[..<count], as: UTF8.self) else { throw strange(path) }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// Writes the lines of a file, in place of one that is there.
    static func put(_ storage: any Storage, _ path: String, _ lines: [String]) throws(RedoubtError) {
        let unfinished = path + ".new"
        if try storage.exists(unfinished) { try storage.remove(unfinished) }
        let file = try storage.open(unfinished, role: .control, creating: true, readOnly: false)
        defer { file.close() }
        let bytes = Array(lines.map { $0.split(separator: "\n").joined(separator: " ") }.joined(separator: "\n").utf8)
        let buffer = try AlignedBuffer(byteCount: max(1, bytes.count))
        unsafe buffer.bytes.copyBytes(from: bytes)
        unsafe try file.write(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<bytes.count]), at: 0)
        try storage.rename(unfinished, to: path)
    }

    /// Removes a file that may be there.
    static func forget(_ storage: any Storage, _ path: String) {
        if (try? storage.exists(path)) == true { try? storage.remove(path) }
    }

    static func strange(_ path: String) -> RedoubtError {
        RedoubtError(.systemCallFailed, "the file is not what another process of Redoubt writes", path: path)
    }
}

/// Answers requests of other processes, in the process that has the database open.
///
/// It knows the engine, not the database, which may be gone while a request is looked at.
final class BackupServer: Sendable {
    private let engine: Engine
    private let gate: CallGate
    private let threads: CallThreads
    private let storage: any Storage
    private let isBusy = Atomic<Bool>(false)

    init(_ engine: Engine, _ gate: CallGate, _ threads: CallThreads, _ storage: any Storage) {
        self.engine = engine
        self.gate = gate
        self.threads = threads
        self.storage = storage
    }

    /// Looks for a request, and has it answered by a thread of the database; a second one is told to wait.
    func look() {
        let place = engine.path + BackupRequest.requestName
        // Taken here: nobody else looks, so no request is answered twice.
        guard (try? storage.exists(place)) == true, let request = try? BackupRequest.take(storage, place),
            request.count == 4, request[0] == BackupRequest.title, BackupRequest.isToken(request[1])
        else { return }
        let result = BackupRequest.resultPath(engine.path, request[1])
        guard !isBusy.exchange(true, ordering: .acquiringAndReleasing) else {
            // Of somebody who asked and is gone.
            return fail(RedoubtError(.busy, "a backup is being made; wait for its end", path: engine.path), result)
        }
        do throws(RedoubtError) {
            let isTaken = try threads.run { [self] in
                answer(request, result)
                isBusy.store(false, ordering: .releasing)
            }
            if !isTaken { throw RedoubtError(.closed, "the database is being closed", path: engine.path) }
        } catch {
            isBusy.store(false, ordering: .releasing)
            fail(error, result)
        }
    }

    private func answer(_ request: [String], _ result: String) {
        do throws(RedoubtError) {
            let line = try gate.enter()
            defer { gate.leave(line) }
            let manifest = try engine.backup(to: request[3], verify: request[2] == "1")
            let numbers = [
                manifest.checkpointLSN.rawValue, manifest.endLSN.rawValue, UInt64(manifest.files.count + 1),
                manifest.byteCount, manifest.isVerified ? 1 : 0,
            ]
            put(["made"] + numbers.map { "\($0)" }, result)
        } catch {
            fail(error, result)
        }
    }

    private func fail(_ error: RedoubtError, _ result: String) {
        put(["failed", error.code.rawValue, error.message, error.path ?? ""], result)
    }

    private func put(_ lines: [String], _ result: String) {
        // Who asked is gone, if this fails, or finds out by waiting.
        try? BackupRequest.put(storage, result, lines)
    }
}
