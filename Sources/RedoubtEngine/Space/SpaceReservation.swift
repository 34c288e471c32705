import RedoubtCore
import RedoubtSystem

/// A segment of the tree: a set of pages that the tree gave one purpose.
enum Segment: Sendable, Hashable, CaseIterable {
    /// Inner nodes and the root.
    case nonLeaf
    /// Leaves and off-page values.
    case leaf

    /// The id in descriptors and inodes.
    var id: UInt64 { self == .nonLeaf ? 1 : 2 }
    /// The offset of the inode on page 2.
    var inodeOffset: Int { SpaceFormat.Inode.first + (self == .nonLeaf ? 0 : SpaceFormat.Inode.byteCount) }
}

/// The latched management pages of a space within one mini-transaction, checked and with room for what was asked.
///
/// Made by ``SpaceAllocator/prepare(_:_:leafPages:nonLeafPages:freeing:near:purpose:header:)``; every descriptor that
/// an allocation or a release may touch has been read and checked by then, so neither can fail.
struct SpaceReservation {
    /// The space.
    let space: Space
    /// Page 0, latched exclusively: also where pending chains are noted.
    let header: Frame
    let inode: Frame
    /// Latched descriptor pages other than page 0.
    var descriptors: [(page: PageNumber, frame: Frame)] = []
    /// The pages that may still be allocated, by segment.
    var remaining: (nonLeaf: Int, leaf: Int) = (0, 0)
    /// The free extents that a hint may take beyond what the request needs.
    var spareExtents = 0

    init(space: Space, header: Frame, inode: Frame) {
        self.space = space
        self.header = header
        self.inode = inode
    }

    /// Returns the latched descriptor page `page`, or nil.
    func descriptorFrame(_ page: PageNumber) -> Frame? {
        if page == SpaceFormat.headerPage { return header }
        return descriptors.first { $0.page == page }?.frame
    }

    /// Returns the frame of the list node at `address`, which prepare has latched.
    func frame(of address: ListAddress) -> Frame {
        guard let frame = descriptorFrame(address.page) else {
            preconditionFailure("list node \(address) of space \(space.id) was not prepared")
        }
        return frame
    }

    /// Returns the descriptor of the extent that holds `page`, if its page is latched.
    func descriptor(of page: PageNumber) -> ExtentDescriptor? {
        guard let frame = descriptorFrame(SpaceFormat.descriptorPage(of: page)) else { return nil }
        return ExtentDescriptor(frame: frame, page: page)
    }
}

/// The descriptor of one extent on a latched page.
///
/// InnoDB: `xdes_t`.
struct ExtentDescriptor {
    let frame: Frame
    /// The first page of the extent.
    let start: PageNumber
    /// The offset of the descriptor on its page.
    let offset: Int

    /// The descriptor of the extent that holds `page`.
    init(frame: Frame, page: PageNumber) {
        self.frame = frame
        start = PageNumber(rawValue: page.rawValue / SpaceFormat.extentPageCount * SpaceFormat.extentPageCount)
        offset = SpaceFormat.descriptorOffset(of: page)
    }

    var segmentID: UInt64 { frame.bytes.u64(at: offset + SpaceFormat.Descriptor.segmentID) }
    var state: UInt32 { frame.bytes.u32(at: offset + SpaceFormat.Descriptor.state) }
    var node: ListAddress { SpaceFormat.nodeAddress(of: start) }
    var previous: ListAddress { frame.bytes.address(at: offset + SpaceFormat.Descriptor.node) }
    var next: ListAddress { frame.bytes.address(at: offset + SpaceFormat.Descriptor.node + 6) }

    /// Whether page `index` of the extent is free.
    func isFree(_ index: Int) -> Bool {
        frame.bytes.u8(at: offset + SpaceFormat.Descriptor.bitmap + index / 4) >> UInt8(index % 4 * 2) & 1 == 1
    }

    /// The number of free pages.
    var freeCount: Int {
        let low = frame.bytes.u64(at: offset + SpaceFormat.Descriptor.bitmap) & 0x5555_5555_5555_5555
        let high = frame.bytes.u64(at: offset + SpaceFormat.Descriptor.bitmap + 8) & 0x5555_5555_5555_5555
        return low.nonzeroBitCount + high.nonzeroBitCount
    }

    /// Returns the first free page at or after `index`, going around, or nil if the extent is full.
    func firstFree(from index: Int) -> Int? {
        let count = Int(SpaceFormat.extentPageCount)
        for step in 0..<count where isFree((index + step) % count) { return (index + step) % count }
        return nil
    }

    /// Marks page `index` free or used.
    func setFree(_ mtr: inout MiniTransaction, _ index: Int, _ isFree: Bool) {
        let at = offset + SpaceFormat.Descriptor.bitmap + index / 4 & ~1
        let shift = UInt16(index % 4 * 2) + (index / 4 % 2 == 0 ? 8 : 0)
        let word = frame.bytes.u16(at: at)
        let redoByteCount = mtr.redoByteCount
        mtr.write16(frame, at, isFree ? word | 1 << shift : word & ~(1 << shift))
        if Scheduling.breaks(.freesUnlogged), isFree { mtr.forgetRedo(behind: redoByteCount) }
    }

    /// Sets state and owner.
    func setState(_ mtr: inout MiniTransaction, _ state: UInt32, segmentID: UInt64 = 0) {
        mtr.write32(frame, offset + SpaceFormat.Descriptor.state, state)
        mtr.write64(frame, offset + SpaceFormat.Descriptor.segmentID, segmentID)
    }
}
