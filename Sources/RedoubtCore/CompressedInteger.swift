/// InnoDB's variable-length encoding of 32-bit numbers, used in redo records: small numbers are short, and so are the
/// numbers just below 2^32.
///
///     first byte   length  numbers
///     0nnnnnnn     1       below 2^7
///     10nnnnnn     2       below 2^14
///     110nnnnn     3       below 2^21
///     1110nnnn     4       below 2^28
///     11110000     5       below 2^32
///     111110nn     2       0xFFFFFC00 and above
///     1111110n     3       0xFFFE0000 and above
///     11111110     4       0xFF000000 and above
///
/// Bytes are big-endian. InnoDB: `mach_write_compressed`.
package enum CompressedInteger {
    /// The most bytes that a number takes.
    package static let byteCountMaximum = 5

    /// Writes `value` at `target`, which must have room for 5 bytes, and returns the number of bytes used.
    @inlinable
    package static func encode(_ value: UInt32, to target: UnsafeMutableRawPointer) -> Int {
        func store(_ bytes: UInt64, _ count: Int) -> Int {
            for index in 0..<count {
                let byte = UInt8(truncatingIfNeeded: bytes >> UInt64(8 &* (count &- 1 &- index)))
                unsafe target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
            }
            return count
        }
        let wide = UInt64(value)
        if value < 0x80 { return store(wide, 1) }
        if value < 0x4000 { return store(wide | 0x8000, 2) }
        if value < 0x20_0000 { return store(wide | 0xC0_0000, 3) }
        if value < 0x1000_0000 { return store(wide | 0xE000_0000, 4) }
        if value >= 0xFFFF_FC00 { return store(wide & 0x3FF | 0xF800, 2) }
        if value >= 0xFFFE_0000 { return store(wide & 0x1_FFFF | 0xFC_0000, 3) }
        if value >= 0xFF00_0000 { return store(wide & 0xFF_FFFF | 0xFE00_0000, 4) }
        return store(wide | 0xF0_0000_0000, 5)
    }

    /// Reads a number from the start of `bytes`; returns it and its length, or nil if the bytes end early or are none.
    package static func decode(_ bytes: UnsafeRawBufferPointer) -> (value: UInt32, byteCount: Int)? {
        guard let first = unsafe bytes.first else { return nil }
        let count: Int
        let mask: UInt64
        let base: UInt64
        switch first {
        case 0x00...0x7F: (count, mask, base) = (1, 0x7F, 0)
        case 0x80...0xBF: (count, mask, base) = (2, 0x3FFF, 0)
        case 0xC0...0xDF: (count, mask, base) = (3, 0x1F_FFFF, 0)
        case 0xE0...0xEF: (count, mask, base) = (4, 0x0FFF_FFFF, 0)
        case 0xF0: (count, mask, base) = (5, 0xFFFF_FFFF, 0)
        case 0xF8...0xFB: (count, mask, base) = (2, 0x3FF, 0xFFFF_FC00)
        case 0xFC...0xFD: (count, mask, base) = (3, 0x1_FFFF, 0xFFFE_0000)
        case 0xFE: (count, mask, base) = (4, 0xFF_FFFF, 0xFF00_0000)
        default: return nil
        }
        guard bytes.count >= count else { return nil }
        var number: UInt64 = 0
        for index in 0..<count { number = unsafe number << 8 | UInt64(bytes[index]) }
        return (UInt32(truncatingIfNeeded: number & mask | base), count)
    }
}
