import RedoubtCore

/// Gives pages of a space to the segments of its tree and takes them back.
///
/// InnoDB: `fseg_alloc_free_page`.
///
/// A mini-transaction first *prepares*: it latches page 0, the inode page and every descriptor that may change, checks
/// them and makes sure of the room. After that nothing fails. A segment takes its first 32 pages one by one from shared
/// (fragment) extents, then whole extents.
///
/// ## Concurrency
/// Page 0, latched exclusively, serialises all changes of a space's management pages; the others follow it in any
/// order. Page 0 is latched after all pages of the tree.
enum SpaceAllocator {
    /// What pages are taken for.
    enum Purpose: Sendable {
        /// Growth: leaves a reserve.
        case insert
        /// A delete or a merge: may use the reserve, so that it works on a full disk.
        case cleaning
    }

    /// The most bytes of redo that allocating or freeing one page logs, for credits.
    static let redoBytesPerPage = 384

    /// The pins that preparing takes for `space` at most, when `pages` pages are allocated and freed together.
    static func pinCount(_ space: Space, pages: Int = 16) -> Int {
        // Lists have neighbours: three descriptor pages a page, and the ends of all lists.
        3 + min(Int(space.pageCount / SpaceFormat.descriptorInterval), 3 * pages + 24)
    }

    /// Latches and checks what allocating `leafPages` and `nonLeafPages` pages and freeing the pages `freeing` may
    /// change, and takes the frames of the new pages.
    ///
    /// Changes nothing.
    ///
    /// - Parameters:
    ///   - owners: the segment of each page of `freeing`; nil where any will do.
    ///   - hint: a page near which allocation will be asked for.
    ///   - header: page 0, if this mini-transaction has latched it already.
    /// - Precondition: the caller holds `space.treeLock` and has latched its tree pages.
    /// - Returns: nil if the space must be extended first: roll back, call `space.extend(kernel)`, begin again.
    /// - Throws: `.corruptPage` if the management pages contradict themselves, `.readFailed`; `.poolExhausted`,
    ///   `.diskFull` or `.fenced` if there are no frames for the pages.
    static func prepare(
        _ mtr: inout MiniTransaction,
        _ space: Space,
        leafPages: Int = 0,
        nonLeafPages: Int = 0,
        freeing: [PageNumber] = [],
        owners: [Segment]? = nil,
        near hint: PageNumber = .none,
        purpose: Purpose = .insert,
        header: Frame? = nil
    ) throws(RedoubtError) -> SpaceReservation? {
        let headerFrame: Frame
        if let header {
            headerFrame = header
        } else {
            headerFrame = try mtr.latchExclusive(PageID(space: space.id, number: SpaceFormat.headerPage))
        }
        let inode = try mtr.latchExclusive(PageID(space: space.id, number: SpaceFormat.inodePage))
        var reservation = SpaceReservation(space: space, header: headerFrame, inode: inode)
        try reservation.checkHeader()
        if leafPages > 0 || nonLeafPages > 0 {
            let needed = reservation.extentsNeeded(leafPages: leafPages, nonLeafPages: nonLeafPages, purpose: purpose)
            guard let needed else { return nil }
            try reservation.gatherForAllocation(&mtr, pageCount: leafPages + nonLeafPages, extents: needed)
            // One free extent is the reserve.
            reservation.spareExtents = Int(reservation.free.base.length) - needed - 1
            if hint != .none { try reservation.gatherHint(&mtr, hint) }
            reservation.remaining = (nonLeafPages, leafPages)
        }
        for (index, page) in freeing.enumerated() {
            try reservation.gatherForRelease(&mtr, page, owners.map { [$0[index]] } ?? Segment.allCases)
        }
        // Last, when no more pages are read for which these frames would be missing.
        if leafPages + nonLeafPages > 0 { try mtr.reserveFrames(leafPages + nonLeafPages) }
        return reservation
    }

    /// Takes a page for `segment`: `hint` itself if it is free, else one in its extent, else any.
    ///
    /// - Precondition: the reservation was prepared for this page.
    /// - Returns: the page, whose content is undefined: create and initialise it.
    static func allocate(
        _ mtr: inout MiniTransaction,
        _ reservation: inout SpaceReservation,
        _ segment: Segment,
        hint: PageNumber = .none
    ) -> PageNumber {
        if segment == .leaf { reservation.remaining.leaf -= 1 } else { reservation.remaining.nonLeaf -= 1 }
        precondition(
            reservation.remaining.leaf >= 0 && reservation.remaining.nonLeaf >= 0,
            "more pages of space \(reservation.space.id) allocated than prepared"
        )
        if let extent = reservation.usableHint(hint, segment) {
            return reservation.takeFromSegment(&mtr, extent, segment, from: hint)
        }
        // Fragment pages first, as long as the segment owns no extent with room.
        let notFull = reservation.notFull(segment).base
        let slot = reservation.freeFragmentSlot(segment)
        if notFull.length == 0 || hint == .none, let slot {
            return reservation.takeFragment(&mtr, segment, slot: slot, hint: hint)
        }
        if reservation.spareExtents > 0, let extent = reservation.freeHint(hint, segment) {
            reservation.spareExtents -= 1
            return reservation.takeExtent(&mtr, extent, segment, from: hint)
        }
        if notFull.length > 0, let extent = reservation.extent(at: notFull.first) {
            return reservation.takeFromSegment(&mtr, extent, segment, from: extent.start)
        }
        guard let extent = reservation.extent(at: reservation.free.base.first) else {
            preconditionFailure("space \(reservation.space.id) has no free extent although one was reserved")
        }
        return reservation.takeExtent(&mtr, extent, segment, from: extent.start)
    }

    /// Gives back the page in `frame`, which the mini-transaction has latched, and drops its content.
    ///
    /// - Precondition: the page is among those that the reservation was prepared to free.
    static func free(
        _ mtr: inout MiniTransaction,
        _ reservation: inout SpaceReservation,
        _ frame: Frame,
        _ segment: Segment
    ) {
        let page = frame.pageID.number
        mtr.apply(.freePage, to: frame)
        reservation.release(&mtr, page, segment)
    }
}
