import Glibc
package import RedoubtCore

/// Zeroed memory straight from the kernel, aligned to a page of memory; given back when the value ends.
///
/// With huge pages a walk through memory misses the processor's translations less often, and direct I/O finds a page of
/// the database in one piece: a device with few descriptors then has room for several times as many requests.
@safe
package struct AlignedBuffer: ~Copyable, @unchecked Sendable {
    /// The memory.
    package let bytes: UnsafeMutableRawBufferPointer
    /// Where it goes when the value ends; nil for the kernel.
    private let owner: KeptMemory?

    /// The bytes of a huge page of x86-64, and of arm64 with small pages of 4 KiB.
    package static var hugePageByteCount: Int { 2 << 20 }
    // `MADV_HUGEPAGE` and `MADV_NOHUGEPAGE`, which Glibc's module does not have.
    private static let adviceHuge: Int32 = 14
    private static let adviceNoHuge: Int32 = 15

    /// Maps `byteCount` bytes, which must be positive; as a `reservation` it need not be there until it is used.
    ///
    /// With `hugePages` it begins at the boundary of a huge page, if it is as large as one; what is no reservation is
    /// then wanted in huge pages as a whole.
    ///
    /// - Parameter needsZeros: Whether the caller relies on zeros where it has not written; without it a simulation may
    ///   leave anything there.
    /// - Throws: `.systemLimit` if there is not enough memory, or address space.
    package init(
        byteCount: Int,
        reservation: Bool = false,
        hugePages: Bool = false,
        needsZeros: Bool = true
    ) throws(RedoubtError) {
        precondition(byteCount > 0, "a buffer of \(byteCount) bytes")
        if !reservation, let kept = Scheduling.current?.keptMemory {
            owner = kept
            let memory = try unsafe kept.take(byteCount, needsZeros: needsZeros)
            unsafe bytes = UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
            return
        }
        owner = nil
        let isAligned = hugePages && byteCount >= Self.hugePageByteCount
        let surplus = isAligned ? Self.hugePageByteCount : 0
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | (reservation ? MAP_NORESERVE : 0)
        let memory = unsafe mmap(nil, byteCount + surplus, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let memory = unsafe memory, unsafe memory != UnsafeMutableRawPointer(bitPattern: -1) else {
            throw RedoubtError(.systemLimit, "\(byteCount) bytes of memory could not be mapped", errno: errno)
        }
        let skipped = isAligned ? Self.hugePageByteCount - Int(bitPattern: memory) % Self.hugePageByteCount : 0
        unsafe bytes = UnsafeMutableRawBufferPointer(start: memory + skipped, count: byteCount)
        guard isAligned else { return }
        // What lies before and behind was mapped for the alignment only.
        let end = Self.roundUp(byteCount, to: sysconf(Int32(_SC_PAGESIZE)))
        unsafe munmap(memory, skipped)
        if skipped < surplus { unsafe munmap(memory + skipped + end, surplus - skipped) }
        if !reservation { wantHugePages(true, in: 0..<byteCount) }
    }

    /// Tells the kernel to use huge pages in `range` (offsets in bytes) from now on, or not to.
    ///
    /// A wish: a kernel without huge pages, or without free ones, takes small ones. What is there stays as it is. Only
    /// huge pages that lie in `range` as a whole are wanted, so nothing outside becomes resident; those that lie there
    /// in part are not wanted either, so nothing inside becomes resident again once it is given back.
    package func wantHugePages(_ isWanted: Bool, in range: Range<Int>) {
        check(range)
        let unit = Self.hugePageByteCount
        var (start, end) = (Self.roundUp(range.lowerBound, to: unit), range.upperBound / unit * unit)
        if !isWanted && !range.isEmpty {
            start = range.lowerBound / unit * unit
            end = unsafe min(Self.roundUp(range.upperBound, to: unit), bytes.count)
        }
        guard start < end else { return }
        let base = unsafe bytes.baseAddress.unsafelyUnwrapped
        _ = unsafe madvise(base + start, end - start, isWanted ? Self.adviceHuge : Self.adviceNoHuge)
    }

    private static func roundUp(_ count: Int, to unit: Int) -> Int { (count + unit - 1) / unit * unit }

    private func check(_ range: Range<Int>) {
        unsafe precondition(
            range.lowerBound >= 0 && range.upperBound <= bytes.count,
            "bytes \(range) of a buffer of \(bytes.count)"
        )
    }

    /// Gives the memory behind `range` (offsets in bytes) back to the system, as far as it is whole pages of memory.
    ///
    /// It stays mapped, and holds zeros until it is written again. Nobody may be writing there; who reads meanwhile
    /// finds the old bytes or zeros. Memory that the process has locked stays.
    package func giveBack(_ range: Range<Int>) {
        check(range)
        let unit = sysconf(Int32(_SC_PAGESIZE))
        let start = Self.roundUp(range.lowerBound, to: unit)
        let end = range.upperBound / unit * unit
        guard start < end else { return }
        let base = unsafe bytes.baseAddress.unsafelyUnwrapped
        _ = unsafe madvise(base + start, end - start, MADV_DONTNEED)
    }

    deinit {
        guard let owner, let base = unsafe bytes.baseAddress else {
            unsafe munmap(bytes.baseAddress, bytes.count)
            return
        }
        unsafe owner.giveBack(base, bytes.count)
    }
}
