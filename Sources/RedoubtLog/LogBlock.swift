import RedoubtCore
import RedoubtSystem

/// The layout of a redo block: 512 bytes, known by its index, which is the LSN of its first byte divided by 512.
///
///     offset  size
///     0       4     number: 1 + index mod 2^30
///     4       2     data byte count, header included; 512 when full
///     6       2     offset of the first group that starts in the block; 0 if none does
///     8       1     epoch: low 8 bits of 1 + index / 2^30
///     9       3     distance to the durable end known when the block was written, in blocks; 2^24 - 1 is unknown
///     12      496   payload
///     508     4     CRC-32C of bytes 0..<508
///
/// The distance is `index + 1 - d`, where `d` blocks held durable bytes. It tells a torn tail from rot: a block that
/// once held durable bytes cannot vanish in a power cut.
///
/// ## Differences from InnoDB
/// There bytes 8..<12 are the epoch alone.
enum LogBlock {
    static let byteCount = 512
    static let headerByteCount = 12
    static let payloadByteCount = 496
    static let trailerOffset = 508
    static let unknownDistance: UInt32 = 0xFF_FFFF

    /// What a valid block says.
    struct Fields: Equatable {
        /// The end of its data: 508 when full.
        var dataEnd: Int
        /// Where the first group starts; 0 if none does.
        var firstGroup: Int
        /// The number of blocks that held durable bytes when this one was written, if known.
        var durableBlockCount: UInt64?

        var isFull: Bool { dataEnd == LogBlock.trailerOffset }
    }

    /// Returns the index of the block that holds the byte at `lsn`.
    static func index(of lsn: LogSequenceNumber) -> UInt64 { lsn.rawValue / 512 }

    /// Returns the block number that belongs to `index`.
    static func number(index: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: index & 0x3FFF_FFFF) + 1 }

    /// Returns the epoch that belongs to `index`.
    static func epoch(index: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: 1 &+ index >> 30) }

    /// Returns the number of blocks that hold bytes below `lsn`.
    static func durableBlockCount(below lsn: LogSequenceNumber) -> UInt64 {
        lsn.rawValue % 512 <= 12 ? lsn.rawValue / 512 : lsn.rawValue / 512 + 1
    }

    /// Writes header and trailer of the block at `block`, whose payload is in place, and clears what is unused.
    static func seal(
        _ block: UnsafeMutableRawPointer,
        index: UInt64,
        dataEnd: Int,
        firstGroup: Int,
        durableBlockCount: UInt64
    ) {
        unsafe block.storeBigEndian(number(index: index), at: 0)
        let isFull = dataEnd >= trailerOffset
        unsafe block.storeBigEndian(UInt16(isFull ? byteCount : dataEnd), at: 4)
        // A group that starts where the data ends is not there yet.
        unsafe block.storeBigEndian(UInt16(firstGroup < dataEnd ? firstGroup : 0), at: 6)
        let blocks = index + 1 > durableBlockCount ? index + 1 - durableBlockCount : 0
        let distance = UInt32(min(blocks, UInt64(unknownDistance)))
        unsafe block.storeBigEndian(UInt32(epoch(index: index)) << 24 | distance, at: 8)
        if !isFull {
            unsafe (block + dataEnd).initializeMemory(as: UInt8.self, repeating: 0, count: trailerOffset - dataEnd)
        }
        let covered = unsafe UnsafeRawBufferPointer(start: block, count: trailerOffset)
        unsafe block.storeBigEndian(Checksum.crc32c(covered), at: trailerOffset)
    }

    /// Returns what the block at `block` says, or nil if it is not a whole block with this index.
    static func fields(_ block: UnsafeRawPointer, index: UInt64) -> Fields? {
        guard unsafe block.bigEndian(UInt32.self, at: 0) == number(index: index) else { return nil }
        let word = unsafe block.bigEndian(UInt32.self, at: 8)
        guard UInt8(word >> 24) == epoch(index: index) else { return nil }
        let covered = unsafe UnsafeRawBufferPointer(start: block, count: trailerOffset)
        let isWhole = unsafe block.bigEndian(UInt32.self, at: trailerOffset) == Checksum.crc32c(covered)
        guard isWhole || Scheduling.breaks(.believesTornBlock) else { return nil }
        let count = unsafe Int(block.bigEndian(UInt16.self, at: 4))
        guard count == byteCount || (headerByteCount..<trailerOffset).contains(count) else { return nil }
        let dataEnd = min(count, trailerOffset)
        let firstGroup = unsafe Int(block.bigEndian(UInt16.self, at: 6))
        guard firstGroup == 0 || (headerByteCount..<dataEnd).contains(firstGroup) else { return nil }
        let distance = word & unknownDistance
        let isKnown = distance != unknownDistance && UInt64(distance) <= index + 1
        return Fields(
            dataEnd: dataEnd,
            firstGroup: firstGroup,
            durableBlockCount: isKnown ? index + 1 - UInt64(distance) : nil
        )
    }
}
