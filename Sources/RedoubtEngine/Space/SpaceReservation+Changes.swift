import RedoubtCore

/// The changes that allocation and release make, on pages that prepare has latched and checked.
extension SpaceReservation {
    /// Returns the extent whose list node is at `address`, if it is latched.
    func extent(at address: ListAddress) -> ExtentDescriptor? {
        guard let start = SpaceFormat.extentStart(of: address) else { return nil }
        return descriptor(of: start)
    }

    /// Whether both list neighbours of `extent` are latched or none, so that it may be moved between lists.
    func isMovable(_ extent: ExtentDescriptor) -> Bool {
        (extent.previous.isNone || descriptorFrame(extent.previous.page) != nil)
            && (extent.next.isNone || descriptorFrame(extent.next.page) != nil)
    }

    /// Returns the extent of `hint` if `segment` owns it and it has room.
    func usableHint(_ hint: PageNumber, _ segment: Segment) -> ExtentDescriptor? {
        guard hint.rawValue < space.pageCount, let extent = descriptor(of: hint),
            extent.state == SpaceFormat.State.segment, extent.segmentID == segment.id,
            extent.freeCount > 0, isMovable(extent)
        else { return nil }
        return extent
    }

    /// Returns the extent of `hint` if it is free and `segment` has used nearly all of the extents it owns.
    func freeHint(_ hint: PageNumber, _ segment: Segment) -> ExtentDescriptor? {
        guard hint.rawValue < space.pageCount, let extent = descriptor(of: hint),
            extent.state == SpaceFormat.State.free, isMovable(extent)
        else { return nil }
        let base = notFull(segment).base
        let owned = (UInt64(base.length) + UInt64(full(segment).base.length)) * UInt64(SpaceFormat.extentPageCount)
        let unused = UInt64(base.length) * UInt64(SpaceFormat.extentPageCount) &- UInt64(notFullUsedCount(segment))
        return unused * 8 <= owned ? extent : nil
    }

    /// The used pages of the extents of `segment` that have room.
    func notFullUsedCount(_ segment: Segment) -> UInt32 {
        inode.bytes.u32(at: segment.inodeOffset + SpaceFormat.Inode.notFullUsedCount)
    }

    /// Returns the first empty place in the fragment array of `segment`, or nil if all 32 are taken.
    func freeFragmentSlot(_ segment: Segment) -> Int? {
        fragmentSlot(segment, holding: .none)
    }

    /// Returns the place in the fragment array of `segment` that holds `page`, or nil.
    func fragmentSlot(_ segment: Segment, holding page: PageNumber) -> Int? {
        let base = segment.inodeOffset + SpaceFormat.Inode.fragments
        for slot in 0..<Int(SpaceFormat.Inode.fragmentCount)
        where inode.bytes.u32(at: base + 4 * slot) == page.rawValue {
            return base + 4 * slot
        }
        return nil
    }

    /// Takes a page of an extent that `segment` owns.
    func takeFromSegment(
        _ mtr: inout MiniTransaction,
        _ extent: ExtentDescriptor,
        _ segment: Segment,
        from hint: PageNumber
    ) -> PageNumber {
        guard let index = extent.firstFree(from: Int(hint.rawValue % SpaceFormat.extentPageCount)) else {
            preconditionFailure(
                "extent \(extent.start) of space \(space.id) is full, but in a list of extents with room"
            )
        }
        let countOffset = segment.inodeOffset + SpaceFormat.Inode.notFullUsedCount
        extent.setFree(&mtr, index, false)
        if extent.freeCount == 0 {
            notFull(segment).remove(&mtr, extent, self)
            full(segment).append(&mtr, extent, self)
            mtr.write32(inode, countOffset, notFullUsedCount(segment) &- (SpaceFormat.extentPageCount - 1))
        } else {
            mtr.write32(inode, countOffset, notFullUsedCount(segment) &+ 1)
        }
        return PageNumber(rawValue: extent.start.rawValue + UInt32(index))
    }

    /// Gives the free extent `extent` to `segment` and takes a page of it.
    func takeExtent(
        _ mtr: inout MiniTransaction,
        _ extent: ExtentDescriptor,
        _ segment: Segment,
        from hint: PageNumber
    ) -> PageNumber {
        free.remove(&mtr, extent, self)
        extent.setState(&mtr, SpaceFormat.State.segment, segmentID: segment.id)
        notFull(segment).append(&mtr, extent, self)
        return takeFromSegment(&mtr, extent, segment, from: hint)
    }

    /// Takes a page of a shared extent for place `slot` of the fragment array of `segment`.
    func takeFragment(
        _ mtr: inout MiniTransaction,
        _ segment: Segment,
        slot: Int,
        hint: PageNumber
    ) -> PageNumber {
        var extent: ExtentDescriptor
        if hint.rawValue < space.pageCount, let near = descriptor(of: hint),
            near.state == SpaceFormat.State.freeFragment, near.freeCount > 0, isMovable(near)
        {
            extent = near
        } else if let first = self.extent(at: freeFragment.base.first) {
            extent = first
        } else {
            guard let fresh = self.extent(at: free.base.first) else {
                preconditionFailure("space \(space.id) has no free extent although one was reserved")
            }
            free.remove(&mtr, fresh, self)
            fresh.setState(&mtr, SpaceFormat.State.freeFragment)
            freeFragment.append(&mtr, fresh, self)
            extent = fresh
        }
        let from = hint.rawValue / SpaceFormat.extentPageCount == extent.start.rawValue / SpaceFormat.extentPageCount
        guard let index = extent.firstFree(from: from ? Int(hint.rawValue % SpaceFormat.extentPageCount) : 0) else {
            preconditionFailure(
                "extent \(extent.start) of space \(space.id) is full, but in a list of extents with room"
            )
        }
        extent.setFree(&mtr, index, false)
        let used = header.bytes.u32(at: SpaceFormat.Header.fragmentUsedCount)
        if extent.freeCount == 0 {
            freeFragment.remove(&mtr, extent, self)
            extent.setState(&mtr, SpaceFormat.State.fullFragment)
            fullFragment.append(&mtr, extent, self)
            mtr.write32(header, SpaceFormat.Header.fragmentUsedCount, used &- (SpaceFormat.extentPageCount - 1))
        } else {
            mtr.write32(header, SpaceFormat.Header.fragmentUsedCount, used &+ 1)
        }
        let page = PageNumber(rawValue: extent.start.rawValue + UInt32(index))
        mtr.write32(inode, slot, page.rawValue)
        return page
    }

    /// Gives `page` of `segment` back.
    func release(_ mtr: inout MiniTransaction, _ page: PageNumber, _ segment: Segment) {
        guard let extent = descriptor(of: page) else {
            preconditionFailure("page \(page) of space \(space.id) was freed, but not prepared")
        }
        let index = Int(page.rawValue % SpaceFormat.extentPageCount)
        precondition(!extent.isFree(index), "page \(page) of space \(space.id) was freed twice")
        if extent.state == SpaceFormat.State.segment {
            releaseInSegment(&mtr, extent, index, segment)
        } else {
            releaseFragment(&mtr, extent, index, segment)
        }
    }

    private func releaseInSegment(
        _ mtr: inout MiniTransaction,
        _ extent: ExtentDescriptor,
        _ index: Int,
        _ segment: Segment
    ) {
        precondition(
            extent.segmentID == segment.id,
            "extent \(extent.start) of space \(space.id) belongs to segment \(extent.segmentID), not \(segment)"
        )
        let countOffset = segment.inodeOffset + SpaceFormat.Inode.notFullUsedCount
        if extent.freeCount == 0 {
            full(segment).remove(&mtr, extent, self)
            notFull(segment).append(&mtr, extent, self)
            mtr.write32(inode, countOffset, notFullUsedCount(segment) &+ (SpaceFormat.extentPageCount - 1))
        } else {
            mtr.write32(inode, countOffset, notFullUsedCount(segment) &- 1)
        }
        extent.setFree(&mtr, index, true)
        if extent.freeCount == Int(SpaceFormat.extentPageCount) {
            notFull(segment).remove(&mtr, extent, self)
            extent.setState(&mtr, SpaceFormat.State.free)
            free.append(&mtr, extent, self)
        }
    }

    private func releaseFragment(
        _ mtr: inout MiniTransaction,
        _ extent: ExtentDescriptor,
        _ index: Int,
        _ segment: Segment
    ) {
        let page = PageNumber(rawValue: extent.start.rawValue + UInt32(index))
        guard let slot = fragmentSlot(segment, holding: page) else {
            preconditionFailure("page \(page) of space \(space.id) is not a fragment page of segment \(segment)")
        }
        mtr.write32(inode, slot, PageNumber.none.rawValue)
        let used = header.bytes.u32(at: SpaceFormat.Header.fragmentUsedCount)
        if extent.freeCount == 0 {
            fullFragment.remove(&mtr, extent, self)
            extent.setState(&mtr, SpaceFormat.State.freeFragment)
            freeFragment.append(&mtr, extent, self)
            mtr.write32(header, SpaceFormat.Header.fragmentUsedCount, used &+ (SpaceFormat.extentPageCount - 1))
        } else {
            mtr.write32(header, SpaceFormat.Header.fragmentUsedCount, used &- 1)
        }
        extent.setFree(&mtr, index, true)
        if extent.freeCount == Int(SpaceFormat.extentPageCount) {
            freeFragment.remove(&mtr, extent, self)
            extent.setState(&mtr, SpaceFormat.State.free)
            free.append(&mtr, extent, self)
        }
    }
}
