/// A structure of the kernel put together field by field, in the byte order of the machine that all of this runs on.
struct ByteFields {
    /// The fields so far.
    private(set) var bytes: [UInt8] = []

    /// Adds an integer, its lowest byte first.
    mutating func add(_ value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// Adds `count` bytes that are zero.
    mutating func addZeros(_ count: Int) { bytes += repeatElement(0, count: count) }

    /// Adds `other` as it is.
    mutating func add(_ other: [UInt8]) { bytes += other }
}

extension [UInt8] {
    /// The integer at byte `offset`, its lowest byte first; 0 for what lies beyond the end.
    func field<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value {
        var value: Value = 0
        for index in 0..<Value.bitWidth / 8 where offset + index < count {
            value |= Value(truncatingIfNeeded: self[offset + index]) << (8 * index)
        }
        return value
    }
}
