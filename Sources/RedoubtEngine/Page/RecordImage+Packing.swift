import RedoubtCore

// The form of a record in the redo log; see ``PackedRecords``.
extension RecordImage {
    /// The bits of the first byte.
    @inline(__always)
    private var tag: UInt8 {
        infoBits & Record.Bits.mask | (status == Record.nodeStatus ? PackedRecords.Tag.node : 0)
            | (isOffPage ? PackedRecords.Tag.offPage : 0) | (hasSystem ? PackedRecords.Tag.system : 0)
    }

    @inline(__always)
    private var hasSystem: Bool { unsafe system != nil }

    /// The bytes of ``pack(to:withKey:)``; without its key the record is one that replaces another.
    @inline(__always)
    func packedByteCount(withKey: Bool = true) -> Int {
        let keys = withKey ? Self.compressedByteCount(unsafe key.count) &+ (unsafe key.count) : 0
        if status == Record.nodeStatus { return 1 &+ keys &+ Record.childByteCount }
        let system = hasSystem ? Record.systemByteCount : 0
        return 1 &+ keys &+ Self.compressedByteCount(unsafe value.count) &+ system &+ (unsafe value.count)
    }

    @inline(__always)
    private static func compressedByteCount(_ length: Int) -> Int { length < 0x80 ? 1 : (length < 0x4000 ? 2 : 3) }

    /// Writes the record at `target`, which must have room for its bytes, and returns their number.
    func pack(to target: UnsafeMutableRawPointer, withKey: Bool = true) -> Int {
        unsafe target.storeBytes(of: tag, as: UInt8.self)
        var end = unsafe target + 1
        if withKey { unsafe Self.put(length: key.count, &end) }
        if status != Record.nodeStatus { unsafe Self.put(length: value.count, &end) }
        if withKey { unsafe Self.put(key, &end) }
        if status == Record.nodeStatus {
            unsafe end.storeBytes(of: child.rawValue.bigEndian, as: UInt32.self)
            return unsafe end + Record.childByteCount - target
        }
        if let system = unsafe system {
            unsafe Self.put(UnsafeRawBufferPointer(start: system, count: Record.systemByteCount), &end)
        }
        unsafe Self.put(value, &end)
        return unsafe end - target
    }

    @inline(__always)
    private static func put(length: Int, _ end: inout UnsafeMutableRawPointer) {
        if length < 0x80 {
            unsafe end.storeBytes(of: UInt8(truncatingIfNeeded: length), as: UInt8.self)
            unsafe end += 1
        } else {
            unsafe end += CompressedInteger.encode(UInt32(length), to: end)
        }
    }

    @inline(__always)
    private static func put(_ bytes: UnsafeRawBufferPointer, _ end: inout UnsafeMutableRawPointer) {
        guard let from = bytes.baseAddress else { return }
        unsafe end.copyMemory(from: from, byteCount: bytes.count)
        unsafe end += bytes.count
    }

    /// Reads a record from the start of `bytes`; returns it and its length, or nil if they are not a record.
    @inline(__always)
    static func unpack(_ bytes: UnsafeRawBufferPointer, withKey: Bool = true) -> (image: RecordImage, byteCount: Int)? {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return nil }
        let first = unsafe base.load(as: UInt8.self)
        guard first & 0x08 == 0 else { return nil }
        let end = bytes.count
        let isNode = first & PackedRecords.Tag.node != 0
        var position = 1
        let keyLength = withKey ? unsafe takeLength(base, &position, end) : 0
        let valueLength = isNode || keyLength < 0 ? 0 : unsafe takeLength(base, &position, end)
        guard keyLength >= 0, valueLength >= 0, keyLength <= end &- position else { return nil }
        let key = unsafe UnsafeRawBufferPointer(start: base + position, count: keyLength)
        position &+= keyLength
        let infoBits = first & Record.Bits.mask
        if isNode {
            guard first & (PackedRecords.Tag.offPage | PackedRecords.Tag.system) == 0,
                Record.childByteCount <= end &- position
            else { return nil }
            let child = unsafe UInt32(bigEndian: base.loadUnaligned(fromByteOffset: position, as: UInt32.self))
            let image = unsafe RecordImage(
                status: Record.nodeStatus,
                infoBits: infoBits,
                key: key,
                value: UnsafeRawBufferPointer(start: nil, count: 0),
                isOffPage: false,
                child: PageNumber(rawValue: child),
                system: nil
            )
            return (image, position &+ Record.childByteCount)
        }
        var system: UnsafeRawPointer?
        if first & PackedRecords.Tag.system != 0 {
            guard Record.systemByteCount <= end &- position else { return nil }
            unsafe system = base + position
            position &+= Record.systemByteCount
        }
        guard valueLength <= end &- position else { return nil }
        let image = unsafe RecordImage(
            status: Record.leafStatus,
            infoBits: infoBits,
            key: key,
            value: UnsafeRawBufferPointer(start: base + position, count: valueLength),
            isOffPage: first & PackedRecords.Tag.offPage != 0,
            child: .none,
            system: system
        )
        return (image, position &+ valueLength)
    }

    /// Takes a length from `position` on, which must be at most `end`; -1 if there is none.
    @inline(__always)
    private static func takeLength(_ base: UnsafeRawPointer, _ position: inout Int, _ end: Int) -> Int {
        guard position < end else { return -1 }
        let first = unsafe base.load(fromByteOffset: position, as: UInt8.self)
        if first < 0x80 {
            position &+= 1
            return Int(first)
        }
        let rest = unsafe UnsafeRawBufferPointer(start: base + position, count: end &- position)
        guard let decoded = unsafe CompressedInteger.decode(rest) else { return -1 }
        position &+= decoded.byteCount
        return Int(decoded.value)
    }
}
