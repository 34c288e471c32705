import RedoubtCore

/// The first block of a redo file.
///
///     offset  size
///     0       8     "REDOUBTL"
///     8       4     format version
///     12      4     flags: none yet
///     16      16    database identity
///     32      8     LSN of the first byte of the first redo block
///     40      8     file number: grows each time a file is taken into use
///     48      8     file size
///     56      4     hash of capacity and file count when the header was written
///     64      32    creator, text
///     508     4     CRC-32C of bytes 0..<508
///
/// Checkpoint slots follow at 4096 and 8192, redo blocks at 12288: each on device blocks of its own.
struct LogFileHeader: Equatable {
    static let magic: UInt64 = 0x5245_444F_5542_544C
    static let version: UInt32 = 1
    static let byteCount = 512
    /// Where the redo blocks start in a file.
    static let dataOffset = 12288
    private static let creator: StaticString = "Redoubt 0.1"

    var database: DatabaseID
    /// The LSN of the first byte of the first redo block; a multiple of 4096.
    var start: UInt64
    var number: UInt64
    var fileSize: UInt64
    var configurationHash: UInt32

    /// The LSN after the last byte of the last redo block.
    var end: UInt64 { start + fileSize - UInt64(Self.dataOffset) }

    /// What the first block of a file turned out to be.
    enum Content: Equatable {
        case valid(LogFileHeader)
        /// Nothing but zeros: preallocated, never in use.
        case blank
        case newerVersion(UInt32)
        /// Ours by the magic number, but damaged.
        case damaged
        case foreign
    }

    /// Writes the header to the first 512 bytes at `block`.
    func encode(to block: UnsafeMutableRawPointer) {
        unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: Self.byteCount)
        unsafe block.storeBigEndian(Self.magic, at: 0)
        unsafe block.storeBigEndian(Self.version, at: 8)
        unsafe block.storeBigEndian(database.high, at: 16)
        unsafe block.storeBigEndian(database.low, at: 24)
        unsafe block.storeBigEndian(start, at: 32)
        unsafe block.storeBigEndian(number, at: 40)
        unsafe block.storeBigEndian(fileSize, at: 48)
        unsafe block.storeBigEndian(configurationHash, at: 56)
        unsafe (block + 64).copyMemory(from: Self.creator.utf8Start, byteCount: min(32, Self.creator.utf8CodeUnitCount))
        let covered = unsafe UnsafeRawBufferPointer(start: block, count: LogBlock.trailerOffset)
        unsafe block.storeBigEndian(Checksum.crc32c(covered), at: LogBlock.trailerOffset)
    }

    /// Reads the 512 bytes at `block`.
    static func decode(_ block: UnsafeRawPointer) -> Content {
        let bytes = unsafe UnsafeRawBufferPointer(start: block, count: byteCount)
        if unsafe bytes.allSatisfy({ $0 == 0 }) { return .blank }
        guard unsafe block.bigEndian(UInt64.self, at: 0) == magic else { return .foreign }
        let covered = unsafe UnsafeRawBufferPointer(start: block, count: LogBlock.trailerOffset)
        guard unsafe block.bigEndian(UInt32.self, at: LogBlock.trailerOffset) == Checksum.crc32c(covered) else {
            return .damaged
        }
        let version = unsafe block.bigEndian(UInt32.self, at: 8)
        let flags = unsafe block.bigEndian(UInt32.self, at: 12)
        guard version <= Self.version, flags == 0 else { return .newerVersion(version) }
        let header = unsafe LogFileHeader(
            database: DatabaseID(high: block.bigEndian(UInt64.self, at: 16), low: block.bigEndian(UInt64.self, at: 24)),
            start: block.bigEndian(UInt64.self, at: 32),
            number: block.bigEndian(UInt64.self, at: 40),
            fileSize: block.bigEndian(UInt64.self, at: 48),
            configurationHash: block.bigEndian(UInt32.self, at: 56)
        )
        let isSane =
            header.start % 4096 == 0 && (8192..<1 << 62).contains(header.start) && header.fileSize % 4096 == 0
            && (UInt64(dataOffset) + 4096...1 << 40).contains(header.fileSize) && header.number < 1 << 62
        return isSane ? .valid(header) : .damaged
    }
}
