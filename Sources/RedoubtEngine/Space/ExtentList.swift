import RedoubtCore

/// A doubly linked list of extents; the base is on page 0 or in an inode, the nodes are in the descriptors.
///
/// InnoDB: `flst_*`.
struct ExtentList {
    /// The page of the base.
    let frame: Frame
    /// The offset of the base.
    let offset: Int

    var base: ListBase { frame.bytes.list(at: offset) }

    /// Adds the extent at the end.
    func append(_ mtr: inout MiniTransaction, _ extent: ExtentDescriptor, _ reservation: SpaceReservation) {
        let base = base
        let node = extent.node
        let at = extent.offset + SpaceFormat.Descriptor.node
        mtr.writeAddress(extent.frame, at, base.last)
        mtr.writeAddress(extent.frame, at + 6, .none)
        if base.last.isNone {
            mtr.writeAddress(frame, offset + 4, node)
        } else {
            mtr.writeAddress(reservation.frame(of: base.last), Int(base.last.offset) + 6, node)
        }
        mtr.writeAddress(frame, offset + 10, node)
        mtr.write32(frame, offset, base.length &+ 1)
    }

    /// Takes the extent out; its node keeps the old addresses, which the next ``append(_:_:_:)`` overwrites.
    func remove(_ mtr: inout MiniTransaction, _ extent: ExtentDescriptor, _ reservation: SpaceReservation) {
        let (previous, next) = (extent.previous, extent.next)
        if previous.isNone {
            mtr.writeAddress(frame, offset + 4, next)
        } else {
            mtr.writeAddress(reservation.frame(of: previous), Int(previous.offset) + 6, next)
        }
        if next.isNone {
            mtr.writeAddress(frame, offset + 10, previous)
        } else {
            mtr.writeAddress(reservation.frame(of: next), Int(next.offset), previous)
        }
        mtr.write32(frame, offset, base.length &- 1)
    }
}

extension SpaceReservation {
    /// The extents in which no page is used.
    var free: ExtentList { ExtentList(frame: header, offset: SpaceFormat.Header.free) }
    /// The extents of single pages with room.
    var freeFragment: ExtentList { ExtentList(frame: header, offset: SpaceFormat.Header.freeFragment) }
    /// The full extents of single pages.
    var fullFragment: ExtentList { ExtentList(frame: header, offset: SpaceFormat.Header.fullFragment) }

    /// The extents of `segment` with room.
    func notFull(_ segment: Segment) -> ExtentList {
        ExtentList(frame: inode, offset: segment.inodeOffset + SpaceFormat.Inode.notFull)
    }

    /// The full extents of `segment`.
    func full(_ segment: Segment) -> ExtentList {
        ExtentList(frame: inode, offset: segment.inodeOffset + SpaceFormat.Inode.full)
    }
}
