import RedoubtCore
import RedoubtSystem

/// Changes of structure that free pages.
extension Tree {
    /// Merges the leaf that covers `key` with a neighbour if it is below half and that can be done; again and again
    /// as long as the result has no rows.
    ///
    /// Waits.
    func compress(_ key: UnsafeRawBufferPointer) throws(RedoubtError) {
        space.treeLock.lock(.treeLock, in: kernel.waits)
        defer { space.treeLock.unlock() }
        while unsafe try mergeOnce(key) {}
    }

    /// One merge; returns whether the merged leaf is without rows, and so should be merged again.
    ///
    /// Waits.
    private func mergeOnce(_ key: UnsafeRawBufferPointer) throws(RedoubtError) -> Bool {
        guard let plan = unsafe try planMerge(path(.covering(key))) else { return false }
        let levelCount = plan.pairs.count + 1
        var mtr = try MiniTransaction.begin(
            kernel,
            redoBytes: growthRedoBytes(levelCount),
            pins: 3 * levelCount + 1 + SpaceAllocator.pinCount(space)
        )
        do throws(RedoubtError) {
            let top = try mtr.latchExclusive(id(plan.top))
            var latched: [LatchedPair] = []
            for pair in plan.pairs.reversed() { latched.append(try latchPair(&mtr, pair)) }
            guard stillFits(latched[latched.count - 1]) else {
                mtr.rollback()
                return false
            }
            var freed = plan.pairs.map { $0.right }
            var owners: [Segment] = plan.pairs.map { $0.level == 0 ? .leaf : .nonLeaf }
            if plan.lowersRoot {
                freed.append(plan.pairs[plan.pairs.count - 1].left)
                owners.append(owners[owners.count - 1])
            }
            guard
                var reservation = try SpaceAllocator.prepare(
                    &mtr,
                    space,
                    freeing: freed,
                    owners: owners,
                    purpose: .cleaning
                )
            else { preconditionFailure("freeing needs no room") }
            let memory = StructureMemory()
            for index in latched.indices.reversed() {
                let pair = latched[index]
                let parents = index == 0 ? [top] : [latched[index - 1].left, latched[index - 1].right]
                merge(&mtr, pair, memory)
                removePointer(&mtr, to: pair.right.pageID.number, from: parents)
                SpaceAllocator.free(&mtr, &reservation, pair.right, pair.level == 0 ? .leaf : .nonLeaf)
            }
            if plan.lowersRoot {
                let below = latched[0]
                lowerRoot(&mtr, top, below.left, memory)
                SpaceAllocator.free(&mtr, &reservation, below.left, below.level == 0 ? .leaf : .nonLeaf)
            }
            let leaf = latched[latched.count - 1].left
            let isEmpty =
                !(plan.lowersRoot && plan.pairs.count == 1) && visibleContent(IndexPage(leaf.bytes)).count == 0
            _ = mtr.commit()
            return isEmpty
        } catch {
            mtr.rollback()
            throw error
        }
    }

    private struct LatchedPair {
        let left: Frame
        let right: Frame
        let after: Frame?
        let level: Int
    }

    private func latchPair(
        _ mtr: inout MiniTransaction,
        _ pair: MergePair
    ) throws(RedoubtError) -> LatchedPair {
        let left = try mtr.latchExclusive(id(pair.left))
        if let reason = nodeFault(left, level: pair.level) { throw corrupt(pair.left, reason) }
        guard left.bytes.next == pair.right else {
            throw corrupt(pair.left, "has \(left.bytes.next) as its right sibling, but its parent says \(pair.right)")
        }
        let right = try latchNeighbour(&mtr, left, pair.right, level: pair.level)
        var after: Frame?
        if right.bytes.next != .none {
            guard right.bytes.next != pair.left else { throw corrupt(pair.right, "is its own neighbour's neighbour") }
            after = try latchNeighbour(&mtr, right, right.bytes.next, level: pair.level)
        }
        return LatchedPair(left: left, right: right, after: after, level: pair.level)
    }

    /// Whether the rows of two latched leaves fit one page, leaf contents having changed since the plan.
    private func stillFits(_ pair: LatchedPair) -> Bool {
        let left = visibleContent(IndexPage(pair.left.bytes))
        let right = visibleContent(IndexPage(pair.right.bytes))
        let total = left.byteCount + right.byteCount + IndexPage.directoryReserve(left.count + right.count)
        return total <= IndexPage.emptyCapacity && min(left.byteCount, right.byteCount) < Self.mergeLimit
    }

    /// Moves the records of the right page to the end of the left one, marks excepted, and takes it out of its level.
    private func merge(_ mtr: inout MiniTransaction, _ pair: LatchedPair, _ memory: borrowing StructureMemory) {
        let left = IndexPage(pair.left.bytes)
        let right = IndexPage(pair.right.bytes)
        var records = memory.records()
        append(right, to: &records)
        if pair.level == 0 {
            // One mark stays if there is nothing else: no leaf is ever empty.
            dropMarks(&mtr, pair.left, keepingOne: records.recordCount == 0)
        }
        if records.recordCount > 0 {
            if !left.fits(byteCount: records.heapByteCount, count: records.recordCount) {
                mtr.apply(.reorganize, to: pair.left)
            }
            let last = left.predecessor(of: IndexPage.supremum)
            unsafe mtr.apply(.insertRecords(predecessor: last, packed: records.bytes), to: pair.left)
        }
        let redoByteCount = mtr.redoByteCount
        mtr.apply(.setSiblings(previous: left.previous, next: right.next), to: pair.left)
        if Scheduling.breaks(.mergesUnlogged) { mtr.forgetRedo(behind: redoByteCount) }
        if let after = pair.after {
            mtr.apply(.setSiblings(previous: pair.left.pageID.number, next: after.bytes.next), to: after)
        }
    }

    /// Appends all records of `page` that are not marks.
    private func append(_ page: IndexPage, to records: inout PackedRecords) {
        var origin = page.firstOrigin
        var steps = page.recordCount
        while origin != IndexPage.supremum, steps > 0 {
            let record = page.record(at: origin)
            if !record.isDeleted {
                let fits = records.append(RecordImage(record))
                precondition(fits, "the records of a page do not fit a page")
            }
            origin = record.next
            steps -= 1
        }
    }

    private func dropMarks(_ mtr: inout MiniTransaction, _ frame: Frame, keepingOne: Bool) {
        let page = IndexPage(frame.bytes)
        var keeps = keepingOne && visibleContent(page).count == 0
        var origin = page.firstOrigin
        var steps = page.recordCount
        while origin != IndexPage.supremum, steps > 0 {
            let record = page.record(at: origin)
            let next = record.next
            if record.isDeleted {
                if keeps { keeps = false } else { mtr.apply(.deleteRecord(origin: origin), to: frame) }
            }
            origin = next
            steps -= 1
        }
    }

    private func removePointer(_ mtr: inout MiniTransaction, to child: PageNumber, from parents: [Frame]) {
        for parent in parents {
            if let record = pointer(to: child, in: IndexPage(parent.bytes)) {
                mtr.apply(.deleteRecord(origin: record.origin), to: parent)
                return
            }
        }
        preconditionFailure("no pointer to page \(id(child)), although its merge was planned")
    }

    /// Moves the records of the only page below the root into the root.
    private func lowerRoot(
        _ mtr: inout MiniTransaction,
        _ root: Frame,
        _ below: Frame,
        _ memory: borrowing StructureMemory
    ) {
        let page = IndexPage(below.bytes)
        var records = memory.records()
        append(page, to: &records)
        resetRoot(&mtr, root, level: page.level)
        if records.recordCount > 0 {
            unsafe mtr.apply(.insertRecords(predecessor: IndexPage.infimum, packed: records.bytes), to: root)
        }
    }
}
