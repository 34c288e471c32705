import RedoubtCore
import RedoubtSystem

/// The memory of the search indexes of an instance: chunks of 16 KiB, cut into blocks of one size class each.
///
/// A chunk belongs to a class while any of its blocks is in use. The memory is never unmapped, so an optimistic reader
/// that still looks at a block given back reads rubbish within bounds, and its version check fails afterwards.
@safe
final class SearchIndexSlabs: @unchecked Sendable {
    private struct Chunk {
        var used: UInt32
        var sizeClass: Int
        var next: Int
        var previous: Int
    }

    private let base: UnsafeMutableRawPointer
    private let chunkCount: Int
    private let lock: EngineLock
    private let chunks: UnsafeMutablePointer<Chunk>
    // First chunk with a free block, a class each; the last entry chains chunks without a class.
    private let heads: UnsafeMutablePointer<Int>
    private static var classCount: Int { 6 }
    private static var chunkByteCount: Int { 16384 }

    /// Creates the slabs over `byteCount` bytes at `base`, which outlives them.
    init(base: UnsafeMutableRawPointer, byteCount: Int, waits: WaitLedger? = nil) {
        lock = EngineLock(waits: waits)
        unsafe self.base = unsafe base
        chunkCount = byteCount / Self.chunkByteCount
        unsafe chunks = .allocate(capacity: max(1, chunkCount))
        unsafe heads = .allocate(capacity: Self.classCount + 1)
        unsafe heads.initialize(repeating: -1, count: Self.classCount + 1)
        for index in (0..<chunkCount).reversed() {
            unsafe (chunks + index).initialize(to: Chunk(used: 0, sizeClass: Self.classCount, next: -1, previous: -1))
            link(index)
        }
    }

    deinit {
        unsafe chunks.deallocate()
        unsafe heads.deallocate()
    }

    /// The bytes of a block that holds `byteCount` bytes, or nil if none is so large.
    static func blockByteCount(for byteCount: Int) -> Int? {
        var size = 512
        while size < byteCount { size *= 2 }
        return size <= chunkByteCount ? size : nil
    }

    /// Takes a block of at least `byteCount` bytes; nil when there is none.
    func allocate(byteCount: Int) -> SearchIndex? {
        guard let size = Self.blockByteCount(for: byteCount) else { return nil }
        let sizeClass = (size / 512).trailingZeroBitCount
        lock.lock()
        defer { lock.unlock() }
        var index = unsafe heads[sizeClass]
        if index < 0 {
            index = unsafe heads[Self.classCount]
            guard index >= 0 else { return nil }
            unlink(index)
            unsafe chunks[index].sizeClass = sizeClass
            link(index)
        }
        let block = unsafe (~chunks[index].used).trailingZeroBitCount
        unsafe chunks[index].used |= 1 << UInt32(block)
        if unsafe chunks[index].used == Self.fullMask(sizeClass) { unlink(index) }
        return unsafe SearchIndex(block: base + index * Self.chunkByteCount + block * size, byteCount: size)
    }

    /// Gives the block of `index` back.
    func free(_ index: SearchIndex) {
        let offset = unsafe index.block - base
        let chunk = offset / Self.chunkByteCount
        precondition(
            offset >= 0 && chunk < chunkCount,
            "a search index block at offset \(offset) is not of this instance"
        )
        lock.lock()
        defer { lock.unlock() }
        let sizeClass = unsafe chunks[chunk].sizeClass
        let bit = UInt32(1) << UInt32(offset % Self.chunkByteCount / (512 << sizeClass))
        unsafe precondition(chunks[chunk].used & bit != 0, "a search index block at offset \(offset) was freed twice")
        let wasFull = unsafe chunks[chunk].used == Self.fullMask(sizeClass)
        unsafe chunks[chunk].used &= ~bit
        let isEmpty = unsafe chunks[chunk].used == 0
        if isEmpty {
            if !wasFull { unlink(chunk) }
            unsafe chunks[chunk].sizeClass = Self.classCount
            link(chunk)
        } else if wasFull {
            link(chunk)
        }
    }

    private static func fullMask(_ sizeClass: Int) -> UInt32 {
        let blocks = chunkByteCount / (512 << sizeClass)
        return blocks == 32 ? .max : 1 << UInt32(blocks) - 1
    }

    private func link(_ index: Int) {
        let sizeClass = unsafe chunks[index].sizeClass
        let first = unsafe heads[sizeClass]
        unsafe chunks[index].next = first
        unsafe chunks[index].previous = -1
        if first >= 0 { unsafe chunks[first].previous = index }
        unsafe heads[sizeClass] = index
    }

    private func unlink(_ index: Int) {
        let chunk = unsafe chunks[index]
        if chunk.previous >= 0 {
            unsafe chunks[chunk.previous].next = chunk.next
        } else {
            unsafe heads[chunk.sizeClass] = chunk.next
        }
        if chunk.next >= 0 { unsafe chunks[chunk.next].previous = chunk.previous }
    }
}
