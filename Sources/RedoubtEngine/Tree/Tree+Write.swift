package import RedoubtCore
import RedoubtLog
import RedoubtSystem

/// What a write did.
package struct WriteResult: Sendable {
    /// Whether the condition held, or there was none.
    package var isApplied: Bool
    /// Whether there was a row before.
    package var existed: Bool
    /// The end of the redo to wait for; nil if nothing changed.
    package var end: LogSequenceNumber?
}

extension Tree {
    /// Gives `key` the value `value`.
    ///
    /// Waits.
    ///
    /// - Throws: `.keyTooLarge`, `.valueTooLarge`, `.diskFull`, `.fenced`, `.keyspaceNotFound`, `.corruptPage`,
    ///   `.readFailed`, `.poolExhausted`; nothing has changed then.
    @discardableResult
    package func put(
        _ key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer
    ) throws(RedoubtError) -> WriteResult {
        unsafe try put(key, value, if: .none)
    }

    /// Gives `key` the value `new`, or no value if `new` is nil, if its value is `expected` (nil: if there is none);
    /// one step for every other thread.
    ///
    /// Waits.
    @discardableResult
    package func compareAndPut(
        _ key: UnsafeRawBufferPointer,
        expected: UnsafeRawBufferPointer?,
        new: UnsafeRawBufferPointer?
    ) throws(RedoubtError) -> WriteResult {
        let condition: LeafChange.Condition
        if let expected = unsafe expected { condition = unsafe .equals(expected) } else { condition = .absent }
        if let new = unsafe new { return unsafe try put(key, new, if: condition) }
        unsafe try Self.checkKey(key)
        return unsafe try write(
            LeafChange(
                key: key,
                value: UnsafeRawBufferPointer(start: nil, count: 0),
                action: .delete,
                condition: condition
            )
        )
    }

    /// Removes `key`; the result says whether it had a value.
    ///
    /// Waits.
    @discardableResult
    package func delete(_ key: UnsafeRawBufferPointer) throws(RedoubtError) -> WriteResult {
        unsafe try Self.checkKey(key)
        return unsafe try write(
            LeafChange(key: key, value: UnsafeRawBufferPointer(start: nil, count: 0), action: .delete)
        )
    }

    /// Gives `key` a value of `byteCount` bytes that `source` hands over in order: it fills what it is given and
    /// returns how many bytes that were, at least one.
    ///
    /// Waits.
    ///
    /// No more than a few pages of the value are in memory at any time. The row changes after the last byte was read.
    /// - Throws: what `source` throws, besides the errors of ``put(_:_:)``; nothing has changed then.
    @discardableResult
    package func putStream(
        _ key: UnsafeRawBufferPointer,
        byteCount: Int,
        _ source: (UnsafeMutableRawBufferPointer) throws(RedoubtError) -> Int
    ) throws(RedoubtError) -> WriteResult {
        unsafe try Self.checkKey(key)
        try Self.checkValue(byteCount)
        if RecordImage.needsOffPage(key: key.count, value: byteCount) {
            return unsafe try putChain(key, byteCount: byteCount, if: .none, source)
        }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 1), alignment: 8)
        defer { unsafe memory.deallocate() }
        let value = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[0..<byteCount])
        unsafe try Self.fill(value, from: source)
        return unsafe try write(LeafChange(key: key, value: UnsafeRawBufferPointer(value), action: .put))
    }

    /// Fills `target` from a source of pieces.
    static func fill(
        _ target: UnsafeMutableRawBufferPointer,
        from source: (UnsafeMutableRawBufferPointer) throws(RedoubtError) -> Int
    ) throws(RedoubtError) {
        var filled = 0
        while filled < target.count {
            let count = unsafe try source(UnsafeMutableRawBufferPointer(rebasing: target[filled...]))
            precondition(count >= 1 && count <= target.count - filled, "a source of a value handed over \(count) bytes")
            filled += count
        }
    }

    private func put(
        _ key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer,
        if condition: LeafChange.Condition
    ) throws(RedoubtError) -> WriteResult {
        unsafe try Self.checkKey(key)
        try Self.checkValue(value.count)
        guard RecordImage.needsOffPage(key: key.count, value: value.count) else {
            return unsafe try write(LeafChange(key: key, value: value, action: .put, condition: condition))
        }
        var offset = 0
        return unsafe try putChain(key, byteCount: value.count, if: condition) { (target) throws(RedoubtError) in
            let count = target.count
            unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: value[offset..<offset + count]))
            offset += count
            return count
        }
    }

    private func putChain(
        _ key: UnsafeRawBufferPointer,
        byteCount: Int,
        if condition: LeafChange.Condition,
        _ source: (UnsafeMutableRawBufferPointer) throws(RedoubtError) -> Int
    ) throws(RedoubtError) -> WriteResult {
        try space.enter(kernel)
        defer { space.leave() }
        let chain = unsafe try writeChain(byteCount: byteCount, source)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: Record.referenceByteCount, alignment: 8)
        defer { unsafe memory.deallocate() }
        unsafe OffPageReference(space: space.id, firstPage: chain.firstPage, byteCount: UInt64(byteCount))
            .write(to: unsafe memory.baseAddress.unsafelyUnwrapped)
        let result: WriteResult
        do throws(RedoubtError) {
            result = unsafe try writeInside(
                LeafChange(
                    key: key,
                    value: UnsafeRawBufferPointer(memory),
                    action: .putReference,
                    condition: condition,
                    slot: chain.slot
                )
            )
        } catch {
            abandonChain(chain)
            throw error
        }
        if !result.isApplied { abandonChain(chain) }
        return result
    }

    /// Makes `change`, with a change of structure if it takes one.
    ///
    /// Waits.
    func write(_ change: LeafChange) throws(RedoubtError) -> WriteResult {
        try space.enter(kernel)
        defer { space.leave() }
        return try writeInside(change)
    }

    /// Makes `change`; the caller has entered the space.
    ///
    /// Waits.
    func writeInside(_ change: LeafChange) throws(RedoubtError) -> WriteResult {
        if Scheduling.breaks(.freesChainFirst) { try freeChainFirst(change) }
        var slotWait = SlotWait()
        defer { slotWait.end(kernel) }
        while true {
            let attempt = try writeOptimistically(change)
            if case .wait = attempt {
                // Every pending slot is taken by a value that some thread is writing or freeing.
                try slotWait.next(kernel, [self])
                continue
            }
            slotWait.end(kernel)
            switch attempt {
            case .done(let done):
                finish(change, done)
                return done.result
            case .split:
                if case .done(let done) = try growStructure(.row(change)) {
                    finish(change, done)
                    return done.result
                }
            case .wait: break
            }
        }
    }

    /// How an attempt to write a row ended.
    enum WriteAttempt {
        /// It is written, or need not be.
        case done(FinishedWrite)
        /// The leaf has no room.
        case split
        /// All pending slots are taken.
        case wait
    }

    /// A write that was committed, and what is left to do.
    struct FinishedWrite {
        /// For the caller.
        var result: WriteResult
        /// The chain that no row refers to any more.
        var freed: PendingChain?
        /// Whether the leaf may be merged now.
        var isSparse = false
    }

    /// Does what follows a commit and needs no atomicity: frees the replaced chain, merges the leaf.
    private func finish(_ change: LeafChange, _ done: FinishedWrite) {
        if let chain = done.freed { abandonChain(chain) }
        // The row is gone either way; a merge that fails now is tried again with the next delete.
        if done.isSparse { unsafe try? compress(change.key) }
    }

    private func writeOptimistically(_ change: LeafChange) throws(RedoubtError) -> WriteAttempt {
        var mtr = try MiniTransaction.begin(kernel, redoBytes: change.redoBytes, pins: 2)
        do throws(RedoubtError) {
            let leaf = unsafe try latchLeaf(.covering(change.key), exclusively: true)
            mtr.adopt(leaf)
            let plan = try plan(change, leaf)
            if plan.step == .nothing || plan.step == .split {
                mtr.rollback()
                if plan.step == .split { return .split }
                return .done(FinishedWrite(result: WriteResult(isApplied: plan.isMet, existed: plan.existed, end: nil)))
            }
            var freed: PendingChain?
            if change.slot != nil || plan.oldChain != nil {
                let header = try PendingChains.latchHeader(&mtr, space)
                guard moveChains(plan, change, &mtr, header, &freed) else {
                    mtr.rollback()
                    return .wait
                }
            }
            let isSparse = perform(plan, change, &mtr, leaf, noticing: true)
            let range = mtr.commit()
            let result = WriteResult(isApplied: true, existed: plan.existed, end: range?.end)
            return .done(FinishedWrite(result: result, freed: freed, isSparse: isSparse))
        } catch {
            mtr.rollback()
            throw error
        }
    }

    /// Frees the value that `change` is to replace, durably, while its row refers to it: a planted bug.
    private func freeChainFirst(_ change: LeafChange) throws(RedoubtError) {
        let leaf = unsafe try latchLeaf(.covering(change.key), exclusively: false)
        let found = unsafe IndexPage(leaf.bytes).search(change.key, .none)
        let record = IndexPage(leaf.bytes).record(at: found.predecessor)
        let isOffPage = found.isMatch && !record.isDeleted && record.isOffPage
        let first = isOffPage ? record.valueReference.firstPage : .none
        leaf.unlockShared()
        if first == .none { return }
        try freeChain(PendingChain(slot: PendingChains.slotCount - 1, firstPage: first))
        try kernel.log.waitUntilFlushed(kernel.log.currentLSN)
    }

    /// Performs `plan`; returns whether the leaf fell below another kibibyte under its half, and so may be merged.
    func perform(
        _ plan: LeafPlan,
        _ change: LeafChange,
        _ mtr: inout MiniTransaction,
        _ leaf: Frame,
        noticing: Bool
    ) -> Bool {
        let page = IndexPage(leaf.bytes)
        let before = page.dataByteCount
        perform(plan, change, &mtr, leaf)
        guard noticing, leaf.pageID.number != .root, plan.step != .insert else { return false }
        let after = page.dataByteCount
        return after < Self.mergeLimit && (plan.step == .mark || after >> 10 != before >> 10)
    }

    /// Pages with fewer bytes of records are merged when that can be: half a page, as InnoDB's default.
    static var mergeLimit: Int { pageByteCount / 2 }

    /// Clears the pending slot of the new chain and puts the old one into a slot; false if none is empty, and nothing
    /// has changed.
    func moveChains(
        _ plan: LeafPlan,
        _ change: LeafChange,
        _ mtr: inout MiniTransaction,
        _ header: Frame,
        _ freed: inout PendingChain?
    ) -> Bool {
        if let old = plan.oldChain {
            guard let slot = change.slot ?? PendingChains.emptySlot(header) else { return false }
            PendingChains.set(&mtr, header, slot: slot, page: old.firstPage, kind: .freeing)
            freed = PendingChain(slot: slot, firstPage: old.firstPage)
        } else if let slot = change.slot, !change.isStaged {
            PendingChains.clear(&mtr, header, slot: slot)
        }
        return true
    }
}
