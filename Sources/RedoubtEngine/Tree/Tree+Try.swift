package import RedoubtCore
import RedoubtLog

// For callers that must not wait: do it now, or say that it takes a thread that may wait. Such an answer has changed
// nothing, and the call that waits then finds out whatever is wrong.
extension Tree {
    /// How an attempt without waiting ended.
    package enum Attempt<Result> {
        /// It is done.
        case done(Result)
        /// It takes waiting: for a page, a latch, credit or a change of structure.
        case wouldWait
    }

    /// Returns a copy of the value of `key`, or nil if there is none, as long as that needs no waiting: every page on
    /// the way is in memory, no writer is in the way, and the value stands in its leaf.
    ///
    /// - Throws: `.keyTooLarge`.
    package func tryGetCopy(_ key: UnsafeRawBufferPointer) throws(RedoubtError) -> Attempt<[UInt8]?> {
        unsafe try Self.checkKey(key)
        guard let leaf = unsafe tryReachLeaf(key, exclusively: false) else { return .wouldWait }
        defer { leaf.unlockShared() }
        let page = IndexPage(leaf.bytes)
        let found = unsafe page.search(key, kernel.pool.searchIndex(for: leaf))
        guard found.isMatch else { return .done(nil) }
        let record = page.record(at: found.predecessor)
        if record.isDeleted { return .done(nil) }
        let value = TreeValue(record: record, tree: self)
        return value.isInline ? .done(try value.copy()) : .wouldWait
    }

    /// Gives `key` the value `value`, as long as that needs no waiting: besides what ``tryGetCopy(_:)`` asks for, there
    /// is redo capacity, room in the log buffer and in the leaf.
    ///
    /// - Throws: `.keyTooLarge`, `.valueTooLarge`, `.fenced`, `.keyspaceNotFound`; nothing has changed then.
    package func tryPut(
        _ key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer
    ) throws(RedoubtError) -> Attempt<WriteResult> {
        unsafe try Self.checkKey(key)
        try Self.checkValue(value.count)
        if RecordImage.needsOffPage(key: key.count, value: value.count) { return .wouldWait }
        return unsafe try tryWrite(LeafChange(key: key, value: value, action: .put))
    }

    /// Removes `key`, as long as that needs no waiting; the result says whether it had a value.
    ///
    /// - Throws: `.keyTooLarge`, `.fenced`, `.keyspaceNotFound`; nothing has changed then.
    package func tryDelete(_ key: UnsafeRawBufferPointer) throws(RedoubtError) -> Attempt<WriteResult> {
        unsafe try Self.checkKey(key)
        return unsafe try tryWrite(
            LeafChange(key: key, value: UnsafeRawBufferPointer(start: nil, count: 0), action: .delete)
        )
    }

    private func tryWrite(_ change: LeafChange) throws(RedoubtError) -> Attempt<WriteResult> {
        guard try space.tryEnter() else { return .wouldWait }
        defer { space.leave() }
        guard kernel.log.takesGroupsAtOnce,
            var mtr = try MiniTransaction.tryBegin(kernel, redoBytes: change.redoBytes, pins: 1)
        else { return .wouldWait }
        guard let leaf = unsafe tryReachLeaf(change.key, exclusively: true) else {
            mtr.rollback()
            return .wouldWait
        }
        mtr.adopt(leaf)
        // What is wrong with the page is found again, and reported, by the call that waits.
        guard let plan = try? plan(change, leaf), plan.step != .split, plan.oldChain == nil,
            !wouldMerge(plan, change, leaf)
        else {
            mtr.rollback()
            return .wouldWait
        }
        if plan.step == .nothing {
            mtr.rollback()
            return .done(WriteResult(isApplied: plan.isMet, existed: plan.existed, end: nil))
        }
        perform(plan, change, &mtr, leaf)
        let range = mtr.commit()
        return .done(WriteResult(isApplied: true, existed: plan.existed, end: range?.end))
    }

    /// Whether the leaf may have to be merged after `plan`: work for a thread that may wait.
    private func wouldMerge(_ plan: LeafPlan, _ change: LeafChange, _ leaf: Frame) -> Bool {
        guard leaf.pageID.number != .root else { return false }
        switch plan.step {
        case .nothing, .split, .insert, .unmark: return false
        case .mark: return true
        case .replace, .reinsert, .remove:
            let page = IndexPage(leaf.bytes)
            let added = plan.step == .remove ? 0 : change.image.byteCount
            let before = page.dataByteCount
            let after = before - page.record(at: plan.origin).byteCount + added
            return after < Self.mergeLimit && after >> 10 != before >> 10
        }
    }

    /// Returns the leaf for `key`, latched, if every page on the way is in memory and no writer is in the way.
    private func tryReachLeaf(_ key: UnsafeRawBufferPointer, exclusively: Bool) -> Frame? {
        guard BufferPool.readsOptimistically,
            var (node, version) = kernel.pool.tryFetchOptimistic(rootID, hint: space.rootHint)
        else { return nil }
        var level = IndexPage(node.bytes).level
        let rootFault = nodeFault(node, level: level)
        guard node.validate(version), rootFault == nil else { return nil }
        if level == 0 { return tryLatchLeaf(.root, hint: node.index, exclusively: exclusively) }
        let target = unsafe DescentTarget.covering(key)
        while level > 1 {
            let found = child(of: node, node.pageID, for: target)
            guard node.validate(version),
                let (next, nextVersion) = kernel.pool.tryFetchOptimistic(id(found.child), hint: found.frame)
            else { return nil }
            let fault = nodeFault(next, level: level &- 1)
            // The child was the child when its version was taken, and `fault` was judged at that version.
            guard node.validate(version), next.validate(nextVersion), fault == nil else { return nil }
            (node, version) = (next, nextVersion)
            level &-= 1
        }
        let found = child(of: node, node.pageID, for: target)
        guard node.validate(version),
            let leaf = tryLatchLeaf(found.child, hint: found.frame, exclusively: exclusively)
        else { return nil }
        guard node.validate(version) else {
            leaf.unlock(exclusively: exclusively)
            return nil
        }
        return leaf
    }

    /// Latches page `number` if it is in memory, its latch is free, and it is a leaf of this tree.
    private func tryLatchLeaf(_ number: PageNumber, hint: UInt32, exclusively: Bool) -> Frame? {
        guard let leaf = kernel.pool.tryFetch(id(number), hint: hint, exclusively: exclusively) else { return nil }
        if nodeFault(leaf, level: 0) == nil { return leaf }
        leaf.unlock(exclusively: exclusively)
        return nil
    }
}
