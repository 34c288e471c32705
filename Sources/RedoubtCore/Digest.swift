extension [UInt64] {
    /// A hash of the numbers in their order, for explorations of all disks.
    package var digest: UInt64 {
        reduce(UInt64(count)) { sum, number in
            var mixed = (sum &+ 0x9E37_79B9_7F4A_7C15) ^ number
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }
}

extension UnsafeRawBufferPointer {
    /// A hash of the bytes, for explorations of all disks.
    package var digest: UInt64 {
        let half = count / 2
        let first = unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: self[..<half]))
        let second = unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: self[half...]))
        return [UInt64(count), UInt64(first) << 32 | UInt64(second)].digest
    }
}
