import RedoubtCore

/// Where a record's parts lie, read from its length bytes.
struct RecordShape: Equatable, Sendable {
    /// The length of the key.
    var keyByteCount: Int
    /// The length of the value as it lies in the page (20 for an off-page value); 0 in a node pointer.
    var valueByteCount: Int
    /// The bytes before the origin: 5 of header and 1 to 4 of lengths.
    var extraByteCount: Int
    /// The bytes from the origin on.
    var bodyByteCount: Int
    /// Whether the value is a reference to pages of its own.
    var isOffPage: Bool

    /// All bytes of the record.
    @inline(__always)
    var byteCount: Int { extraByteCount &+ bodyByteCount }
}

/// A record of an index page, named by its origin: the first byte of its key.
///
///     [value length 1-2][key length 1-2][info | owned][heap number, status 2][next 2] origin: key, system 13, value
///
/// Reading is safe on any bytes: offsets are masked and lengths cut at the page's end. What it yields is only right
/// under a latch, or after the page's version was validated.
@safe
struct Record: Sendable {
    /// The page that holds the record.
    let page: PageBytes
    /// The offset of the record's key.
    let origin: Int

    /// Creates the view of the record at `origin`.
    @inline(__always)
    init(page: PageBytes, origin: Int) {
        self.page = page
        self.origin = origin & PageBytes.offsetMask
    }

    /// Bits of the byte before the heap number.
    enum Bits {
        /// The first node pointer of a level's first page, which compares lower than every key.
        static let minimum: UInt8 = 0x10
        /// Deleted, and not removed yet.
        static let deleted: UInt8 = 0x20
        /// All information bits; the rest of the byte is the number of records owned.
        static let mask: UInt8 = 0xF0
    }

    /// The status of an ordinary record of a leaf.
    static let leafStatus: UInt8 = 0
    /// The status of a node pointer.
    static let nodeStatus: UInt8 = 1
    /// The number of system bytes (transaction id and roll pointer) of a record of a leaf.
    static let systemByteCount = 13
    /// The number of bytes before the origin that are not lengths.
    static let headerByteCount = 5
    /// The number of bytes of a child page number.
    static let childByteCount = 4
    /// The number of bytes of a reference to an off-page value.
    static let referenceByteCount = 20

    // MARK: Header

    /// The information bits, ``Bits``.
    @inline(__always)
    var infoBits: UInt8 { page.u8(at: origin &- 5) & Bits.mask }

    /// The number of records of the group that ends here, this one included; 0 within a group.
    @inline(__always)
    var ownedCount: Int { Int(page.u8(at: origin &- 5) & 0x0F) }

    /// The heap number: 0 infimum, 1 supremum, then in the order of heap allocation.
    @inline(__always)
    var heapNumber: Int { Int(page.u16(at: origin &- 4) >> 3) }

    /// The status: 0 leaf, 1 node pointer, 2 infimum, 3 supremum.
    @inline(__always)
    var status: UInt8 { UInt8(truncatingIfNeeded: page.u16(at: origin &- 4) & 7) }

    /// The origin of the next record in key order.
    @inline(__always)
    var next: Int { (origin &+ Int(page.u16(at: origin &- 2))) & 0xFFFF & PageBytes.offsetMask }

    /// Whether the record is marked as deleted.
    @inline(__always)
    var isDeleted: Bool { page.u8(at: origin &- 5) & Bits.deleted != 0 }

    /// Whether this is the minimum node pointer of its level.
    @inline(__always)
    var isMinimum: Bool { page.u8(at: origin &- 5) & Bits.minimum != 0 }

    // MARK: Content

    /// The lengths, in one pass.
    @inline(__always)
    var shape: RecordShape {
        if status != Self.nodeStatus { return leafShape }
        let key = keyByteCount
        return RecordShape(
            keyByteCount: key,
            valueByteCount: 0,
            extraByteCount: page.u8(at: origin &- 6) < 0x80 ? 6 : 7,
            bodyByteCount: key &+ Self.childByteCount,
            isOffPage: false
        )
    }

    /// The lengths of a record of a leaf.
    @inline(__always)
    var leafShape: RecordShape {
        var extra = 6
        var key = Int(page.u8(at: origin &- 6))
        if key >= 0x80 {
            key = (key & 0x3F) << 8 | Int(page.u8(at: origin &- 7))
            extra = 7
        }
        var value = Int(page.u8(at: origin &- extra &- 1))
        var isOffPage = false
        extra &+= 1
        if value >= 0x80 {
            isOffPage = value & 0x40 != 0
            value = (value & 0x3F) << 8 | Int(page.u8(at: origin &- extra &- 1))
            extra &+= 1
        }
        return RecordShape(
            keyByteCount: key,
            valueByteCount: value,
            extraByteCount: extra,
            bodyByteCount: key &+ Self.systemByteCount &+ value,
            isOffPage: isOffPage
        )
    }

    /// All bytes that the record takes in the heap.
    var byteCount: Int { shape.byteCount }

    /// The length of the key.
    @inline(__always)
    var keyByteCount: Int {
        let near = Int(page.u8(at: origin &- 6))
        return near < 0x80 ? near : (near & 0x3F) << 8 | Int(page.u8(at: origin &- 7))
    }

    /// The key.
    @inline(__always)
    var key: UnsafeRawBufferPointer { unsafe page.bytes(at: origin, count: keyByteCount) }

    /// The transaction id and roll pointer of a record of a leaf.
    var system: UnsafeRawBufferPointer {
        unsafe page.bytes(at: origin &+ keyByteCount, count: Self.systemByteCount)
    }

    /// The value as it lies in the page: whole, or 20 bytes of reference.
    @inline(__always)
    var value: UnsafeRawBufferPointer {
        unsafe value(shape)
    }

    /// The value as it lies in the page, given the lengths of the record.
    @inline(__always)
    func value(_ shape: RecordShape) -> UnsafeRawBufferPointer {
        unsafe page.bytes(at: origin &+ shape.keyByteCount &+ Self.systemByteCount, count: shape.valueByteCount)
    }

    /// Whether the value is a reference.
    var isOffPage: Bool { shape.isOffPage }

    /// Where the value lies, when it lies off the page.
    var valueReference: OffPageReference { unsafe OffPageReference(value) }

    /// The child page of a node pointer.
    @inline(__always)
    var child: PageNumber { PageNumber(rawValue: page.u32(at: origin &+ keyByteCount)) }
}

/// The 20 bytes that stand for a value in pages of its own.
struct OffPageReference: Equatable, Sendable {
    /// The tablespace of the value's pages.
    var space: SpaceID
    /// The first page of the chain.
    var firstPage: PageNumber
    /// The offset of the part header in the first page: always 38 in our files.
    var offset: UInt32 = 38
    /// The length of the value.
    var byteCount: UInt64

    /// The bits of the stored length that are length; the three above are flags (0: owned).
    static let lengthMask: UInt64 = 0x1FFF_FFFF_FFFF_FFFF

    /// Creates the reference to a value of `byteCount` bytes.
    init(space: SpaceID, firstPage: PageNumber, byteCount: UInt64) {
        self.space = space
        self.firstPage = firstPage
        self.byteCount = byteCount
    }

    /// Reads a reference; too few bytes read as a reference to no page.
    init(_ bytes: UnsafeRawBufferPointer) {
        let isComplete = bytes.count >= Record.referenceByteCount
        func number(_ offset: Int) -> UInt32 {
            guard isComplete else { return 0 }
            return unsafe UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        space = SpaceID(rawValue: number(0))
        firstPage = isComplete ? PageNumber(rawValue: number(4)) : .none
        offset = number(8)
        byteCount = (UInt64(number(12)) << 32 | UInt64(number(16))) & Self.lengthMask
    }

    /// Writes the 20 bytes at `target`.
    func write(to target: UnsafeMutableRawPointer) {
        unsafe target.storeBytes(of: space.rawValue.bigEndian, as: UInt32.self)
        unsafe target.storeBytes(of: firstPage.rawValue.bigEndian, toByteOffset: 4, as: UInt32.self)
        unsafe target.storeBytes(of: offset.bigEndian, toByteOffset: 8, as: UInt32.self)
        unsafe target.storeBytes(of: (byteCount & Self.lengthMask).bigEndian, toByteOffset: 12, as: UInt64.self)
    }
}
