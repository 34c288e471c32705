import RedoubtCore

/// Where things stand on the pages that manage a tablespace: InnoDB's layout, big-endian.
///
///     page 0      FSP_HDR: space header at 38, descriptors of the first 256 extents at 150, own record at 12288
///     page 1      IBUF_BITMAP, body zero
///     page 2      INODE: the two segments of the tree at 50 and 242
///     page 3      root of the tree
///     16384 * n   XDES: descriptors of 256 extents at 150; 16384 * n + 1: IBUF_BITMAP
enum SpaceFormat {
    /// The pages of an extent.
    ///
    /// InnoDB: `FSP_EXTENT_SIZE`.
    static let extentPageCount: UInt32 = 64
    /// The pages between two descriptor pages.
    ///
    /// InnoDB: the page size, `UNIV_PAGE_SIZE`.
    static let descriptorInterval: UInt32 = 16384
    /// The extents that one descriptor page describes.
    static let extentsPerDescriptorPage: UInt32 = 256
    /// The size of a new tablespace in pages: one extent.
    static let initialPageCount: UInt32 = 64
    /// The pages used in a new tablespace: header, bitmap, inodes, root.
    static let initialUsedCount: UInt32 = 4
    /// The greatest size in pages; keeps every byte offset within a signed 64-bit number and every number below `none`.
    static let pageCountMaximum: UInt32 = 0xFFFF_0000
    /// Tablespace flags: not REDUNDANT (bit 0), DYNAMIC (bit 5), pages of 16 KiB.
    static let flags: UInt32 = 0x21
    /// Flags of MySQL 8 files, which have an SDI tree; named so that the refusal can say so.
    static let flagsWithDictionary: UInt32 = 0x4021

    /// Fields of page 0.
    ///
    /// InnoDB: `FSP_*`.
    enum Header {
        static let spaceID = 38
        static let pageCount = 46
        static let freeLimit = 50
        static let flags = 54
        /// The used pages of the extents in `freeFragment`.
        static let fragmentUsedCount = 58
        static let free = 62
        static let freeFragment = 78
        static let fullFragment = 94
        static let nextSegmentID = 110
        static let inodePagesFull = 118
        static let inodePagesFree = 134
    }

    /// Fields of an extent descriptor, 40 bytes each from offset 150.
    ///
    /// InnoDB: `XDES_*`.
    enum Descriptor {
        static let first = 150
        static let byteCount = 40
        static let segmentID = 0
        static let node = 8
        static let state = 20
        static let bitmap = 24
        static let bitmapByteCount = 16
    }

    /// States of an extent.
    ///
    /// InnoDB: `xdes_state_t`.
    enum State {
        static let uninitialized: UInt32 = 0
        static let free: UInt32 = 1
        static let freeFragment: UInt32 = 2
        static let fullFragment: UInt32 = 3
        static let segment: UInt32 = 4
    }

    /// Fields of the inode page and of an inode, 192 bytes each from offset 50.
    ///
    /// InnoDB: `FSEG_*`.
    enum Inode {
        static let pageListNode = 38
        static let first = 50
        static let byteCount = 192
        static let countPerPage = 85
        static let segmentID = 0
        /// The used pages of the extents in `notFull`.
        static let notFullUsedCount = 8
        static let free = 12
        static let notFull = 28
        static let full = 44
        static let magic = 60
        static let magicValue: UInt32 = 97_937_874
        static let fragments = 64
        static let fragmentCount: UInt32 = 32
    }

    /// Fields of the root page: where its two segments are.
    ///
    /// Ten bytes each: space, page, offset.
    enum Root {
        static let leafSegment = 74
        static let nonLeafSegment = 84
    }

    /// Fields of a BLOB page.
    enum Blob {
        static let partByteCount = 38
        static let next = 42
        static let data = 46
    }

    /// The page of the inodes.
    static let inodePage = PageNumber(rawValue: 2)
    /// The page of the space header.
    static let headerPage = PageNumber(rawValue: 0)

    /// Returns the descriptor page of `page`.
    static func descriptorPage(of page: PageNumber) -> PageNumber {
        PageNumber(rawValue: page.rawValue / descriptorInterval * descriptorInterval)
    }

    /// Returns the offset of the descriptor of the extent that holds `page`, on its descriptor page.
    static func descriptorOffset(of page: PageNumber) -> Int {
        let extent = page.rawValue / extentPageCount % extentsPerDescriptorPage
        return Descriptor.first + Descriptor.byteCount * Int(extent)
    }

    /// Returns the first page of the extent whose list node is at `address`, or nil if no descriptor is there.
    static func extentStart(of address: ListAddress) -> PageNumber? {
        let offset = Int(address.offset) - Descriptor.node - Descriptor.first
        guard address.page.rawValue % descriptorInterval == 0, offset >= 0, offset % Descriptor.byteCount == 0,
            offset / Descriptor.byteCount < Int(extentsPerDescriptorPage)
        else { return nil }
        let (start, overflow) = address.page.rawValue.addingReportingOverflow(
            UInt32(offset / Descriptor.byteCount) * extentPageCount
        )
        return overflow || start >= pageCountMaximum ? nil : PageNumber(rawValue: start)
    }

    /// Returns the address of the list node of the extent that holds `page`.
    static func nodeAddress(of page: PageNumber) -> ListAddress {
        ListAddress(page: descriptorPage(of: page), offset: UInt16(descriptorOffset(of: page) + Descriptor.node))
    }
}

/// Where a list node stands: page and byte offset.
///
/// InnoDB: `fil_addr_t`.
struct ListAddress: Hashable, Sendable, CustomStringConvertible {
    let page: PageNumber
    let offset: UInt16

    /// The end of a list.
    static var none: ListAddress { ListAddress(page: .none, offset: 0) }

    /// Whether this is the end of a list.
    var isNone: Bool { page == .none }

    /// The address as "page:offset".
    var description: String { isNone ? "none" : "\(page):\(offset)" }
}
