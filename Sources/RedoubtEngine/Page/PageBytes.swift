import RedoubtCore

/// The 16 KiB of one page in memory, with the fields that every page has.
///
/// Integers are big-endian. Offsets are masked to the page, so that an optimistic reader that met a torn offset reads
/// rubbish, never other memory; frame memory has at least 16 bytes of slack after its last page, because a read of 8
/// bytes may begin at the last one. Stores that would cross the end of the page are dropped.
///
/// Any thread may hold one of these; who may read or write is the business of the page's latch.
@safe
struct PageBytes: @unchecked Sendable {
    /// The first byte of the page.
    let base: UnsafeMutableRawPointer

    /// The bits that an offset in a page has.
    static let offsetMask = 0x3FFF

    /// Creates the view of the page at `base`, which must stay mapped, with 16 bytes of slack after the frames' end.
    @inline(__always)
    init(_ base: UnsafeMutableRawPointer) {
        unsafe self.base = base
    }

    /// All 16384 bytes.
    @inline(__always)
    var all: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: base, count: pageByteCount) }

    /// The address of the byte at `offset`.
    @inline(__always)
    func pointer(at offset: Int) -> UnsafeRawPointer { unsafe UnsafeRawPointer(base + (offset & Self.offsetMask)) }

    /// The bytes from `offset` on, `count` of them or as many as the page has.
    @inline(__always)
    func bytes(at offset: Int, count: Int) -> UnsafeRawBufferPointer {
        let first = offset & Self.offsetMask
        let available = pageByteCount &- first
        let bounded = count < 0 ? 0 : (count > available ? available : count)
        return unsafe UnsafeRawBufferPointer(start: UnsafeRawPointer(base + first), count: bounded)
    }

    // MARK: Loads

    /// The byte at `offset`.
    @inline(__always)
    func u8(at offset: Int) -> UInt8 {
        unsafe base.load(fromByteOffset: offset & Self.offsetMask, as: UInt8.self)
    }

    /// The 2-byte number at `offset`.
    @inline(__always)
    func u16(at offset: Int) -> UInt16 {
        unsafe UInt16(bigEndian: base.loadUnaligned(fromByteOffset: offset & Self.offsetMask, as: UInt16.self))
    }

    /// The 4-byte number at `offset`.
    @inline(__always)
    func u32(at offset: Int) -> UInt32 {
        unsafe UInt32(bigEndian: base.loadUnaligned(fromByteOffset: offset & Self.offsetMask, as: UInt32.self))
    }

    /// The 8-byte number at `offset`.
    @inline(__always)
    func u64(at offset: Int) -> UInt64 {
        unsafe UInt64(bigEndian: base.loadUnaligned(fromByteOffset: offset & Self.offsetMask, as: UInt64.self))
    }

    // MARK: Stores

    /// Stores one byte at `offset`.
    @inline(__always)
    func store(_ value: UInt8, at offset: Int) {
        unsafe base.storeBytes(of: value, toByteOffset: offset & Self.offsetMask, as: UInt8.self)
    }

    /// Stores a 2-byte number at `offset`.
    @inline(__always)
    func store(_ value: UInt16, at offset: Int) {
        let first = offset & Self.offsetMask
        guard first <= pageByteCount &- 2 else { return }
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: first, as: UInt16.self)
    }

    /// Stores a 4-byte number at `offset`.
    @inline(__always)
    func store(_ value: UInt32, at offset: Int) {
        let first = offset & Self.offsetMask
        guard first <= pageByteCount &- 4 else { return }
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: first, as: UInt32.self)
    }

    /// Stores an 8-byte number at `offset`.
    @inline(__always)
    func store(_ value: UInt64, at offset: Int) {
        let first = offset & Self.offsetMask
        guard first <= pageByteCount &- 8 else { return }
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: first, as: UInt64.self)
    }

    /// Copies `source` to `offset`; a copy that would cross the end of the page is dropped.
    @inline(__always)
    func copy(_ source: UnsafeRawBufferPointer, to offset: Int) {
        guard let from = source.baseAddress, offset >= 0, offset &+ source.count <= pageByteCount else { return }
        unsafe (base + offset).copyMemory(from: from, byteCount: source.count)
    }

    /// Moves `count` bytes within the page; ranges may overlap; a move that leaves the page is dropped.
    @inline(__always)
    func move(from source: Int, to target: Int, count: Int) {
        guard count > 0, source >= 0, target >= 0 else { return }
        guard source &+ count <= pageByteCount, target &+ count <= pageByteCount else { return }
        unsafe (base + target).copyMemory(from: base + source, byteCount: count)
    }

    /// Sets `count` bytes from `offset` on to `value`; a fill that would cross the end of the page is dropped.
    @inline(__always)
    func fill(at offset: Int, count: Int, with value: UInt8 = 0) {
        guard count > 0, offset >= 0, offset &+ count <= pageByteCount else { return }
        unsafe (base + offset).initializeMemory(as: UInt8.self, repeating: value, count: count)
    }

    /// Copies all bytes of `other` here.
    func copyPage(from other: PageBytes) {
        unsafe base.copyMemory(from: other.base, byteCount: pageByteCount)
    }
}

// Fields of every page. InnoDB: the FIL header.
extension PageBytes {
    /// Offsets of the fields that every page has.
    enum Offset {
        static let checksum = 0
        static let number = 4
        static let previous = 8
        static let next = 12
        static let lsn = 16
        static let type = 24
        static let reserved = 26
        static let space = 34
        /// The first byte that belongs to the page's type.
        static let body = 38
        /// The trailer: the checksum again, then the low half of the LSN.
        static let trailer = 16376
    }

    /// The stored checksum.
    var checksum: UInt32 { u32(at: Offset.checksum) }

    /// The page number.
    var number: PageNumber {
        get { PageNumber(rawValue: u32(at: Offset.number)) }
        nonmutating set { store(newValue.rawValue, at: Offset.number) }
    }

    /// The left sibling on the same level of a tree, or none.
    var previous: PageNumber {
        get { PageNumber(rawValue: u32(at: Offset.previous)) }
        nonmutating set { store(newValue.rawValue, at: Offset.previous) }
    }

    /// The right sibling on the same level of a tree, or none.
    var next: PageNumber {
        get { PageNumber(rawValue: u32(at: Offset.next)) }
        nonmutating set { store(newValue.rawValue, at: Offset.next) }
    }

    /// The end of the last mini-transaction that changed the page.
    var lsn: LogSequenceNumber {
        get { LogSequenceNumber(rawValue: u64(at: Offset.lsn)) }
        nonmutating set { store(newValue.rawValue, at: Offset.lsn) }
    }

    /// The type as stored; see ``PageType``.
    var typeCode: UInt16 {
        get { u16(at: Offset.type) }
        nonmutating set { store(newValue, at: Offset.type) }
    }

    /// The type, if it is one that our files have.
    var type: PageType? { PageType(rawValue: typeCode) }

    /// The tablespace.
    var space: SpaceID {
        get { SpaceID(rawValue: u32(at: Offset.space)) }
        nonmutating set { store(newValue.rawValue, at: Offset.space) }
    }

    /// The tablespace and the page number.
    var id: PageID { PageID(space: space, number: number) }

    /// Whether every byte is zero: a page that was allocated in the file and never written.
    var isUnwritten: Bool {
        var offset = 0
        while offset < pageByteCount {
            var sum = u64(at: offset)
            for word in 1..<8 { sum |= u64(at: offset &+ word &* 8) }
            if sum != 0 { return false }
            offset &+= 64
        }
        return true
    }
}

/// What a page holds.
///
/// InnoDB: `FIL_PAGE_TYPE`; no other type may appear in a file that servers import.
enum PageType: UInt16, Sendable, CaseIterable {
    /// Allocated in the file, or freed.
    case allocated = 0
    /// Segment inodes.
    case inode = 3
    /// The change buffer's bitmap; always without content in our files.
    case changeBufferBitmap = 5
    /// The header of the tablespace with the first extent descriptors: page 0.
    case spaceHeader = 8
    /// Extent descriptors: every further 16384th page.
    case extentDescriptors = 9
    /// A part of an off-page value.
    case blob = 10
    /// A node of a B+-tree.
    case index = 17855
}
