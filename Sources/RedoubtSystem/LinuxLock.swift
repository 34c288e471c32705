import CRedoubtShims
import Glibc
import RedoubtCore
import Synchronization

/// The lock file of an open database, held while the object lives.
///
/// The kernel's lock ends with the process, however it ends. It belongs to the open file, not to the process, so it
/// also keeps out a second open by the same process; a table of the process says so in so many words.
final class LinuxLock: Sendable {
    private struct Identity: Hashable {
        let device: UInt64
        let number: UInt64
    }

    // Taken once in the life of a database, and never across a call that waits.
    private static let held = Mutex<Set<Identity>>([])

    private let descriptor: Int32
    private let identity: Identity

    /// Takes the lock file at `path`, and writes the process id into it.
    init(_ path: String) throws(RedoubtError) {
        while true {
            let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
            let opened = SystemCall.repeated { Int(unsafe open(path, flags, 0o600)) }
            let descriptor = try SystemCall.file(opened, path)
            do throws(RedoubtError) {
                let identity = try Self.take(descriptor, path)
                if try Self.identity(at: path) == identity {
                    self.descriptor = descriptor
                    self.identity = identity
                    break
                }
                // Somebody removed the file between open and lock: this lock keeps nobody out.
                Self.give(identity)
                _ = close(descriptor)
            } catch {
                _ = close(descriptor)
                throw error
            }
        }
        Self.writeProcessID(descriptor)
    }

    deinit {
        // Not left to closing: a child after fork() has the same open file, and may live on.
        _ = redoubt_unlock_file(descriptor)
        _ = close(descriptor)
        Self.give(identity)
    }

    private static func take(_ descriptor: Int32, _ path: String) throws(RedoubtError) -> Identity {
        var status = stat()
        try SystemCall.check(SystemCall.repeated { Int(unsafe fstat(descriptor, &status)) }, "fstat", path)
        let identity = Identity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
        guard held.withLock({ $0.insert(identity).inserted }) else {
            throw RedoubtError(
                .alreadyOpen,
                "the database is open in this process (\(getpid())); close it first",
                path: path
            )
        }
        var code: Int32
        repeat { code = redoubt_lock_file(descriptor) } while code == EINTR
        if code == 0 { return identity }
        give(identity)
        guard code == EAGAIN || code == EACCES else { throw SystemCall.error("fcntl(F_OFD_SETLK)", path, code) }
        // Who shares the lock has not written who it is.
        if redoubt_lock_state(descriptor) == 0 {
            throw RedoubtError(.alreadyOpen, "somebody looks at the database; wait for the end of that", path: path)
        }
        let holder = processID(in: descriptor).map { "process \($0)" } ?? "another process"
        throw RedoubtError(.alreadyOpen, "the database is open in \(holder); close it there first", path: path)
    }

    private static func give(_ identity: Identity) {
        _ = held.withLock { $0.remove(identity) }
    }

    private static func identity(at path: String) throws(RedoubtError) -> Identity? {
        var status = stat()
        let result = SystemCall.repeated { Int(unsafe lstat(path, &status)) }
        if result == -Int(ENOENT) { return nil }
        try SystemCall.check(result, "lstat", path)
        return Identity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
    }

    private static func processID(in descriptor: Int32) -> Int? {
        var bytes = InlineArray<20, UInt8>(repeating: 0)
        let text = unsafe withUnsafeMutableBytes(of: &bytes) { buffer in
            let count = unsafe pread(descriptor, buffer.baseAddress, buffer.count, 0)
            return unsafe String(decoding: buffer.prefix(max(0, count)).prefix { $0 > 32 }, as: UTF8.self)
        }
        return Int(text)
    }

    /// Tells others who holds the lock; that it is held does not depend on it.
    private static func writeProcessID(_ descriptor: Int32) {
        var text = "\(getpid())\n"
        _ = ftruncate(descriptor, 0)
        text.withUTF8 { bytes in _ = unsafe pwrite(descriptor, bytes.baseAddress, bytes.count, 0) }
    }
}

/// The lock file of a database that is looked at: kept from being taken while the object lives, and not written.
final class SharedLock: Sendable {
    private let descriptor: Int32

    /// Shares the lock file at `path`; nil if there is none, or it may not be read.
    init?(_ path: String) throws(RedoubtError) {
        let flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
        let opened = SystemCall.repeated { Int(unsafe open(path, flags, 0)) }
        if opened == -Int(ENOENT) || opened == -Int(EACCES) { return nil }
        let descriptor = try SystemCall.file(opened, path)
        var code: Int32
        repeat { code = redoubt_share_file(descriptor) } while code == EINTR
        guard code == 0 else {
            _ = close(descriptor)
            guard code == EAGAIN || code == EACCES else { throw SystemCall.error("fcntl(F_OFD_SETLK)", path, code) }
            throw RedoubtError(.alreadyOpen, "a process has the database open; wait for its end", path: path)
        }
        self.descriptor = descriptor
    }

    deinit {
        _ = redoubt_unlock_file(descriptor)
        _ = close(descriptor)
    }
}
