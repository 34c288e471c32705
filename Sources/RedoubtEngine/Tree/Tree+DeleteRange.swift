package import RedoubtCore
import RedoubtLog
import RedoubtSystem

extension Tree {
    /// What a range delete did.
    package struct RangeResult: Sendable {
        /// The rows removed.
        package var count = 0
        /// The end of the redo to wait for, which is that of all that was seen; nil if nothing changed.
        package var end: LogSequenceNumber?
    }

    /// Removes every row with a key in `from..<to`; nil bounds are open.
    ///
    /// Waits.
    ///
    /// Rows go in ascending order, those of one leaf in one atomic step: other threads, and a recovery, may see the
    /// beginning of the range gone and the end still there. Rows put into the range meanwhile may stay.
    /// - Throws: as ``delete(_:)``; what was removed by then stays removed.
    @discardableResult
    package func deleteRange(
        from: UnsafeRawBufferPointer?,
        to: UnsafeRawBufferPointer?
    ) throws(RedoubtError) -> RangeResult {
        try space.enter(kernel)
        defer { space.leave() }
        var result = RangeResult()
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.keyByteCountMaximum,
            alignment: 8
        )
        defer { unsafe memory.deallocate() }
        var slotWait = SlotWait()
        defer { slotWait.end(kernel) }
        var start = unsafe from
        while true {
            var step = RangeStep()
            unsafe try deleteLeafRange(start, to, memory, &step)
            result.count += step.count
            if let end = step.end { result.end = end }
            if let chain = step.freed { abandonChain(chain) }
            if step.resumeByteCount > 0 {
                unsafe start = UnsafeRawBufferPointer(rebasing: memory[0..<step.resumeByteCount])
                if step.isSparse, let start = unsafe start { unsafe try? compress(start) }
            }
            if step.waits { try slotWait.next(kernel, [self]) } else { slotWait.end(kernel) }
            if step.isLast {
                // Rows behind those of the last step may be gone because of commits that came after it.
                if result.end != nil { result.end = kernel.log.currentLSN }
                return result
            }
        }
    }

    private struct RangeStep {
        var count = 0
        var end: LogSequenceNumber?
        var freed: PendingChain?
        var isSparse = false
        var isLast = false
        var waits = false
        /// The length of the key to go on at, in the caller's memory; 0 to go on at the same key.
        var resumeByteCount = 0
    }

    /// Removes rows of one leaf, up to the first with a chain; the key of the last row removed is where to go on.
    private func deleteLeafRange(
        _ from: UnsafeRawBufferPointer?,
        _ to: UnsafeRawBufferPointer?,
        _ memory: UnsafeMutableRawBufferPointer,
        _ step: inout RangeStep
    ) throws(RedoubtError) {
        // The first row is sought with a cursor, which also passes leaves without rows.
        var cursor = Cursor(self)
        let found =
            if let from = unsafe from { unsafe try cursor.seek(.greaterOrEqual, from) } else {
                unsafe try cursor.first()
            }
        guard found, unsafe to.map({ unsafe TreeKey.compare(cursor.key, $0) < 0 }) ?? true else {
            step.isLast = true
            return
        }
        unsafe memory.copyMemory(from: cursor.key)
        step.resumeByteCount = unsafe cursor.key.count
        let first = unsafe UnsafeRawBufferPointer(rebasing: memory[0..<step.resumeByteCount])
        var mtr = try MiniTransaction.begin(kernel, redoBytes: pageByteCount + 4096, pins: 2)
        do throws(RedoubtError) {
            let leaf = unsafe try latchLeaf(.covering(first), exclusively: true)
            mtr.adopt(leaf)
            let doomed = unsafe rowsToDelete(leaf, first, to)
            if doomed.isEmpty {
                mtr.rollback()
                return
            }
            var header: Frame?
            var chain: OffPageReference?
            let record = IndexPage(leaf.bytes).record(at: doomed[0])
            if record.isOffPage {
                chain = try checkedChain(record.valueReference, leaf.pageID.number)
                let frame = try PendingChains.latchHeader(&mtr, space)
                guard PendingChains.emptySlot(frame) != nil else {
                    mtr.rollback()
                    step.waits = true
                    return
                }
                header = frame
            }
            if let header, let chain, let slot = PendingChains.emptySlot(header) {
                PendingChains.set(&mtr, header, slot: slot, page: chain.firstPage, kind: .freeing)
                step.freed = PendingChain(slot: slot, firstPage: chain.firstPage)
            }
            remove(doomed, &mtr, leaf)
            step.count = doomed.count
            step.isSparse =
                leaf.pageID.number != .root && IndexPage(leaf.bytes).dataByteCount < Self.mergeLimit
            step.end = mtr.commit()?.end
        } catch {
            mtr.rollback()
            throw error
        }
    }

    /// The origins of the visible rows of `leaf` from `first` to below `to`: one with a chain, or all up to such a one.
    private func rowsToDelete(
        _ leaf: Frame,
        _ first: UnsafeRawBufferPointer,
        _ to: UnsafeRawBufferPointer?
    ) -> [Int] {
        let page = IndexPage(leaf.bytes)
        let found = unsafe page.search(first, .none)
        var origin = found.isMatch ? found.predecessor : page.record(at: found.predecessor).next
        var origins: [Int] = []
        while origin != IndexPage.supremum, origins.count < page.recordCount {
            let record = page.record(at: origin)
            if let to = unsafe to, unsafe TreeKey.compare(record.key, to) >= 0 { break }
            if !record.isDeleted {
                if record.isOffPage {
                    if origins.isEmpty { origins.append(origin) }
                    break
                }
                origins.append(origin)
            }
            origin = record.next
        }
        return origins
    }

    /// Removes records; the last of a leaf that is not the root becomes a mark.
    private func remove(_ origins: [Int], _ mtr: inout MiniTransaction, _ leaf: Frame) {
        for origin in origins {
            let page = IndexPage(leaf.bytes)
            if page.recordCount > 1 || leaf.pageID.number == .root {
                mtr.apply(.deleteRecord(origin: origin), to: leaf)
            } else {
                let nothing = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
                unsafe mtr.apply(
                    .replaceRecord(
                        origin: origin,
                        image: RecordImage(key: nothing, value: nothing, infoBits: Record.Bits.deleted)
                    ),
                    to: leaf
                )
            }
        }
    }
}
