import RedoubtCore
import RedoubtEngine
import RedoubtSystem
import Synchronization

/// What one process asks another one that has the database open: a backup, by a file in the folder of the database, and
/// the answer, by another.
///
///     backup.request    redoubt-backup-request 1, verify 0 or 1, the path of the folder: a line each
///     backup.result     made, checkpoint, end, files, bytes, verified; or failed, code, message: a line each
///
/// Both are written under another name and renamed, so that nobody reads a part of one. The folder is its owner's
/// alone, and so are they. What a crash leaves of them is removed by the next request.
enum BackupRequest {
    static let requestName = "/backup.request"
    static let resultName = "/backup.result"
    static let title = "redoubt-backup-request 1"
    private static let byteCountMaximum: UInt64 = 64 << 10

    /// Reads the lines of a file, which is removed; nil if there is none.
    static func take(_ storage: any Storage, _ path: String) throws(RedoubtError) -> [String]? {
        guard try storage.exists(path) else { return nil }
        let file = try storage.open(path, role: .control, creating: false, readOnly: true)
        defer { file.close() }
        let size = try file.size()
        guard size > 0, size <= byteCountMaximum else { throw strange(path) }
        let buffer = try AlignedBuffer(byteCount: Int(size))
        _ = unsafe try file.read(into: buffer.bytes, at: 0)
        try storage.remove(path)
        guard let text = unsafe String(validating: buffer.bytes, as: UTF8.self) else { throw strange(path) }
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

    /// Looks for a request, and has it answered by a thread of the database.
    func look() {
        let place = engine.path + BackupRequest.requestName
        guard !isBusy.load(ordering: .acquiring), (try? storage.exists(place)) == true,
            !isBusy.exchange(true, ordering: .acquiringAndReleasing)
        else { return }
        let isTaken = try? threads.run { [self] in
            answer(place)
            isBusy.store(false, ordering: .releasing)
        }
        if isTaken != true { isBusy.store(false, ordering: .releasing) }
    }

    private func answer(_ place: String) {
        let lines: [String]
        do throws(RedoubtError) {
            guard let request = try BackupRequest.take(storage, place) else { return }
            guard request.count == 3, request[0] == BackupRequest.title else { throw BackupRequest.strange(place) }
            let line = try gate.enter()
            defer { gate.leave(line) }
            let manifest = try engine.backup(to: request[2], verify: request[1] == "1")
            let numbers = [
                manifest.checkpointLSN.rawValue, manifest.endLSN.rawValue, UInt64(manifest.files.count + 1),
                manifest.byteCount, manifest.isVerified ? 1 : 0,
            ]
            lines = ["made"] + numbers.map { "\($0)" }
        } catch {
            lines = ["failed", error.code.rawValue, error.message, error.path ?? ""]
        }
        // Who asked is gone, if this fails, or finds out by waiting.
        try? BackupRequest.put(storage, engine.path + BackupRequest.resultName, lines)
    }
}
