import CRedoubtShims
import Glibc
package import RedoubtCore
import Synchronization

/// The file system of the operating system.
package final class LinuxStorage: Storage {
    private let usesDirectIO: Bool
    private let usesAsyncIO: Bool
    private let wasDirectRefused = Atomic<Bool>(false)
    private let wasAsyncRefused = Atomic<Bool>(false)
    private let takesAtomicWrites = Atomic<Bool>(false)
    private let counters = StorageCounters()

    /// Creates the door to the file system; both kinds of I/O fall back to the ordinary ones where they do not work.
    package init(directIO: Bool = true, asyncIO: Bool = true) {
        usesDirectIO = directIO
        usesAsyncIO = asyncIO
    }

    /// Creates the door to the file system with the options of a configuration.
    package convenience init(_ options: Configuration.Storage) {
        self.init(directIO: options.usesDirectIO, asyncIO: options.usesAsyncIO)
    }

    /// What kind of I/O is in use, and what fell back to another.
    package var status: String {
        let files =
            !usesDirectIO
            ? "buffered"
            : wasDirectRefused.load(ordering: .relaxed) ? "buffered (the file system refuses O_DIRECT)" : "O_DIRECT"
        let queues =
            !usesAsyncIO
            ? "threads" : wasAsyncRefused.load(ordering: .relaxed) ? "threads (io_setup failed)" : "libaio"
        let writes = takesAtomicWrites.load(ordering: .relaxed) ? ", atomic writes of pages" : ""
        return "\(files), \(queues)\(writes)"
    }

    /// Other processes may map or read what is written here.
    package var isShared: Bool { true }

    /// The transfers and syncs of the files of `role` so far.
    package func figures(_ role: FileRole) -> StorageFigures? { counters.figures(role) }

    // MARK: Files

    /// Opens or creates a file, with O_DIRECT where the file system takes it.
    package func open(
        _ path: String,
        role: FileRole,
        creating: Bool,
        readOnly: Bool
    ) throws(RedoubtError) -> any StorageFile {
        // Whatever stands there in place of a file, such as a pipe, opening it does not wait.
        var flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (readOnly ? O_RDONLY : O_RDWR)
        if creating { flags |= O_CREAT | O_EXCL }
        let wantsDirect = usesDirectIO && role != .control
        var descriptor = openDescriptor(path, wantsDirect ? flags | redoubt_o_direct : flags)
        var alignment = 1
        if wantsDirect {
            if descriptor == -Int(EINVAL) {
                // The file may have been made before the flag was refused.
                if creating { _ = unsafe unlink(path) }
                descriptor = openDescriptor(path, flags)
            } else if descriptor >= 0 {
                alignment = Self.directAlignment(Int32(descriptor))
            }
            if descriptor >= 0 && alignment == 1 { wasDirectRefused.store(true, ordering: .relaxed) }
        }
        let opened = try SystemCall.file(descriptor, path)
        let wantsCached = role == .redo && !readOnly && alignment > 1
        let file = LinuxFile(
            path: path,
            role: role,
            descriptor: opened,
            cachedDescriptor: wantsCached ? openCached(path, as: opened) : -1,
            alignment: alignment,
            isReadOnly: readOnly,
            counters: counters
        )
        if file.atomicWriteUnit > 0 { takesAtomicWrites.store(true, ordering: .relaxed) }
        return file
    }

    /// Opens the file of `descriptor` a second time, without direct I/O; returns -1 if that does not work, or the name
    /// stands for another file by now.
    private func openCached(_ path: String, as descriptor: Int32) -> Int32 {
        let second = Int32(openDescriptor(path, O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_RDWR))
        guard second >= 0 else { return -1 }
        var first = stat()
        var other = stat()
        let isKnown = unsafe fstat(descriptor, &first) == 0 && fstat(second, &other) == 0
        if isKnown, first.st_dev == other.st_dev, first.st_ino == other.st_ino { return second }
        _ = Glibc.close(second)
        return -1
    }

    private func openDescriptor(_ path: String, _ flags: Int32) -> Int {
        SystemCall.repeated { Int(unsafe Glibc.open(path, flags, 0o600)) }
    }

    /// Returns the alignment that direct I/O on `descriptor` needs; turns direct I/O off and returns 1 if it has none.
    private static func directAlignment(_ descriptor: Int32) -> Int {
        let stated = redoubt_direct_alignment(descriptor)
        if stated > 0 && stated <= 4096 { return max(512, Int(stated)) }
        if stated < 0 { return probedAlignment(descriptor) }
        _ = redoubt_clear_direct(descriptor)
        return 1
    }

    /// Returns 512 if a read of that alignment works, else 4096: an empty file tells nothing.
    private static func probedAlignment(_ descriptor: Int32) -> Int {
        guard let buffer = try? AlignedBuffer(byteCount: 4096) else { return 4096 }
        let target = unsafe buffer.bytes.baseAddress.map { unsafe $0 + 512 }
        return unsafe pread(descriptor, target, 512, 512) == 512 ? 512 : 4096
    }

    /// Returns whether there is something at `path`.
    package func exists(_ path: String) throws(RedoubtError) -> Bool {
        var status = stat()
        let result = SystemCall.repeated { Int(unsafe lstat(path, &status)) }
        if result == -Int(ENOENT) || result == -Int(ENOTDIR) { return false }
        try SystemCall.check(result, "lstat", path)
        return true
    }

    /// Removes a file.
    package func remove(_ path: String) throws(RedoubtError) {
        try SystemCall.check(SystemCall.repeated { Int(unsafe unlink(path)) }, "unlink", path)
    }

    /// Renames a file, replacing what is there.
    package func rename(_ source: String, to target: String) throws(RedoubtError) {
        let result = SystemCall.repeated { Int(unsafe Glibc.rename(source, target)) }
        try SystemCall.check(result, "rename to \(target)", source)
    }

    /// Renames a file, but replaces nothing: a second name, then the first one goes.
    ///
    /// A crash in between leaves both.
    package func renameNew(_ source: String, to target: String) throws(RedoubtError) {
        let result = SystemCall.repeated { Int(unsafe link(source, target)) }
        if result == -Int(EEXIST) { throw RedoubtError.targetExists(target) }
        try SystemCall.check(result, "link to \(target)", source)
        try remove(source)
    }

    // MARK: Directories

    /// Returns the names in a directory, sorted.
    package func list(_ directory: String) throws(RedoubtError) -> [String] {
        guard let stream = unsafe opendir(directory) else {
            throw SystemCall.error("opendir", directory, Glibc.errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            Glibc.errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        let code = Glibc.errno
        if code != 0 { throw SystemCall.error("readdir", directory, code) }
        return names.sorted()
    }

    /// Makes a directory with mode 0700, and the ones above it.
    package func createDirectory(_ path: String) throws(RedoubtError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for component in path.split(separator: "/") {
            made += made.isEmpty || made == "/" ? component : "/" + component
            let current = made
            let result = SystemCall.repeated { Int(unsafe mkdir(current, 0o700)) }
            if result == -Int(EEXIST) || result == -Int(EISDIR) { continue }
            if result == -Int(ENOENT) {
                // What is above exists: it is a file system that takes none, such as /proc. No file of ours is missing.
                throw RedoubtError(.systemCallFailed, "no directory can be made here", path: current, errno: ENOENT)
            }
            try SystemCall.check(result, "mkdir", current)
        }
        var status = stat()
        try SystemCall.check(SystemCall.repeated { Int(unsafe stat(path, &status)) }, "stat", path)
        if status.st_mode & S_IFMT != S_IFDIR { throw SystemCall.error("mkdir", path, ENOTDIR) }
    }

    /// Makes the entries of a directory durable, waiting for the device.
    package func syncDirectory(_ path: String) throws(RedoubtError) {
        let descriptor = openDescriptor(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try SystemCall.check(descriptor, "open", path)
        defer { _ = Glibc.close(Int32(descriptor)) }
        guard fsync(Int32(descriptor)) == 0 else { throw SystemCall.error("fsync", path, Glibc.errno) }
    }

    /// Takes the lock file at `path` against other processes and other openers in this one.
    package func lock(_ path: String) throws(RedoubtError) -> any AnyObject & Sendable {
        try LinuxLock(path)
    }

    /// Keeps everybody from taking the lock file at `path`, together with others who do this, and writes nothing.
    ///
    /// Held until the result is released. Nil if there is no such file, or it may not be read.
    ///
    ///
    /// - Throws: `.alreadyOpen` while somebody has taken it.
    package func shareLock(_ path: String) throws(RedoubtError) -> (any AnyObject & Sendable)? {
        try SharedLock(path)
    }

    /// Whether somebody has taken the lock file at `path`; looking disturbs nobody.
    package func isLocked(_ path: String) throws(RedoubtError) -> Bool {
        let opened = openDescriptor(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        let descriptor = try SystemCall.file(opened, path)
        defer { _ = Glibc.close(descriptor) }
        var code: Int32
        repeat { code = redoubt_lock_state(descriptor) } while code == -EINTR
        if code < 0 { throw SystemCall.error("fcntl(F_OFD_GETLK)", path, -code) }
        return code > 0
    }

    // MARK: Queues

    /// Makes a queue on libaio, or on threads where that is not to be had.
    package func makeQueue(depth: Int) throws(RedoubtError) -> any StorageQueue {
        precondition(depth > 0, "a queue of depth \(depth)")
        // The kernel knows no simulated threads, so one of those must not sleep in it.
        if usesAsyncIO && !Scheduling.isSimulated {
            if let queue = AsyncIOQueue(depth: depth) { return queue }
            wasAsyncRefused.store(true, ordering: .relaxed)
        }
        return try ThreadIOQueue(depth: depth)
    }
}
