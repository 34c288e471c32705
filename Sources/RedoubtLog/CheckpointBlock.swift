import RedoubtCore
import RedoubtSystem

/// A checkpoint, in one of the two slots of the file that holds its LSN; consecutive checkpoints alternate between
/// slots.
///
///     offset  size
///     0       4     "CKPT"
///     4       4     number of redo files
///     8       8     checkpoint LSN
///     16      8     durable LSN known when it was written
///     24      8     checkpoint number; the newest valid checkpoint has the greatest
///     32      8     clean-shutdown LSN: equal to the checkpoint LSN after an orderly close, else 0
///     40      16    database identity
///     56      8     bytes of redo that recovery replays in a second, as the engine measured it; 0 is not known
///     508     4     CRC-32C of bytes 0..<508
struct CheckpointBlock: Equatable {
    static let magic: UInt32 = 0x434B_5054
    static let byteCount = 512
    /// Where the two slots are in a file.
    static let offsets: [UInt64] = [4096, 8192]

    var lsn: UInt64
    var durable: UInt64
    var number: UInt64
    var cleanShutdown: UInt64
    var fileCount: UInt32
    var database: DatabaseID
    /// A hint: whoever uses it checks its range.
    var replayRate: UInt64 = 0

    /// Where the checkpoint goes in its file.
    var offset: UInt64 { Self.offsets[Scheduling.breaks(.usesOneSlot) ? 0 : Int(number % 2)] }

    /// Writes the checkpoint to the first 512 bytes at `block`.
    func encode(to block: UnsafeMutableRawPointer) {
        unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: Self.byteCount)
        unsafe block.storeBigEndian(Self.magic, at: 0)
        unsafe block.storeBigEndian(fileCount, at: 4)
        unsafe block.storeBigEndian(lsn, at: 8)
        unsafe block.storeBigEndian(durable, at: 16)
        unsafe block.storeBigEndian(number, at: 24)
        unsafe block.storeBigEndian(cleanShutdown, at: 32)
        unsafe block.storeBigEndian(database.high, at: 40)
        unsafe block.storeBigEndian(database.low, at: 48)
        unsafe block.storeBigEndian(replayRate, at: 56)
        let covered = unsafe UnsafeRawBufferPointer(start: block, count: LogBlock.trailerOffset)
        unsafe block.storeBigEndian(Checksum.crc32c(covered), at: LogBlock.trailerOffset)
    }

    /// Reads the 512 bytes at `block`; nil if they are no valid checkpoint.
    static func decode(_ block: UnsafeRawPointer) -> CheckpointBlock? {
        let covered = unsafe UnsafeRawBufferPointer(start: block, count: LogBlock.trailerOffset)
        guard unsafe block.bigEndian(UInt32.self, at: 0) == magic,
            unsafe block.bigEndian(UInt32.self, at: LogBlock.trailerOffset) == Checksum.crc32c(covered)
        else { return nil }
        let checkpoint = unsafe CheckpointBlock(
            lsn: block.bigEndian(UInt64.self, at: 8),
            durable: block.bigEndian(UInt64.self, at: 16),
            number: block.bigEndian(UInt64.self, at: 24),
            cleanShutdown: block.bigEndian(UInt64.self, at: 32),
            fileCount: block.bigEndian(UInt32.self, at: 4),
            database: DatabaseID(high: block.bigEndian(UInt64.self, at: 40), low: block.bigEndian(UInt64.self, at: 48)),
            replayRate: block.bigEndian(UInt64.self, at: 56)
        )
        let isSane =
            checkpoint.lsn >= LogSequenceNumber.start.rawValue && checkpoint.lsn < 1 << 62
            && checkpoint.durable < 1 << 62 && checkpoint.number < 1 << 62 && checkpoint.fileCount <= 1024
        return isSane ? checkpoint : nil
    }
}
