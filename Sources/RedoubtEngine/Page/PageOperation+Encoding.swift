import RedoubtCore

// The body of each operation in the redo log. Numbers are big-endian; origins and offsets take 2 bytes.
extension PageOperation {
    /// The bytes of the body.
    var bodyByteCount: Int {
        switch self {
        case .initialize: 2
        case .initializeIndex: 10
        case .insertRecord(_, let image): 2 + image.packedByteCount()
        case .deleteRecord, .deleteFrom, .deleteBefore: 2
        case .replaceRecord(_, let image): 2 + image.packedByteCount(withKey: false)
        case .overwriteValue(_, _, let bytes): 4 + bytes.count
        case .setInfoBits: 3
        case .setChild: 6
        case .insertRecords(_, let packed): 2 + packed.count
        case .reorganize, .freePage: 0
        case .setSiblings: 8
        case .writeBytes(_, let bytes): 2 + bytes.count
        case .fill: 5
        case .image(let bytes), .expectImage(let bytes): bytes.count
        }
    }

    /// Writes the body to `buffer`, which must have room for ``bodyByteCount`` bytes, and returns their number.
    func encode(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = bodyByteCount
        unsafe encode(count, into: buffer)
        return count
    }

    /// Does that with the length of the body known.
    func encode(_ count: Int, into buffer: UnsafeMutableRawBufferPointer) {
        precondition(buffer.count >= count, "\(buffer.count) bytes for a body of \(count)")
        guard count > 0, let target = buffer.baseAddress else { return }
        func put(_ value: Int, at offset: Int) {
            unsafe target.storeBytes(
                of: UInt16(truncatingIfNeeded: value).bigEndian,
                toByteOffset: offset,
                as: UInt16.self
            )
        }
        func put(_ value: PageNumber, at offset: Int) {
            unsafe target.storeBytes(of: value.rawValue.bigEndian, toByteOffset: offset, as: UInt32.self)
        }
        func put(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
            guard let from = bytes.baseAddress else { return }
            unsafe (target + offset).copyMemory(from: from, byteCount: bytes.count)
        }
        switch self {
        case .initialize(let type): put(Int(type.rawValue), at: 0)
        case .initializeIndex(let level, let indexID):
            put(Int(level), at: 0)
            unsafe target.storeBytes(of: indexID.bigEndian, toByteOffset: 2, as: UInt64.self)
        case .insertRecord(let predecessor, let image):
            put(predecessor, at: 0)
            let written = unsafe 2 + image.pack(to: target + 2)
            precondition(written == count, "a body of \(written) bytes, announced as \(count)")
        case .deleteRecord(let origin), .deleteFrom(let origin), .deleteBefore(let origin): put(origin, at: 0)
        case .replaceRecord(let origin, let image):
            put(origin, at: 0)
            let written = unsafe 2 + image.pack(to: target + 2, withKey: false)
            precondition(written == count, "a body of \(written) bytes, announced as \(count)")
        case .overwriteValue(let origin, let offset, let bytes):
            put(origin, at: 0)
            put(offset, at: 2)
            unsafe put(bytes, at: 4)
        case .setInfoBits(let origin, let bits):
            put(origin, at: 0)
            unsafe target.storeBytes(of: bits, toByteOffset: 2, as: UInt8.self)
        case .setChild(let origin, let child):
            put(origin, at: 0)
            put(child, at: 2)
        case .insertRecords(let predecessor, let packed):
            put(predecessor, at: 0)
            unsafe put(packed, at: 2)
        case .reorganize, .freePage: break
        case .setSiblings(let previous, let next):
            put(previous, at: 0)
            put(next, at: 4)
        case .writeBytes(let offset, let bytes):
            put(offset, at: 0)
            unsafe put(bytes, at: 2)
        case .fill(let offset, let count, let byte):
            put(offset, at: 0)
            put(count, at: 2)
            unsafe target.storeBytes(of: byte, toByteOffset: 4, as: UInt8.self)
        case .image(let bytes), .expectImage(let bytes): unsafe put(bytes, at: 0)
        }
    }

    /// Returns the operation with number `kind` and this body, which it borrows.
    ///
    /// - Throws: `.corruptLog` if the number is unknown or the body is not one of that kind.
    static func decode(kind: UInt8, body: UnsafeRawBufferPointer) throws(RedoubtError) -> PageOperation {
        guard let kind = Kind(rawValue: kind) else {
            throw RedoubtError(.corruptLog, "redo record kind \(kind) is not known; the log may be a newer version's")
        }
        guard let operation = unsafe decode(kind, PageOperationBody(body)) else {
            throw RedoubtError(.corruptLog, "a redo record of kind \(kind) has a malformed body of \(body.count) bytes")
        }
        return operation
    }

    private static func decode(_ kind: Kind, _ body: PageOperationBody) -> PageOperation? {
        let count = body.count
        switch kind {
        case .initialize:
            guard count == 2, let type = PageType(rawValue: UInt16(body.u16(0))), type != .index else { return nil }
            return .initialize(type: type)
        case .initializeIndex:
            return count == 10 ? .initializeIndex(level: UInt16(body.u16(0)), indexID: body.u64(2)) : nil
        case .freePage: return count == 0 ? .freePage : nil
        case .writeBytes: return count > 2 ? unsafe .writeBytes(offset: body.u16(0), bytes: body.rest(2)) : nil
        case .fill: return count == 5 ? .fill(offset: body.u16(0), count: body.u16(2), byte: body.u8(4)) : nil
        case .setSiblings:
            return count == 8 ? .setSiblings(previous: body.page(0), next: body.page(4)) : nil
        case .insertRecord:
            guard count > 2, let (image, length) = unsafe RecordImage.unpack(body.rest(2)), length == count - 2
            else { return nil }
            return .insertRecord(predecessor: body.u16(0), image: image)
        case .deleteRecord: return count == 2 ? .deleteRecord(origin: body.u16(0)) : nil
        case .replaceRecord:
            guard count > 2, let (image, length) = unsafe RecordImage.unpack(body.rest(2), withKey: false),
                length == count - 2
            else { return nil }
            return .replaceRecord(origin: body.u16(0), image: image)
        case .overwriteValue:
            guard count > 4 else { return nil }
            return unsafe .overwriteValue(origin: body.u16(0), offset: body.u16(2), bytes: body.rest(4))
        case .setInfoBits: return count == 3 ? .setInfoBits(origin: body.u16(0), bits: body.u8(2)) : nil
        case .setChild: return count == 6 ? .setChild(origin: body.u16(0), child: body.page(2)) : nil
        case .insertRecords:
            return count > 2 ? unsafe .insertRecords(predecessor: body.u16(0), packed: body.rest(2)) : nil
        case .deleteFrom: return count == 2 ? .deleteFrom(origin: body.u16(0)) : nil
        case .deleteBefore: return count == 2 ? .deleteBefore(origin: body.u16(0)) : nil
        case .reorganize: return count == 0 ? .reorganize : nil
        case .image: return count == pageByteCount ? unsafe .image(body.rest(0)) : nil
        case .expectImage: return count == pageByteCount ? unsafe .expectImage(body.rest(0)) : nil
        }
    }
}

/// The bytes of a body; offsets are the caller's to check against ``count``.
@safe
private struct PageOperationBody {
    let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = bytes }

    var count: Int { unsafe bytes.count }

    func u8(_ offset: Int) -> UInt8 { unsafe bytes[offset] }

    func u16(_ offset: Int) -> Int {
        Int(unsafe UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
    }

    func page(_ offset: Int) -> PageNumber {
        PageNumber(rawValue: unsafe UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }

    func u64(_ offset: Int) -> UInt64 {
        unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    func rest(_ offset: Int) -> UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...]) }
}
