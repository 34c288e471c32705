import Glibc
package import RedoubtCore

/// Zeroed memory straight from the kernel, aligned to a page of memory; given back when the value ends.
@safe
package struct AlignedBuffer: ~Copyable, @unchecked Sendable {
    /// The memory.
    package let bytes: UnsafeMutableRawBufferPointer

    /// Maps `byteCount` bytes, which must be positive; as a `reservation` it need not be there until it is used.
    ///
    /// - Throws: `.systemLimit` if there is not enough memory, or address space.
    package init(byteCount: Int, reservation: Bool = false) throws(RedoubtError) {
        precondition(byteCount > 0, "a buffer of \(byteCount) bytes")
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | (reservation ? MAP_NORESERVE : 0)
        let memory = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let memory = unsafe memory, unsafe memory != UnsafeMutableRawPointer(bitPattern: -1) else {
            throw RedoubtError(.systemLimit, "\(byteCount) bytes of memory could not be mapped", errno: errno)
        }
        unsafe bytes = UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
    }

    /// Gives the memory behind `range` (offsets in bytes) back to the system, as far as it is whole pages of memory.
    ///
    /// It stays mapped, and holds zeros until it is written again. Nobody may be writing there; who reads meanwhile
    /// finds the old bytes or zeros. Memory that the process has locked stays.
    package func giveBack(_ range: Range<Int>) {
        unsafe precondition(
            range.lowerBound >= 0 && range.upperBound <= bytes.count,
            "bytes \(range) of a buffer of \(bytes.count)"
        )
        let unit = sysconf(Int32(_SC_PAGESIZE))
        let start = (range.lowerBound + unit - 1) / unit * unit
        let end = range.upperBound / unit * unit
        guard start < end else { return }
        let base = unsafe bytes.baseAddress.unsafelyUnwrapped
        _ = unsafe madvise(base + start, end - start, MADV_DONTNEED)
    }

    deinit {
        unsafe munmap(bytes.baseAddress, bytes.count)
    }
}
