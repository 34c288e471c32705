import CRedoubtShims
import Glibc
package import RedoubtCore
import Synchronization

/// An open file of the operating system.
package final class LinuxFile: StorageFile {
    /// The path it was opened with.
    package let path: String
    /// What it is for.
    package let role: FileRole
    /// The alignment of transfers, 1 through the page cache.
    package let alignment: Int
    /// The bytes of a write that can be atomic; only direct ones can.
    package let atomicWriteUnit: Int

    private let descriptor: Int32
    // Of the same file through the page cache; the same descriptor without direct I/O, and -1 if there is none.
    private let cachedDescriptor: Int32
    private let isReadOnly: Bool
    let counters: StorageCounters
    // The users of the descriptor, and above them whether the file was closed: the last one out closes it, so that no
    // transfer ever reaches a descriptor that the kernel has given to another file.
    private let users = Atomic<UInt32>(1)
    private let isSyncFailed = Atomic<Bool>(false)
    private let growth = EngineLock()
    // Held through a sync: the kernel tells one of two at the same time that a cached write was lost.
    private let syncing = EngineLock()

    /// Takes over `descriptor`, and `cachedDescriptor` unless it is -1; an `alignment` above 1 says that the first is
    /// open for direct I/O, and the second is of the same file without it.
    init(
        path: String,
        role: FileRole,
        descriptor: Int32,
        cachedDescriptor: Int32 = -1,
        alignment: Int,
        isReadOnly: Bool,
        counters: StorageCounters
    ) {
        self.path = path
        self.role = role
        self.descriptor = descriptor
        self.cachedDescriptor = alignment == 1 && !isReadOnly ? descriptor : cachedDescriptor
        self.alignment = alignment
        let isAtomic =
            role == .data && alignment > 1 && redoubt_can_write_atomically(descriptor, UInt32(pageByteCount)) != 0
        atomicWriteUnit = isAtomic ? pageByteCount : 0
        self.isReadOnly = isReadOnly
        self.counters = counters
    }

    deinit { close() }

    // MARK: Use of the descriptor

    private static let closedBit: UInt32 = 1 << 31

    /// Returns the descriptor, which stays open until ``endUse()``.
    func beginUse() throws(RedoubtError) -> Int32 {
        var seen = users.load(ordering: .relaxed)
        while seen & Self.closedBit == 0 {
            let exchange = users.compareExchange(expected: seen, desired: seen + 1, ordering: .acquiring)
            if exchange.exchanged { return descriptor }
            seen = exchange.original
        }
        throw RedoubtError(.closed, "the file was closed", path: path)
    }

    /// Ends what ``beginUse()`` began.
    func endUse() {
        let after = users.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        guard after == Self.closedBit else { return }
        if cachedDescriptor >= 0, cachedDescriptor != descriptor { _ = Glibc.close(cachedDescriptor) }
        _ = Glibc.close(descriptor)
    }

    /// Closes the descriptors once the last transfer has ended.
    package func close() {
        let before = users.bitwiseOr(Self.closedBit, ordering: .acquiringAndReleasing).oldValue
        if before & Self.closedBit == 0 { endUse() }
    }

    private func withDescriptor<Result>(
        _ body: (Int32) throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> Result {
        let descriptor = try beginUse()
        defer { endUse() }
        return try body(descriptor)
    }

    func requireWritable() throws(RedoubtError) {
        if isReadOnly { throw RedoubtError(.readOnly, "the file is open for reading only", path: path) }
    }

    // MARK: Transfers

    /// Returns the size in bytes.
    package func size() throws(RedoubtError) -> UInt64 {
        try withDescriptor { descriptor throws(RedoubtError) in
            var status = stat()
            try SystemCall.check(SystemCall.repeated { Int(unsafe fstat(descriptor, &status)) }, "fstat", path)
            return UInt64(status.st_size)
        }
    }

    /// Reads into `target`, waiting for the device.
    package func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(RedoubtError) -> Int {
        try withDescriptor { descriptor throws(RedoubtError) in
            var transfer = unsafe Transfer(isWrite: false, bytes: target, offset: offset, alignment: alignment)
            try perform(&transfer, on: descriptor)
            return transfer.done
        }
    }

    /// Writes all of `source`, waiting for the device.
    package func write(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        try unsafe write(source, at: offset, isAtomic: false)
    }

    /// Writes all of `source` in one piece that a power cut does not tear, waiting for the device.
    package func writeAtomically(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        try unsafe write(source, at: offset, isAtomic: true)
    }

    /// Whether the file can be written through the page cache.
    package var takesCachedWrites: Bool { cachedDescriptor >= 0 }

    /// Writes all of `source` to the page cache.
    package func writeCached(_ source: UnsafeRawBufferPointer, at offset: UInt64) throws(RedoubtError) {
        try requireWritable()
        guard cachedDescriptor >= 0 else {
            throw RedoubtError(.systemCallFailed, "the file takes no cached writes", path: path, errno: EOPNOTSUPP)
        }
        // The use of the one descriptor keeps both open.
        try withDescriptor { _ throws(RedoubtError) in
            let bytes = unsafe UnsafeMutableRawBufferPointer(mutating: source)
            var transfer = unsafe Transfer(isWrite: true, bytes: bytes, offset: offset, alignment: 1)
            try perform(&transfer, on: cachedDescriptor)
        }
    }

    private func write(_ source: UnsafeRawBufferPointer, at offset: UInt64, isAtomic: Bool) throws(RedoubtError) {
        try requireWritable()
        try withDescriptor { descriptor throws(RedoubtError) in
            if role == .redo && alignment == 1 { try drain(descriptor, offset, source.count) }
            let bytes = unsafe UnsafeMutableRawBufferPointer(mutating: source)
            var transfer = unsafe Transfer(
                isWrite: true,
                bytes: bytes,
                offset: offset,
                alignment: alignment,
                isAtomic: isAtomic
            )
            try perform(&transfer, on: descriptor)
        }
    }

    /// Waits until no cached page of a range is on its way to the device or has to go there, waiting for the device.
    ///
    /// Without direct I/O a write changes the page that a sync of another thread may be sending: the device would get
    /// something neither old nor new, which may hold redo that is durable, and the sync would succeed.
    private func drain(_ descriptor: Int32, _ offset: UInt64, _ byteCount: Int) throws(RedoubtError) {
        syncing.lock()
        defer { syncing.unlock() }
        let code = redoubt_drain(descriptor, Int64(offset), Int64(byteCount))
        guard code != 0 else { return }
        // The kernel has told of a lost write now, and will not tell the next sync; also if there was no space for it.
        isSyncFailed.store(true, ordering: .releasing)
        throw RedoubtError(.systemCallFailed, "sync_file_range failed", path: path, errno: code)
    }

    private func perform(_ transfer: inout Transfer, on descriptor: Int32) throws(RedoubtError) {
        let operation = transfer.isWrite ? StorageCounters.Operation.write : .read
        let start = counters.begin(operation, role)
        defer { counters.end(operation, role, from: start, byteCount: transfer.done) }
        while !transfer.isEnded {
            let rest = unsafe transfer.rest
            let at = off_t(transfer.restOffset)
            let result = SystemCall.repeated {
                if !transfer.isWrite { return unsafe pread(descriptor, rest.baseAddress, rest.count, at) }
                if !transfer.isAtomic { return unsafe pwrite(descriptor, rest.baseAddress, rest.count, at) }
                return Int(unsafe redoubt_write_atomically(descriptor, rest.baseAddress, rest.count, Int64(at)))
            }
            if transfer.advance(result) == .retryLater { Scheduling.sleep(microseconds: 100) }
        }
        if transfer.failure != 0 { throw error(of: transfer) }
    }

    /// Returns the error of a transfer that failed.
    func error(of transfer: Transfer) -> RedoubtError {
        let name = transfer.isAtomic ? "pwritev2(RWF_ATOMIC)" : transfer.isWrite ? "pwrite" : "pread"
        let place = "\(name) of \(transfer.byteCount) bytes at \(transfer.offset)"
        return SystemCall.error(place, path, transfer.failure, isRead: !transfer.isWrite)
    }

    // MARK: Durability and size

    /// Makes content and size durable, at most once after a failure, waiting for the device.
    package func sync() throws(RedoubtError) {
        // Nobody else's sync of pages can be lost where no page is cached.
        if takesCachedWrites { syncing.lock() }
        defer { if takesCachedWrites { syncing.unlock() } }
        // The kernel reports a lost write once: a second call would claim success for data that is gone.
        guard !isSyncFailed.load(ordering: .acquiring) else {
            throw RedoubtError(.systemCallFailed, "an earlier fdatasync failed; it is not tried again", path: path)
        }
        try withDescriptor { descriptor throws(RedoubtError) in
            let start = counters.begin(.sync, role)
            let code = fdatasync(descriptor) == 0 ? 0 : errno
            counters.end(.sync, role, from: start, byteCount: 0)
            guard code != 0 else { return }
            isSyncFailed.store(true, ordering: .releasing)
            throw SystemCall.error("fdatasync", path, code)
        }
    }

    /// Allocates zeros up to `size`, writing them where the file system cannot allocate.
    package func extend(to size: UInt64) throws(RedoubtError) {
        try requireWritable()
        growth.lock()
        defer { growth.unlock() }
        let present = try self.size()
        guard present < size else { return }
        let code = try withDescriptor { descriptor throws(RedoubtError) in
            var code: Int32
            repeat { code = redoubt_fallocate(descriptor, Int64(present), Int64(size - present)) } while code == EINTR
            return code
        }
        switch code {
        case 0: return
        case EOPNOTSUPP, ENOSYS: try writeZeros(from: present, to: size)
        default: throw SystemCall.error("fallocate", path, code)
        }
    }

    /// Writes zeros up to `size`, waiting for the device.
    package func extendByWriting(to size: UInt64) throws(RedoubtError) {
        try requireWritable()
        growth.lock()
        defer { growth.unlock() }
        let present = try self.size()
        if present < size { try writeZeros(from: present, to: size) }
    }

    /// Cuts the file to `size` bytes.
    package func truncate(to size: UInt64) throws(RedoubtError) {
        try requireWritable()
        try withDescriptor { descriptor throws(RedoubtError) in
            let result = SystemCall.repeated { Int(ftruncate(descriptor, off_t(size))) }
            try SystemCall.check(result, "ftruncate", path)
        }
    }

    private func writeZeros(from present: UInt64, to size: UInt64) throws(RedoubtError) {
        let unit = UInt64(alignment)
        let chunk = UInt64(1 << 20)
        var offset = (present + unit - 1) / unit * unit
        let end = (size + unit - 1) / unit * unit
        // Direct writes start and end on whole units: a ragged edge is made by setting the length.
        if offset != present { try truncate(to: min(offset, size)) }
        let zeros = try AlignedBuffer(byteCount: Int(min(chunk, max(end - min(offset, end), unit))))
        while offset < end {
            let count = min(UInt64(unsafe zeros.bytes.count), end - offset)
            try unsafe write(UnsafeRawBufferPointer(rebasing: zeros.bytes[..<Int(count)]), at: offset)
            offset += count
        }
        if end != size { try truncate(to: size) }
    }
}
