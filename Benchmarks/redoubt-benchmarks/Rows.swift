import RedoubtCore

/// The rows of the benchmarks: 8-byte keys, spread evenly, and 100-byte values.
struct Rows: Sendable {
    /// The bytes of a key.
    static let keySize = 8
    /// The bytes of a value.
    static let valueSize = 100

    /// How many there are.
    let count: Int

    /// The key of row `index`, whose order is that of the index.
    @inline(__always)
    func key(_ index: Int) -> UInt64 {
        // An odd gap, so that keys differ in many bytes.
        UInt64(index) &* (UInt64.max / UInt64(count + 1)) &+ 12345
    }

    /// Writes the key of row `index` into `target`, big-endian.
    @inline(__always)
    func writeKey(_ index: Int, into target: UnsafeMutableRawBufferPointer) {
        unsafe target.storeBytes(of: key(index).bigEndian, as: UInt64.self)
    }

    /// The value of row `index`.
    func writeValue(_ index: Int, into target: UnsafeMutableRawBufferPointer) {
        let seed = UInt64(index) &* 0x9E37_79B9_7F4A_7C15
        for offset in stride(from: 0, to: target.count - 7, by: 8) {
            unsafe target.storeBytes(of: seed &+ UInt64(offset), toByteOffset: offset, as: UInt64.self)
        }
        for offset in (target.count & ~7)..<target.count { unsafe target[offset] = UInt8(truncatingIfNeeded: index) }
    }
}
