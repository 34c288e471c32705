import RedoubtCore
import RedoubtSystem

extension Space {
    /// Grows the file by one extent, by four from 32 extents on.
    ///
    /// Waits for the file system.
    ///
    /// The file is long enough before the mini-transaction that says so; a crash between the two leaves a file that is
    /// longer than FSP_SIZE, which is harmless. Page writes never grow a file, so a full disk always meets a caller
    /// here.
    ///
    /// - Precondition: the caller holds no latch and no mini-transaction.
    /// - Throws: `.diskFull`, `.fenced`, `.corruptPage`, or another error of the file system; nothing has changed then.
    func extend(_ kernel: Kernel) throws(RedoubtError) {
        let before = pageCount
        let wait = kernel.waits.begin(.spaceExtension)
        defer { kernel.waits.end(wait) }
        extensionLock.lock()
        defer { extensionLock.unlock() }
        // Someone else has grown it meanwhile: let the caller try again.
        if pageCount != before { return }
        let extents: UInt32 = before < 32 * SpaceFormat.extentPageCount ? 1 : 4
        let after = before + extents * SpaceFormat.extentPageCount
        guard after <= SpaceFormat.pageCountMaximum else {
            throw RedoubtError(.diskFull, "the tablespace has reached its greatest size of \(before) pages", path: path)
        }
        try kernel.health.check()
        if !Scheduling.breaks(.extendsAfterSaying) { try file.extend(to: UInt64(after) * UInt64(pageByteCount)) }
        kernel.files.file(id)?.grow(to: after)
        var mtr = try MiniTransaction.begin(kernel, redoBytes: 4096, pins: 16)
        let prepared: SpaceReservation
        do throws(RedoubtError) {
            prepared = try prepareExtension(&mtr, before: before)
        } catch {
            mtr.rollback()
            throw error
        }
        do throws(RedoubtError) {
            try addExtents(&mtr, prepared, from: before, to: after)
        } catch {
            preconditionFailure("space \(id): \(error)")
        }
        _ = mtr.commit()
        if Scheduling.breaks(.extendsAfterSaying) { try file.extend(to: UInt64(after) * UInt64(pageByteCount)) }
        setPageCount(after)
    }

    private func prepareExtension(
        _ mtr: inout MiniTransaction,
        before: UInt32
    ) throws(RedoubtError) -> SpaceReservation {
        guard let prepared = try SpaceAllocator.prepare(&mtr, self) else {
            preconditionFailure("preparing for nothing needs no room")
        }
        var reservation = prepared
        guard reservation.header.bytes.u32(at: SpaceFormat.Header.pageCount) == before else {
            throw reservation.corrupt("the size on page 0 is not \(before)")
        }
        try reservation.latchNode(&mtr, reservation.free.base.last)
        try reservation.latchNode(&mtr, reservation.freeFragment.base.last)
        if before % SpaceFormat.descriptorInterval != 0 {
            try reservation.latchDescriptorPage(&mtr, of: PageNumber(rawValue: before))
        }
        // Pages of descriptors are made after the first change.
        try mtr.reserveFrames(2)
        return reservation
    }

    /// Creates the descriptors of the pages from `before` to `after`, and says on page 0 that they exist.
    private func addExtents(
        _ mtr: inout MiniTransaction,
        _ prepared: SpaceReservation,
        from before: UInt32,
        to after: UInt32
    ) throws(RedoubtError) {
        var reservation = prepared
        for start in stride(from: before, to: after, by: Int(SpaceFormat.extentPageCount)) {
            let page = PageNumber(rawValue: start)
            let holdsDescriptors = start % SpaceFormat.descriptorInterval == 0
            if holdsDescriptors {
                let frame = try mtr.create(PageID(space: id, number: page))
                mtr.apply(.initialize(type: .extentDescriptors), to: frame)
                reservation.descriptors.append((page, frame))
                let bitmap = try mtr.create(PageID(space: id, number: PageNumber(rawValue: start + 1)))
                mtr.apply(.initialize(type: .changeBufferBitmap), to: bitmap)
            }
            guard let extent = reservation.descriptor(of: page) else {
                preconditionFailure("extent \(start) of space \(id) has no latched descriptor")
            }
            for word in 0..<2 {
                mtr.write64(extent.frame, extent.offset + SpaceFormat.Descriptor.bitmap + 8 * word, .max)
            }
            if holdsDescriptors {
                extent.setState(&mtr, SpaceFormat.State.freeFragment)
                extent.setFree(&mtr, 0, false)
                extent.setFree(&mtr, 1, false)
                reservation.freeFragment.append(&mtr, extent, reservation)
                let used = reservation.header.bytes.u32(at: SpaceFormat.Header.fragmentUsedCount)
                mtr.write32(reservation.header, SpaceFormat.Header.fragmentUsedCount, used + 2)
            } else {
                extent.setState(&mtr, SpaceFormat.State.free)
                reservation.free.append(&mtr, extent, reservation)
            }
        }
        mtr.write32(reservation.header, SpaceFormat.Header.pageCount, after)
        mtr.write32(reservation.header, SpaceFormat.Header.freeLimit, after)
    }
}
