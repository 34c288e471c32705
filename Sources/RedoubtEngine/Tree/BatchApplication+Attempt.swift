import RedoubtCore
import RedoubtLog
import RedoubtSystem

extension BatchApplication {
    /// One attempt to latch all leaves and change all rows.
    ///
    /// Waits only if `isPatient`.
    mutating func attempt(isPatient: Bool) throws(RedoubtError) -> Attempt {
        var locked: [Tree] = []
        if isPatient {
            locked = trees.sorted { $0.space.id < $1.space.id }
            for tree in locked { tree.space.treeLock.lock(.treeLock, in: kernel.waits) }
        }
        defer { for tree in locked.reversed() { tree.space.treeLock.unlock() } }
        var redoBytes = 1024
        // Nodes are only visited while nothing is latched.
        var places: [LeafPlace] = []
        places.reserveCapacity(rows.count)
        var tree = trees[rows[0].tree]
        for index in rows.indices {
            if index > 0, rows[index].tree != rows[index - 1].tree { tree = trees[rows[index].tree] }
            let key = unsafe rows[index].change.key
            unsafe redoBytes += key.count + rows[index].change.value.count + TreeBatch.redoBytesPerRow
            guard let place = unsafe try tree.locateLeaf(key) else { return .retry(nil) }
            places.append(place)
        }
        var mtr = try MiniTransaction.begin(kernel, redoBytes: redoBytes, pins: rows.count + trees.count)
        do throws(RedoubtError) {
            var groups: [Group] = []
            if let failed = try latchAll(&mtr, places, &groups, isPatient: isPatient) {
                mtr.rollback()
                return failed
            }
            var plans: [LeafPlan] = []
            plans.reserveCapacity(rows.count)
            // All that need room get it before the next attempt, which begins at the beginning.
            var roomless: [Range<Int>] = []
            for index in groups.indices {
                if index + 1 < groups.count { groups[index + 1].leaf.prefetchSearchIndex() }
                if try !planGroup(&groups[index], &plans) { roomless.append(groups[index].rows) }
            }
            if !roomless.isEmpty {
                mtr.rollback()
                return .noRoom(roomless)
            }
            var headers: [Frame?] = Array(repeating: nil, count: trees.count)
            guard try latchHeaders(&mtr, plans, &headers) else {
                mtr.rollback()
                return .wait
            }
            change(&mtr, groups, plans, headers)
            return .done(mtr.commit()?.end)
        } catch {
            mtr.rollback()
            throw error
        }
    }

    /// Latches the leaves of all rows in order; returns how it failed, if it did.
    private func latchAll(
        _ mtr: inout MiniTransaction,
        _ places: [LeafPlace],
        _ groups: inout [Group],
        isPatient: Bool
    ) throws(RedoubtError) -> Attempt? {
        groups.reserveCapacity(rows.count)
        var tree = trees[rows[0].tree]
        for index in rows.indices {
            let treeIndex = rows[index].tree
            let place = places[index]
            if let last = groups.last {
                if last.tree != treeIndex {
                    tree = trees[treeIndex]
                } else if last.leaf.pageID.number == place.page {
                    if !isPatient, let parent = place.parent, !parent.validate(place.version) { return .retry(nil) }
                    groups[groups.count - 1].rows = last.rows.lowerBound..<index + 1
                    continue
                }
            }
            if isPatient {
                let frame = try mtr.latchExclusive(tree.id(place.page), hint: place.frame.index)
                groups.append(Group(tree: treeIndex, leaf: frame, rows: index..<index + 1))
            } else {
                guard tryLatch(place.frame) else { return .retry(place.frame) }
                guard place.frame.pageID == tree.id(place.page),
                    place.parent?.validate(place.version) ?? (IndexPage(place.frame.bytes).level == 0)
                else {
                    place.frame.unlockExclusive()
                    return .retry(nil)
                }
                mtr.adopt(place.frame)
                groups.append(Group(tree: treeIndex, leaf: place.frame, rows: index..<index + 1))
            }
            let leaf = groups[groups.count - 1].leaf
            if let reason = tree.nodeFault(leaf, level: 0) { throw tree.corrupt(place.page, reason) }
        }
        return nil
    }

    private func tryLatch(_ frame: Frame) -> Bool {
        for _ in 0..<64 {
            if frame.tryLockExclusive() { return true }
            Scheduling.spinOnce()
        }
        return false
    }

    /// Appends the plans of the rows of one leaf; returns false if they do not fit it together.
    private func planGroup(_ group: inout Group, _ plans: inout [LeafPlan]) throws(RedoubtError) -> Bool {
        let page = IndexPage(group.leaf.bytes)
        let tree = trees[group.tree]
        var byteCount = page.dataByteCount
        var count = page.recordCount
        let isAlone = group.rows.count == 1
        group.hasLastingPlans = true
        for index in group.rows {
            let change = rows[index].change
            let plan = try tree.plan(change, group.leaf)
            plans.append(plan)
            if isAlone && plan.step != .split { return true }
            if !plan.keepsPlaces { group.hasLastingPlans = false }
            if change.action == .delete {
                // A delete may leave a mark, so its room is not counted as free.
                continue
            }
            let size = change.image.byteCount
            if plan.isMatch {
                byteCount += max(0, size - page.record(at: plan.origin).byteCount)
            } else {
                byteCount += size
                count += 1
            }
        }
        return byteCount + IndexPage.directoryReserve(count) <= IndexPage.emptyCapacity
    }

    /// Latches page 0 of every space whose chains change hands, in order; returns false if one has too few empty slots.
    private func latchHeaders(
        _ mtr: inout MiniTransaction,
        _ plans: [LeafPlan],
        _ headers: inout [Frame?]
    ) throws(RedoubtError) -> Bool {
        for index in trees.indices.sorted(by: { trees[$0].space.id < trees[$1].space.id }) {
            var wanted = 0
            var held = 0
            var isInvolved = false
            for (row, plan) in zip(rows, plans) where row.tree == index {
                isInvolved = isInvolved || row.chain != nil || plan.oldChain != nil
                held += row.chain != nil ? 1 : 0
                wanted += plan.oldChain != nil && row.chain == nil ? 1 : 0
            }
            guard isInvolved else { continue }
            let header = try PendingChains.latchHeader(&mtr, trees[index].space)
            headers[index] = header
            let taken = PendingChains.list(header.bytes).count
            if wanted + held > PendingChains.slotCount {
                throw RedoubtError(
                    .batchTooLarge,
                    "a batch removes \(wanted) values off their page and writes \(held) to other rows of the keyspace; "
                        + "both together may be \(PendingChains.slotCount)"
                )
            }
            if wanted > PendingChains.slotCount - taken { return false }
        }
        return true
    }

    /// Changes all rows.
    ///
    /// Deletes and rows that shrink come first in each leaf, so that the others find their room.
    private mutating func change(
        _ mtr: inout MiniTransaction,
        _ groups: [Group],
        _ plans: [LeafPlan],
        _ headers: [Frame?]
    ) {
        for group in groups {
            let tree = trees[group.tree]
            for index in group.rows {
                guard let header = headers[group.tree] else { break }
                var chain: PendingChain?
                let moved = tree.moveChains(plans[index], rows[index].change, &mtr, header, &chain)
                precondition(moved, "a pending slot was counted, but is not there")
                if let chain { freed.append((group.tree, chain)) }
            }
            for index in group.rows where rows[index].change.action == .delete {
                let plan = group.hasLastingPlans ? plans[index] : nil
                if changeRow(&mtr, tree, group.leaf, index, plan) { sparse.append(index) }
            }
            for index in group.rows where rows[index].change.action != .delete {
                let plan = group.hasLastingPlans ? plans[index] : nil
                if changeRow(&mtr, tree, group.leaf, index, plan) { sparse.append(index) }
            }
        }
    }

    /// Changes one row by `plan`, or without one as the leaf is now; returns whether the leaf may be merged.
    private func changeRow(
        _ mtr: inout MiniTransaction,
        _ tree: Tree,
        _ leaf: Frame,
        _ index: Int,
        _ lasting: LeafPlan?
    ) -> Bool {
        let change = rows[index].change
        let plan: LeafPlan
        do throws(RedoubtError) {
            if let lasting { plan = lasting } else { plan = try tree.plan(change, leaf) }
        } catch {
            preconditionFailure("a row that was planned cannot be: \(error)")
        }
        if plan.step != .split { return tree.perform(plan, change, &mtr, leaf, noticing: true) }
        // The plan of a single put keeps room for others; here the room was counted.
        let found = unsafe IndexPage(leaf.bytes).search(change.key, .none)
        if found.isMatch { mtr.apply(.deleteRecord(origin: found.predecessor), to: leaf) }
        let predecessor = unsafe IndexPage(leaf.bytes).search(change.key, .none).predecessor
        tree.insert(change.image, after: predecessor, &mtr, leaf)
        return false
    }
}
