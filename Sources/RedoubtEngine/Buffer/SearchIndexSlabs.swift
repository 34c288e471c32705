import RedoubtCore
import RedoubtSystem
import Synchronization

/// The memory of the search indexes of an instance: chunks of 16 KiB, cut into blocks of one size class each.
///
/// A chunk belongs to a class while any of its blocks is in use. The memory is never unmapped, so an optimistic reader
/// that still looks at a block given back reads rubbish within bounds, and its version check fails afterwards. The
/// limit follows the memory option: chunks from there on are given to nobody, those in use until their indexes go.
@safe
final class SearchIndexSlabs: @unchecked Sendable {
    private struct Chunk {
        var used: UInt32
        var sizeClass: Int
        var next: Int
        var previous: Int
        // Whether there may be memory behind it.
        var isTouched = false

        // Whether a block is free, so that the chunk is in a chain if it is within the limit.
        var hasRoom: Bool { sizeClass == SearchIndexSlabs.classCount || used != SearchIndexSlabs.fullMask(sizeClass) }
    }

    private let base: UnsafeMutableRawPointer
    private let chunkCount: Int
    private let lock: EngineLock
    private let limit = Atomic<Int>(0)
    // The chunks whose entries are laid out; the touched ones beyond the limit.
    private let bound = Atomic<Int>(0)
    private let beyond = Atomic<Int>(0)
    private let chunks: UnsafeMutablePointer<Chunk>
    // First chunk with a free block, a class each; the last entry chains chunks without a class.
    private let heads: UnsafeMutablePointer<Int>
    private static var classCount: Int { 6 }
    private static var chunkByteCount: Int { 16384 }
    // The chunks that are looked at without letting go of the lock.
    private static var stretch: Int { 256 }

    /// Creates the slabs over `byteCount` bytes at `base`, which outlives them; `limit` of them can be used, nil for
    /// all.
    init(base: UnsafeMutableRawPointer, byteCount: Int, limit: Int? = nil, waits: WaitLedger? = nil) {
        lock = EngineLock(waits: waits)
        unsafe self.base = unsafe base
        chunkCount = byteCount / Self.chunkByteCount
        unsafe chunks = .allocate(capacity: max(1, chunkCount))
        unsafe heads = .allocate(capacity: Self.classCount + 1)
        unsafe heads.initialize(repeating: -1, count: Self.classCount + 1)
        setLimit(byteCount: limit ?? byteCount)
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
        unsafe chunks[index].isTouched = true
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
        if chunk >= limit.load(ordering: .relaxed) {
            if isEmpty { unsafe chunks[chunk].sizeClass = Self.classCount }
        } else if isEmpty {
            if !wasFull { unlink(chunk) }
            unsafe chunks[chunk].sizeClass = Self.classCount
            link(chunk)
        } else if wasFull {
            link(chunk)
        }
    }

    // MARK: Another size

    /// Whether nothing beyond the limit has to be given back.
    var isWithinLimit: Bool { beyond.load(ordering: .relaxed) == 0 }

    /// Whether the block of `index` lies beyond the limit.
    func isBeyondLimit(_ index: SearchIndex) -> Bool {
        unsafe (index.block - base) / Self.chunkByteCount >= limit.load(ordering: .relaxed)
    }

    /// Sets how many bytes from the base on can be used; one thread at a time, and none in ``giveBack(_:)``.
    func setLimit(byteCount: Int) {
        let target = min(byteCount / Self.chunkByteCount, chunkCount)
        while limit.load(ordering: .relaxed) != target {
            lock.lock()
            var present = limit.load(ordering: .relaxed)
            var left = Self.stretch
            while present != target && left > 0 {
                if present < target {
                    admit(present)
                    present += 1
                } else {
                    present -= 1
                    dismiss(present)
                }
                left -= 1
            }
            limit.store(present, ordering: .relaxed)
            lock.unlock()
        }
    }

    private func admit(_ index: Int) {
        if index >= bound.load(ordering: .relaxed) {
            unsafe (chunks + index).initialize(to: Chunk(used: 0, sizeClass: Self.classCount, next: -1, previous: -1))
            bound.store(index + 1, ordering: .relaxed)
        }
        if unsafe chunks[index].isTouched { beyond.wrappingSubtract(1, ordering: .relaxed) }
        if unsafe chunks[index].hasRoom { link(index) }
    }

    private func dismiss(_ index: Int) {
        if unsafe chunks[index].isTouched { beyond.wrappingAdd(1, ordering: .relaxed) }
        if unsafe chunks[index].hasRoom { unlink(index) }
    }

    /// Calls `body` with the places, in bytes, of chunks beyond the limit that no index uses any more and whose memory
    /// can be given back; returns whether some are in use.
    func giveBack(_ body: (Range<Int>) -> Void) -> Bool {
        var position = limit.load(ordering: .relaxed)
        let end = bound.load(ordering: .relaxed)
        while position < end && !isWithinLimit {
            let stretch = position..<min(position + Self.stretch, end)
            var start = position
            lock.lock()
            // Nobody can get a block of an empty one, so its memory may go after the lock.
            var runs: [Range<Int>] = []
            for index in stretch {
                if unsafe chunks[index].used == 0 && chunks[index].isTouched {
                    unsafe chunks[index].isTouched = false
                    beyond.wrappingSubtract(1, ordering: .relaxed)
                    continue
                }
                if start < index { runs.append(start..<index) }
                start = index + 1
            }
            lock.unlock()
            if start < stretch.upperBound { runs.append(start..<stretch.upperBound) }
            for run in runs { body(run.lowerBound * Self.chunkByteCount..<run.upperBound * Self.chunkByteCount) }
            position = stretch.upperBound
        }
        return !isWithinLimit
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
