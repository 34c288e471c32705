/// Numbers in redo files are big-endian; these move them, aligned or not.
extension UnsafeRawPointer {
    /// Reads the number at `offset`.
    func bigEndian<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type, at offset: Int) -> Number {
        unsafe Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}

extension UnsafeMutableRawPointer {
    /// Writes `number` at `offset`.
    func storeBigEndian<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number, at offset: Int) {
        unsafe storeBytes(of: number.bigEndian, toByteOffset: offset, as: Number.self)
    }
}
