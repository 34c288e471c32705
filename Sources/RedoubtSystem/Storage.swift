public import RedoubtCore

/// The file system as the engine sees it: a real one, or a simulated one whose power can be cut.
///
/// Paths are absolute or relative to the process, with "/" between components. All members may be called from any
/// thread.
///
/// ## Failure
/// Every member throws one ``RedoubtError`` that names the call, the path and errno: `.diskFull` for ENOSPC, EDQUOT and
/// EFBIG, `.missingFile` for ENOENT, `.readFailed` for an error of a read, else `.systemCallFailed`. The caller decides
/// whether a failure fences the engine.
public protocol Storage: AnyObject, Sendable {
    /// Opens a file for reading and writing (or reading only); with `creating`, makes a new one with mode 0600 and
    /// fails if there is one.
    func open(_ path: String, role: FileRole, creating: Bool, readOnly: Bool) throws(RedoubtError) -> any StorageFile
    /// Whether there is a file or directory at `path`.
    func exists(_ path: String) throws(RedoubtError) -> Bool
    /// The names in a directory, sorted.
    func list(_ directory: String) throws(RedoubtError) -> [String]
    /// Makes a directory with mode 0700, and the ones above it; no error if it is there.
    func createDirectory(_ path: String) throws(RedoubtError)
    /// Makes the entries of a directory durable.
    func syncDirectory(_ path: String) throws(RedoubtError)
    /// Removes a file; durable after ``syncDirectory(_:)``.
    func remove(_ path: String) throws(RedoubtError)
    /// Renames a file, replacing what is there; durable after ``syncDirectory(_:)``.
    func rename(_ source: String, to target: String) throws(RedoubtError)
    /// Renames a file, but replaces nothing; durable after ``syncDirectory(_:)``.
    ///
    /// - Throws: `.exists` if there is something at `target`; nothing has changed then.
    func renameNew(_ source: String, to target: String) throws(RedoubtError)
    /// Takes the exclusive lock file at `path`, and writes the process id into it; held until the result is released.
    ///
    /// - Throws: `.alreadyOpen` that names the holder's process id.
    func lock(_ path: String) throws(RedoubtError) -> any AnyObject & Sendable
    /// Makes a queue for asynchronous I/O with at most `depth` requests in flight, for use by one thread at a time.
    func makeQueue(depth: Int) throws(RedoubtError) -> any StorageQueue
    /// What kind of I/O is in use, such as "O_DIRECT, libaio", for status reports.
    var status: String { get }
    /// Whether other processes can read a file while it is written: what the shared statistics file needs.
    var isShared: Bool { get }
    /// The transfers and syncs of the files of `role` so far; nil if nobody counts them.
    func figures(_ role: FileRole) -> StorageFigures?
}

extension Storage {
    /// Whether other processes can read a file while it is written; no.
    public var isShared: Bool { false }

    /// The transfers and syncs so far; not counted.
    public func figures(_ role: FileRole) -> StorageFigures? { nil }

    /// Looks before it renames: right where nobody else makes files.
    public func renameNew(_ source: String, to target: String) throws(RedoubtError) {
        if try exists(target) { throw RedoubtError.targetExists(target) }
        try rename(source, to: target)
    }

    /// Makes the entry of directory `path` durable, and those of the directories above it that were made with it.
    package func syncAncestors(of path: String) throws(RedoubtError) {
        var child = path[...]
        while child.last == "/" && child.count > 1 { child.removeLast() }
        var isParent = true
        while child != "/" {
            guard let slash = child.lastIndex(of: "/") else { return try syncDirectory(".") }
            child = slash == child.startIndex ? "/" : child[..<slash]
            if isParent {
                try syncDirectory(String(child))
            } else {
                // The ones further up were there before, as a rule, and may not be ours to read.
                try? syncDirectory(String(child))
            }
            isParent = false
        }
    }
}

/// What a file is for; decides alignment and caching, and is what fault plans select by.
public enum FileRole: String, Sendable, Hashable, CaseIterable {
    /// Pages of a tablespace.
    case data
    /// The redo log.
    case redo
    /// Copies of pages, written first.
    case doublewrite
    /// Everything small: dumps, locks.
    case control
}

/// An open file.
///
/// Reads and writes name their offset, so threads share it freely; all retry EINTR, EAGAIN and short transfers inside.
///
/// With direct I/O, buffers, offsets and lengths must be multiples of ``alignment``.
public protocol StorageFile: AnyObject, Sendable {
    /// The path it was opened with.
    var path: String { get }
    /// What it is for.
    var role: FileRole { get }
    /// The alignment in bytes of memory, offset and length of each transfer; 1 if there is none.
    var alignment: Int { get }
    /// The bytes of the aligned write that the device can make whole or not at all, 16384; 0 if it cannot, or if nobody
    /// knows.
    var atomicWriteUnit: Int { get }
    /// The size in bytes.
    func size() throws(RedoubtError) -> UInt64
    /// Reads into `target`; returns the bytes read, fewer than asked only at the end of the file.
    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(RedoubtError) -> Int
    /// Writes all of `source`.
    func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError)
    /// Writes all of `source`, one ``atomicWriteUnit`` at a multiple of it, so that a power cut leaves the whole of it
    /// or nothing.
    ///
    /// - Throws: errno EOPNOTSUPP or EINVAL if device, file system or kernel refuse to; nothing is written then.
    func writeAtomically(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError)
    /// Whether ``writeCached(_:at:)`` works.
    var takesCachedWrites: Bool { get }
    /// Writes all of `source` to the page cache, whatever the alignment: survives a kill of the process on return, and
    /// a power cut after `sync`.
    ///
    /// The device may take a page while it is written, so a power cut may leave a mixture of old and new bytes even
    /// within a sector, and a sync that runs meanwhile may make that mixture durable.
    func writeCached(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError)
    /// Makes content and size durable (fdatasync), however written. Never called again on a file whose sync failed.
    func sync() throws(RedoubtError)
    /// Grows the file to `size` bytes of allocated zeros, or does nothing if it is that long. Durable after `sync`.
    func extend(to size: UInt64) throws(RedoubtError)
    /// Grows the file by writing zeros, so that later writes allocate nothing. Durable after `sync`.
    func extendByWriting(to size: UInt64) throws(RedoubtError)
    /// Cuts the file to `size` bytes.
    func truncate(to size: UInt64) throws(RedoubtError)
    /// The bytes from `offset` on, at most `count`, whose content does not depend on who reads them: all, but on a disk
    /// in a simulation that decides what a power cut left when it is read.
    ///
    /// Who may read more than it needs asks before.
    func settledByteCount(at offset: UInt64, count: Int) -> Int
    /// Closes the descriptor; later calls throw.
    func close()
}

extension StorageFile {
    /// Makes content and size durable as ``sync()`` does, for a file in use: what a failed sync lost is not there to be
    /// written again, so its error is never `.diskFull`, whatever errno is.
    package func syncWrites() throws(RedoubtError) {
        do throws(RedoubtError) {
            try sync()
        } catch {
            guard error.code == .diskFull else { throw error }
            throw RedoubtError(.systemCallFailed, error.message, page: error.page, path: error.path, errno: error.errno)
        }
    }

    /// No write is known to be atomic.
    public var atomicWriteUnit: Int { 0 }

    /// All of them.
    public func settledByteCount(at offset: UInt64, count: Int) -> Int { count }

    /// No.
    public var takesCachedWrites: Bool { false }

    /// Refuses.
    public func writeCached(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        throw RedoubtError(.systemCallFailed, "the file takes no cached writes", path: path, errno: 95)
    }

    /// Refuses.
    public func writeAtomically(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        throw RedoubtError.refusedAtomicWrite(path)
    }
}

extension RedoubtError {
    // EOPNOTSUPP: the kernel or the file system does not know the flag. EINVAL: not this write.
    private static var notSupported: Int32 { 95 }
    private static var notValid: Int32 { 22 }

    /// Whether an atomic write with this error was refused, so that an ordinary one may succeed.
    package var isRefusedAtomicWrite: Bool { errno == Self.notSupported || errno == Self.notValid }

    /// The error of a new name that is taken.
    package static func targetExists(_ path: String) -> RedoubtError {
        RedoubtError(.exists, "there is a file already; move it away", path: path)
    }

    /// The error of a file that cannot write atomically.
    package static func refusedAtomicWrite(_ path: String) -> RedoubtError {
        RedoubtError(.systemCallFailed, "the file takes no atomic writes", path: path, errno: notSupported)
    }
}

/// One transfer for a ``StorageQueue``.
@safe
public struct StorageRequest: @unchecked Sendable {
    /// The file.
    public var file: any StorageFile
    /// Whether it writes.
    public var isWrite: Bool
    /// The memory, which must stay valid until the completion is seen.
    public var buffer: UnsafeMutableRawBufferPointer
    /// The offset in the file.
    public var offset: UInt64
    /// What the completion is known by.
    public var tag: UInt64
    /// Whether a power cut must leave all or nothing of a write, as ``StorageFile/writeAtomically(_:at:)`` says.
    public var isAtomic: Bool

    /// Creates a request.
    public init(
        file: any StorageFile,
        isWrite: Bool,
        buffer: UnsafeMutableRawBufferPointer,
        offset: UInt64,
        tag: UInt64,
        isAtomic: Bool = false
    ) {
        self.file = file
        self.isWrite = isWrite
        unsafe self.buffer = buffer
        self.offset = offset
        self.tag = tag
        self.isAtomic = isAtomic
    }
}

/// The end of a transfer.
public struct StorageCompletion: Sendable {
    /// The tag of the request.
    public var tag: UInt64
    /// The bytes transferred: fewer than asked only for a read at the end of the file, or on an error.
    public var byteCount: Int
    /// The error, or nil.
    public var error: RedoubtError?

    /// Creates a completion.
    public init(tag: UInt64, byteCount: Int, error: RedoubtError?) {
        self.tag = tag
        self.byteCount = byteCount
        self.error = error
    }
}

/// Asynchronous I/O, for one thread at a time.
///
/// Short transfers are continued inside.
public protocol StorageQueue: AnyObject, Sendable {
    /// The requests submitted whose completions have not been returned.
    var inFlightCount: Int { get }
    /// Starts `requests`; waits for room if more than the depth are in flight.
    func submit(_ requests: [StorageRequest])
    /// Waits until at least `minimum` transfers ended (or all in flight, if fewer) and returns all that have.
    func complete(minimum: Int) -> [StorageCompletion]
}
