import RedoubtCore
import RedoubtSystem

/// What one process asks another one that has the database open: a backup, by a file in the folder of the database, and
/// the answer, in another.
///
///     backup.request           redoubt-backup-request 3, the token, verify 0 or 1, the path of the folder: a line each
///     backup.result.<token>    the answer, see ``BackupAnswer``
///     backup.request.lock      held by who asks, from before the request until after the answer
///
/// So one asks at a time, and takes no answer but its own: the token, 16 hexadecimal digits, is drawn for each request.
/// Who asks knows the process that has the database open by the process id in the lock file of the database, and waits
/// for no other one. A request is written under another name and renamed, so that nobody reads a part of one. The
/// folder is its owner's alone, and so are they. What a crash leaves of them is removed by the next request.
///
/// Nobody waits for ever: a request that is not taken is given up after a while, and one that is taken has an answer
/// that is locked, which ends with the process that holds it.
struct BackupRequest {
    /// Whether the copy is to be recovered and checked.
    var verify: Bool
    /// Where the copy is to be made.
    var folder: String
    /// What no other request has.
    var token: String

    static let requestName = "/backup.request"
    static let lockName = "/backup.request.lock"
    private static let title = "redoubt-backup-request"
    private static let version: UInt32 = 3
    private static let resultPrefix = "backup.result"
    private static let byteCountMaximum: UInt64 = 64 << 10
    private static let tokenByteCount = 16

    /// What stands in the place of a request.
    enum Found {
        case request(BackupRequest)
        /// One of a later version, whose token is where it is in this one.
        case unknown(token: String)
    }

    /// A token that no other request has.
    static func makeToken() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: tokenByteCount - digits.utf8.count) + digits
    }

    /// Whether `text` is a token: it becomes a part of a file's name.
    private static func isToken(_ text: String) -> Bool {
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

    // MARK: The file

    /// Reads the request about the database at `path`, which stays; nil if there is none, or something else.
    static func find(_ storage: any Storage, _ path: String) throws(RedoubtError) -> Found? {
        let place = path + requestName
        guard try storage.exists(place), let lines = try Self.lines(storage, place), lines.count >= 2 else {
            return nil
        }
        let words = lines[0].split(separator: " ")
        guard words.count == 2, words[0] == title, let version = UInt32(words[1]), isToken(lines[1]) else { return nil }
        if version > Self.version { return .unknown(token: lines[1]) }
        // Who asked in an older way waits for another answer, but not for ever if the request stays.
        guard version == Self.version, lines.count == 4 else { return nil }
        return .request(BackupRequest(verify: lines[2] == "1", folder: lines[3], token: lines[1]))
    }

    /// Writes the request about the database at `path`, in place of one that is there.
    func put(_ storage: any Storage, _ path: String) throws(RedoubtError) {
        let place = path + Self.requestName
        let unfinished = place + ".new"
        if try storage.exists(unfinished) { try storage.remove(unfinished) }
        let file = try storage.open(unfinished, role: .control, creating: true, readOnly: false)
        defer { file.close() }
        let lines = ["\(Self.title) \(Self.version)", token, verify ? "1" : "0", folder]
        let bytes = Array(lines.joined(separator: "\n").utf8)
        let buffer = try AlignedBuffer(byteCount: bytes.count)
        unsafe buffer.bytes.copyBytes(from: bytes)
        unsafe try file.write(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<bytes.count]), at: 0)
        try storage.rename(unfinished, to: place)
    }

    /// Reads the lines of a file; nil if it holds something else.
    static func lines(_ storage: any Storage, _ path: String) throws(RedoubtError) -> [String]? {
        let file = try storage.open(path, role: .control, creating: false, readOnly: true)
        defer { file.close() }
        let size = try file.size()
        guard size > 0, size <= byteCountMaximum else { return nil }
        let buffer = try AlignedBuffer(byteCount: Int(size))
        let count = unsafe try file.read(into: buffer.bytes, at: 0)
        let text = unsafe String(validating: buffer.bytes[..<count], as: UTF8.self)
        return text?.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// Removes a file that may be there.
    static func forget(_ storage: any Storage, _ path: String) {
        if (try? storage.exists(path)) == true { try? storage.remove(path) }
    }
}
