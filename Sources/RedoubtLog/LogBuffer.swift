import RedoubtCore
import RedoubtSystem

/// The ring of redo bytes that are reserved but not yet written, by sequence number: payload only, without block
/// headers.
///
/// Beside the bytes it keeps, for each block, where the first group starts in it. Only one group crosses into a block,
/// and it is the one that notes this, before it is published.
///
/// ## Differences from InnoDB
/// There the ring holds whole blocks, and each copy skips headers and trailers. Here blocks are made when they are
/// written, so an append is one or two copies.
@safe
struct LogBuffer: ~Copyable, @unchecked Sendable {
    /// The number of payload bytes; a power of two.
    let capacity: Int
    private let memory: AlignedBuffer
    private let firstGroups: AlignedBuffer
    private let firstGroupMask: UInt64

    init(capacity: Int) throws(RedoubtError) {
        precondition(capacity >= 4096 && capacity & (capacity - 1) == 0, "a log buffer of \(capacity) bytes")
        // More than capacity / 496 + 2, and a power of two.
        let blockCount = capacity / 256
        let memory = try AlignedBuffer(byteCount: capacity, needsZeros: false)
        let firstGroups = try AlignedBuffer(byteCount: blockCount * 2)
        self.capacity = capacity
        firstGroupMask = UInt64(blockCount - 1)
        self.memory = memory
        self.firstGroups = firstGroups
    }

    /// Copies `bytes` in at sequence number `start`.
    func copyIn(_ bytes: UnsafeRawBufferPointer, at start: UInt64) {
        guard let source = bytes.baseAddress, let ring = unsafe memory.bytes.baseAddress else { return }
        let offset = Int(truncatingIfNeeded: start) & (capacity - 1)
        let first = min(bytes.count, capacity - offset)
        unsafe (ring + offset).copyMemory(from: source, byteCount: first)
        if first < bytes.count { unsafe ring.copyMemory(from: source + first, byteCount: bytes.count - first) }
    }

    /// Copies `count` bytes from sequence number `start` to `target`.
    func copyOut(from start: UInt64, count: Int, to target: UnsafeMutableRawPointer) {
        guard let ring = unsafe memory.bytes.baseAddress else { return }
        let offset = Int(truncatingIfNeeded: start) & (capacity - 1)
        let first = min(count, capacity - offset)
        unsafe target.copyMemory(from: ring + offset, byteCount: first)
        if first < count { unsafe (target + first).copyMemory(from: ring, byteCount: count - first) }
    }

    /// Notes for each block that the group `start ..< end` crosses into where the next group starts in it.
    func noteFirstGroups(from start: UInt64, to end: UInt64) {
        let last = end / 496
        var block = start / 496 + 1
        guard block <= last else { return }
        while block < last {
            setFirstGroup(0, block: block)
            block += 1
        }
        setFirstGroup(UInt16(end % 496) + 12, block: last)
    }

    /// Returns where the first group starts in the block with this index (from sequence numbers); 0 if none does.
    func firstGroup(block: UInt64) -> Int {
        unsafe Int(firstGroups.bytes.load(fromByteOffset: Int(block & firstGroupMask) * 2, as: UInt16.self))
    }

    func setFirstGroup(_ offset: UInt16, block: UInt64) {
        unsafe firstGroups.bytes.storeBytes(of: offset, toByteOffset: Int(block & firstGroupMask) * 2, as: UInt16.self)
    }
}
