import CRedoubtShims

/// CRC-32C (Castagnoli), the checksum of pages, redo blocks and every other persisted structure.
package enum Checksum {
    /// Returns the checksum of `bytes`, continuing from `seed`.
    package static func crc32c(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        unsafe redoubt_crc32c(seed, bytes.baseAddress, bytes.count)
    }

    /// Returns the checksum of `bytes` by table: the reference that the instruction is tested against.
    package static func crc32cByTable(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        unsafe redoubt_crc32c_table(seed, bytes.baseAddress, bytes.count)
    }
}
