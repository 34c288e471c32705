import RedoubtCore

/// What prepare reads, latches and checks, before anything changes.
extension SpaceReservation {
    /// Checks the fields of page 0 and of the two inodes that allocation and release rely on.
    func checkHeader() throws(RedoubtError) {
        let bytes = header.bytes
        let size = bytes.u32(at: SpaceFormat.Header.pageCount)
        guard size >= SpaceFormat.initialPageCount, size % SpaceFormat.extentPageCount == 0,
            size <= SpaceFormat.pageCountMaximum, bytes.u32(at: SpaceFormat.Header.freeLimit) == size
        else {
            throw corrupt("size \(size) and free limit \(bytes.u32(at: SpaceFormat.Header.freeLimit)) are not possible")
        }
        let extents = size / SpaceFormat.extentPageCount
        for offset in [SpaceFormat.Header.free, SpaceFormat.Header.freeFragment, SpaceFormat.Header.fullFragment] {
            try checkBase(bytes.list(at: offset), extents, "on page 0 at \(offset)")
        }
        let fragmentPages = bytes.list(at: SpaceFormat.Header.freeFragment).length * SpaceFormat.extentPageCount
        guard bytes.u32(at: SpaceFormat.Header.fragmentUsedCount) <= fragmentPages else {
            throw corrupt("more fragment pages are used than there are")
        }
        for segment in Segment.allCases {
            let at = segment.inodeOffset
            guard inode.bytes.u64(at: at) == segment.id,
                inode.bytes.u32(at: at + SpaceFormat.Inode.magic) == SpaceFormat.Inode.magicValue
            else { throw corrupt("the inode of segment \(segment.id) is not one", SpaceFormat.inodePage) }
            try checkBase(notFull(segment).base, extents, "of segment \(segment.id), not full")
            try checkBase(full(segment).base, extents, "of segment \(segment.id), full")
            guard inode.bytes.u32(at: at + SpaceFormat.Inode.free) == 0,
                notFullUsedCount(segment) <= notFull(segment).base.length * SpaceFormat.extentPageCount
            else { throw corrupt("the counts of segment \(segment.id) are not possible", SpaceFormat.inodePage) }
        }
    }

    private func checkBase(_ base: ListBase, _ extents: UInt32, _ name: String) throws(RedoubtError) {
        let isEmpty = base.length == 0
        guard base.length <= extents, base.first.isNone == isEmpty, base.last.isNone == isEmpty,
            isEmpty || (isDescriptor(base.first) && isDescriptor(base.last))
        else { throw corrupt("the list of extents \(name) is broken: \(base)") }
    }

    private func isDescriptor(_ address: ListAddress) -> Bool {
        guard let start = SpaceFormat.extentStart(of: address) else { return false }
        return start.rawValue < header.bytes.u32(at: SpaceFormat.Header.pageCount)
    }

    /// Returns the free extents that a request needs at most, or nil if the file must grow for it.
    func extentsNeeded(leafPages: Int, nonLeafPages: Int, purpose: SpaceAllocator.Purpose) -> Int? {
        var fragments = 0
        var extents = 0
        for (segment, count) in [(Segment.leaf, leafPages), (.nonLeaf, nonLeafPages)] {
            let slots = min(count, freeFragmentSlots(segment))
            fragments += slots
            extents += (max(0, count - slots - unusedCount(segment)) + 63) / 64
        }
        let freeFragments = freeFragmentPages
        extents += (max(0, fragments - freeFragments) + 63) / 64
        let freeExtents = Int(free.base.length)
        if purpose == .cleaning { return extents <= freeExtents ? extents : nil }
        // The reserve of a space of one extent is a few single pages, else one extent.
        let leavesPages = freeFragments >= fragments + 4 && freeFragmentSlots(.nonLeaf) >= nonLeafPages + 4
        return extents < freeExtents || extents == 0 && leavesPages ? extents : nil
    }

    /// The free pages of shared extents.
    private var freeFragmentPages: Int {
        Int(freeFragment.base.length) * Int(SpaceFormat.extentPageCount)
            - Int(header.bytes.u32(at: SpaceFormat.Header.fragmentUsedCount))
    }

    /// The free pages of extents that `segment` owns, as its inode says.
    private func unusedCount(_ segment: Segment) -> Int {
        Int(notFull(segment).base.length) * Int(SpaceFormat.extentPageCount) - Int(notFullUsedCount(segment))
    }

    private func freeFragmentSlots(_ segment: Segment) -> Int {
        let base = segment.inodeOffset + SpaceFormat.Inode.fragments
        var count = 0
        for slot in 0..<Int(SpaceFormat.Inode.fragmentCount)
        where inode.bytes.u32(at: base + 4 * slot) == PageNumber.none.rawValue {
            count += 1
        }
        return count
    }

    /// Latches and checks the extents that allocating `pageCount` pages, `extents` of them free ones, may take or move.
    mutating func gatherForAllocation(
        _ mtr: inout MiniTransaction,
        pageCount: Int,
        extents: Int
    ) throws(RedoubtError) {
        try gatherHead(&mtr, free.base, extents * Int(SpaceFormat.extentPageCount), SpaceFormat.State.free, owner: 0)
        let fragments = try gatherHead(&mtr, freeFragment.base, pageCount, SpaceFormat.State.freeFragment, owner: 0)
        guard fragments >= min(pageCount, freeFragmentPages) else {
            throw corrupt("fewer fragment pages are free than page 0 says")
        }
        try latchNode(&mtr, fullFragment.base.last)
        for segment in Segment.allCases {
            let base = notFull(segment).base
            let found = try gatherHead(&mtr, base, pageCount, SpaceFormat.State.segment, owner: segment.id)
            guard found >= min(pageCount, unusedCount(segment)) else {
                throw corrupt("fewer pages of segment \(segment.id) are free than it says", SpaceFormat.inodePage)
            }
            try latchNode(&mtr, full(segment).base.last)
        }
    }

    /// Latches and checks the first extents of a list with room, until they have `pageCount` free pages, and its last;
    /// returns the free pages found.
    @discardableResult
    private mutating func gatherHead(
        _ mtr: inout MiniTransaction,
        _ base: ListBase,
        _ pageCount: Int,
        _ state: UInt32,
        owner: UInt64
    ) throws(RedoubtError) -> Int {
        try latchNode(&mtr, base.last)
        var address = base.first
        var before = ListAddress.none
        var found = 0
        for step in 0..<Int(base.length) where found < pageCount {
            let extent = try gatherExtent(&mtr, address)
            guard extent.state == state, extent.segmentID == owner, extent.freeCount > 0,
                step == 0 ? extent.previous.isNone : extent.previous == before,
                extent.next.isNone == (step + 1 == Int(base.length))
            else { throw corrupt("extent \(extent.start) does not belong in its list", extent.frame.pageID.number) }
            found += extent.freeCount
            before = address
            address = extent.next
        }
        return found
    }

    /// Latches the descriptor at `address` and its list neighbours.
    private mutating func gatherExtent(
        _ mtr: inout MiniTransaction,
        _ address: ListAddress
    ) throws(RedoubtError) -> ExtentDescriptor {
        try latchNode(&mtr, address)
        guard let extent = extent(at: address) else { throw corrupt("no extent is at \(address)") }
        try latchNode(&mtr, extent.previous)
        try latchNode(&mtr, extent.next)
        return extent
    }

    /// Latches the extent of `hint` and its neighbours, if there is one.
    mutating func gatherHint(_ mtr: inout MiniTransaction, _ hint: PageNumber) throws(RedoubtError) {
        for page in [hint.rawValue, hint.rawValue &+ 1]
        where page < header.bytes.u32(at: SpaceFormat.Header.pageCount) {
            let number = PageNumber(rawValue: page)
            try latchNode(&mtr, SpaceFormat.nodeAddress(of: number))
            // Full shared extents are in a list too, but a hint never moves them.
            if let extent = descriptor(of: number), extent.freeCount > 0 {
                try latchNode(&mtr, extent.previous)
                try latchNode(&mtr, extent.next)
            }
        }
    }

    /// Latches and checks what freeing `page`, which must belong to one of `owners`, may change.
    mutating func gatherForRelease(
        _ mtr: inout MiniTransaction,
        _ page: PageNumber,
        _ owners: [Segment]
    ) throws(RedoubtError) {
        let inInterval = page.rawValue % SpaceFormat.descriptorInterval
        guard page.rawValue < header.bytes.u32(at: SpaceFormat.Header.pageCount), inInterval > 1, page > .root else {
            throw corrupt("page \(page) cannot be freed: it is not a page of the tree", page)
        }
        let extent = try gatherExtent(&mtr, SpaceFormat.nodeAddress(of: page))
        guard !extent.isFree(Int(page.rawValue % SpaceFormat.extentPageCount)) else {
            throw corrupt("page \(page) is free, but something refers to it", page)
        }
        switch extent.state {
        case SpaceFormat.State.segment:
            guard let segment = owners.first(where: { $0.id == extent.segmentID }) else {
                throw corrupt("extent \(extent.start) belongs to segment \(extent.segmentID), but its page \(page) not")
            }
            try latchNode(&mtr, notFull(segment).base.last)
        case SpaceFormat.State.freeFragment, SpaceFormat.State.fullFragment:
            guard owners.contains(where: { fragmentSlot($0, holding: page) != nil }) else {
                throw corrupt("page \(page) does not belong to segment \(owners.map(\.id))", page)
            }
            try latchNode(&mtr, freeFragment.base.last)
        default:
            throw corrupt("extent \(extent.start) has state \(extent.state), but a page of it is in use", page)
        }
        try latchNode(&mtr, free.base.last)
    }

    /// Latches the descriptor page of `page`.
    mutating func latchDescriptorPage(_ mtr: inout MiniTransaction, of page: PageNumber) throws(RedoubtError) {
        try latchPage(&mtr, SpaceFormat.descriptorPage(of: page))
    }

    /// Latches the descriptor page that `address` is on.
    mutating func latchNode(_ mtr: inout MiniTransaction, _ address: ListAddress) throws(RedoubtError) {
        if address.isNone { return }
        guard isDescriptor(address) else { throw corrupt("list address \(address) is not a descriptor") }
        try latchPage(&mtr, address.page)
    }

    private mutating func latchPage(_ mtr: inout MiniTransaction, _ page: PageNumber) throws(RedoubtError) {
        if descriptorFrame(page) != nil { return }
        let frame = try mtr.latchExclusive(PageID(space: space.id, number: page))
        guard frame.bytes.type == .extentDescriptors else {
            throw corrupt("page \(page) is no descriptor page", page)
        }
        descriptors.append((page, frame))
    }

    func corrupt(_ message: String, _ page: PageNumber = SpaceFormat.headerPage) -> RedoubtError {
        RedoubtError(
            .corruptPage,
            "space management: \(message); check the database",
            page: PageID(space: space.id, number: page),
            path: space.path
        )
    }
}
