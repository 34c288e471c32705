import RedoubtCore
import RedoubtSystem
import Synchronization

/// The answer to one request for a backup, in a file that is there, and locked, before the request is taken away.
///
///     made, checkpoint, end, files, bytes, verified, "end"; or failed, code, message, path, "end": a line each
///     line feeds up to 16384 bytes
///
/// The lock tells who waits that an answer will come; the kernel takes it back when the process ends. The file has its
/// size before the request is taken, and the answer is written over it, so it needs no space, no descriptor and no
/// entry in the folder when a backup has taken all there was.
final class BackupAnswer: Sendable {
    private static let byteCount = 16 << 10
    /// Four lines of this length and a little more fit.
    private static let lineByteCountMaximum = 4000
    private static let lastLine = "end"

    private let file: any StorageFile
    private let lock: Mutex<(any AnyObject & Sendable)?>

    /// Makes the file of the answer to the request of `token` about the database at `path`, and locks it.
    init(_ storage: any Storage, _ path: String, token: String) throws(RedoubtError) {
        let place = BackupRequest.resultPath(path, token)
        let lock = try storage.lock(place)
        let file = try storage.open(place, role: .control, creating: false, readOnly: false)
        self.lock = Mutex(lock)
        self.file = file
        try fill("")
    }

    /// Writes the answer; may be tried again.
    func write(_ lines: [String]) throws(RedoubtError) {
        let whole = lines.map { line in
            String(decoding: line.utf8.prefix(Self.lineByteCountMaximum).map { $0 == 10 ? 32 : $0 }, as: UTF8.self)
        }
        try fill((whole + [Self.lastLine, ""]).joined(separator: "\n"))
    }

    /// Unlocks the file: what it says now is the answer, or that there is none.
    func close() {
        file.close()
        lock.withLock { $0 = nil }
    }

    private func fill(_ text: String) throws(RedoubtError) {
        let buffer = try AlignedBuffer(byteCount: Self.byteCount)
        let content = Array(text.utf8.prefix(Self.byteCount))
        let rest = [UInt8](repeating: 10, count: Self.byteCount - content.count)
        unsafe buffer.bytes.copyBytes(from: content + rest)
        unsafe try file.write(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<Self.byteCount]), at: 0)
    }

    // MARK: Who waits

    /// Whether the process that took the request of an answer at `place` still works on it.
    static func isComing(_ storage: LinuxStorage, _ place: String) throws(RedoubtError) -> Bool {
        do throws(RedoubtError) {
            return try storage.isLocked(place)
        } catch {
            guard error.code == .missingFile else { throw error }
            return false
        }
    }

    /// Returns the lines of the answer at `place`; nil if there is none, or not a whole one.
    static func read(_ storage: any Storage, _ place: String) throws(RedoubtError) -> [String]? {
        guard try storage.exists(place), let lines = try BackupRequest.lines(storage, place),
            let end = lines.lastIndex(of: lastLine)
        else { return nil }
        return Array(lines[..<end])
    }
}
