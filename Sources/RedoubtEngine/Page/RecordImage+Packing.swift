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
    func packedByteCount(withKey: Bool = true) -> Int {
        let keys = withKey ? Self.compressedByteCount(unsafe key.count) + (unsafe key.count) : 0
        if status == Record.nodeStatus { return 1 + keys + Record.childByteCount }
        let system = hasSystem ? Record.systemByteCount : 0
        return 1 + keys + Self.compressedByteCount(unsafe value.count) + system + (unsafe value.count)
    }

    @inline(__always)
    private static func compressedByteCount(_ length: Int) -> Int { length < 0x80 ? 1 : (length < 0x4000 ? 2 : 3) }

    /// Writes the record at `target`, which must have room for its bytes, and returns their number.
    func pack(to target: UnsafeMutableRawPointer, withKey: Bool = true) -> Int {
        unsafe target.storeBytes(of: tag, as: UInt8.self)
        var position = 1
        func append(_ bytes: UnsafeRawBufferPointer) {
            guard let from = bytes.baseAddress else { return }
            unsafe (target + position).copyMemory(from: from, byteCount: bytes.count)
            position += bytes.count
        }
        if withKey { position += unsafe CompressedInteger.encode(UInt32(key.count), to: target + position) }
        if status != Record.nodeStatus {
            position += unsafe CompressedInteger.encode(UInt32(value.count), to: target + position)
        }
        if withKey { unsafe append(key) }
        if status == Record.nodeStatus {
            unsafe target.storeBytes(of: child.rawValue.bigEndian, toByteOffset: position, as: UInt32.self)
            return position + Record.childByteCount
        }
        if let system = unsafe system {
            unsafe append(UnsafeRawBufferPointer(start: system, count: Record.systemByteCount))
        }
        unsafe append(value)
        return position
    }

    /// Reads a record from the start of `bytes`; returns it and its length, or nil if they are not a record.
    static func unpack(_ bytes: UnsafeRawBufferPointer, withKey: Bool = true) -> (image: RecordImage, byteCount: Int)? {
        guard let first = unsafe bytes.first, let base = bytes.baseAddress, first & 0x08 == 0 else { return nil }
        var position = 1
        func length() -> Int? {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[position...])
            guard let decoded = unsafe CompressedInteger.decode(rest) else { return nil }
            position += decoded.byteCount
            return Int(decoded.value)
        }
        func take(_ count: Int) -> UnsafeRawBufferPointer? {
            guard count <= bytes.count - position else { return nil }
            defer { position += count }
            return unsafe UnsafeRawBufferPointer(start: base + position, count: count)
        }
        let isNode = first & PackedRecords.Tag.node != 0
        var keyLength = 0
        var valueLength = 0
        if withKey {
            guard let length = length() else { return nil }
            keyLength = length
        }
        if !isNode {
            guard let length = length() else { return nil }
            valueLength = length
        }
        guard let key = unsafe take(keyLength) else { return nil }
        if isNode {
            guard first & (PackedRecords.Tag.offPage | PackedRecords.Tag.system) == 0,
                let bytes = unsafe take(Record.childByteCount)
            else { return nil }
            let child = unsafe UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
            let image = unsafe RecordImage(
                status: Record.nodeStatus,
                infoBits: first & Record.Bits.mask,
                key: key,
                value: UnsafeRawBufferPointer(start: nil, count: 0),
                isOffPage: false,
                child: PageNumber(rawValue: child),
                system: nil
            )
            return (image, position)
        }
        var system: UnsafeRawPointer?
        if first & PackedRecords.Tag.system != 0 {
            guard let bytes = unsafe take(Record.systemByteCount) else { return nil }
            unsafe system = bytes.baseAddress
        }
        guard let value = unsafe take(valueLength) else { return nil }
        let image = unsafe RecordImage(
            status: Record.leafStatus,
            infoBits: first & Record.Bits.mask,
            key: key,
            value: value,
            isOffPage: first & PackedRecords.Tag.offPage != 0,
            child: .none,
            system: system
        )
        return (image, position)
    }
}
