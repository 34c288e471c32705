import Glibc
package import RedoubtCore

/// Zeroed memory straight from the kernel, aligned to a page of memory; given back when the value ends.
@safe
package struct AlignedBuffer: ~Copyable, @unchecked Sendable {
    /// The memory.
    package let bytes: UnsafeMutableRawBufferPointer

    /// Maps `byteCount` bytes, which must be positive.
    ///
    /// - Throws: `.systemLimit` if there is not enough memory.
    package init(byteCount: Int) throws(RedoubtError) {
        precondition(byteCount > 0, "a buffer of \(byteCount) bytes")
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        let memory = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let memory = unsafe memory, unsafe memory != UnsafeMutableRawPointer(bitPattern: -1) else {
            throw RedoubtError(.systemLimit, "\(byteCount) bytes of memory could not be mapped", errno: errno)
        }
        unsafe bytes = UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
    }

    deinit {
        unsafe munmap(bytes.baseAddress, bytes.count)
    }
}
