import RedoubtCore

/// Two neighbours under one parent: the right one's records go to the left one, and it is freed.
struct MergePair {
    let left: PageNumber
    let right: PageNumber
    let level: Int
    /// Whether the parent would be valid without this merge.
    var isOptional = false
}

/// What a merge of a leaf entails above it, decided while nodes stand still.
struct MergePlan {
    /// The pairs, leaves first.
    var pairs: [MergePair]
    /// The page that loses a pointer and is not merged itself.
    var top: PageNumber
    var topLevel: Int
    /// Whether the root is left with one pointer, and takes in the page below.
    var lowersRoot = false
}

extension Tree {
    /// Returns how the leaf at the end of `steps` can be merged, or nil if it cannot be now.
    ///
    /// Waits.
    ///
    /// A node loses the pointer to the right page of a pair. If fewer than two would be left, the node must be merged
    /// too; if it would be less than half full, it is merged if that can be.
    func planMerge(_ steps: [PathStep]) throws(RedoubtError) -> MergePlan? {
        guard steps.count >= 2 else { return nil }
        guard let leafPair = try leafPair(steps[steps.count - 1]) else { return nil }
        var plan = MergePlan(pairs: [leafPair], top: steps[steps.count - 2].page, topLevel: 1)
        var index = steps.count - 2
        while true {
            let step = steps[index]
            plan.top = step.page
            plan.topLevel = step.level
            if index == 0 {
                if step.recordCount == 2 { plan.lowersRoot = true }
                return step.recordCount >= 2 ? plan : nil
            }
            let size = try pointerSize(of: plan.pairs[plan.pairs.count - 1].right, on: step.page)
            let isValid = step.recordCount >= 3
            if isValid && step.dataByteCount - size >= Self.mergeLimit { return plan }
            if let pair = try nodePair(step, without: size, isOptional: isValid) {
                plan.pairs.append(pair)
                index -= 1
                continue
            }
            return isValid ? plan : withoutOptional(plan, steps)
        }
    }

    /// Undoes merges from the top until one is found that need not be; nil if all must be.
    private func withoutOptional(_ plan: MergePlan, _ steps: [PathStep]) -> MergePlan? {
        var plan = plan
        while plan.pairs.count > 1 {
            let pair = plan.pairs.removeLast()
            if pair.isOptional {
                let step = steps[steps.count - 1 - pair.level]
                plan.top = step.page
                plan.topLevel = step.level
                return plan
            }
        }
        return nil
    }

    private func leafPair(_ leaf: PathStep) throws(RedoubtError) -> MergePair? {
        let own = try leafContent(leaf.page)
        guard own.byteCount < Self.mergeLimit else { return nil }
        // A merged page that is all but full would be split by the next insert; a leaf without rows must go all the
        // same.
        let limit = own.count == 0 ? IndexPage.emptyCapacity : IndexPage.emptyCapacity - pageByteCount / 16
        for (left, right, other) in [
            (leaf.leftSibling, leaf.page, leaf.leftSibling), (leaf.page, leaf.rightSibling, leaf.rightSibling),
        ] {
            guard let left, let right, let other else { continue }
            let content = try leafContent(other)
            let total = own.byteCount + content.byteCount + IndexPage.directoryReserve(own.count + content.count)
            if total <= limit || own.count == 0 { return MergePair(left: left, right: right, level: 0) }
        }
        return nil
    }

    /// The visible rows of a leaf and their bytes.
    ///
    /// Waits.
    private func leafContent(_ number: PageNumber) throws(RedoubtError) -> (count: Int, byteCount: Int) {
        let frame = try kernel.pool.fetchShared(id(number), hint: SearchIndex.noFrame)
        defer { frame.unlockShared() }
        if let reason = nodeFault(frame, level: 0) { throw corrupt(number, reason) }
        return visibleContent(IndexPage(frame.bytes))
    }

    /// The visible rows of a latched leaf and their bytes.
    func visibleContent(_ page: IndexPage) -> (count: Int, byteCount: Int) {
        var count = page.recordCount
        var byteCount = page.dataByteCount
        var steps = count
        var origin = page.firstOrigin
        while origin != IndexPage.supremum, steps > 0 {
            let record = page.record(at: origin)
            if record.isDeleted {
                count -= 1
                byteCount -= record.byteCount
            }
            origin = record.next
            steps -= 1
        }
        return (count, byteCount)
    }

    private func pointerSize(of child: PageNumber, on parent: PageNumber) throws(RedoubtError) -> Int {
        let frame = try kernel.pool.fetchShared(id(parent), hint: SearchIndex.noFrame)
        defer { frame.unlockShared() }
        guard let record = pointer(to: child, in: IndexPage(frame.bytes)) else {
            throw corrupt(parent, "has no pointer to page \(child)")
        }
        return record.byteCount
    }

    private func nodePair(_ node: PathStep, without size: Int, isOptional: Bool) throws(RedoubtError) -> MergePair? {
        for (left, right, other) in [
            (node.leftSibling, node.page, node.leftSibling), (node.page, node.rightSibling, node.rightSibling),
        ] {
            guard let left, let right, let other else { continue }
            let frame = try kernel.pool.fetchShared(id(other), hint: SearchIndex.noFrame)
            defer { frame.unlockShared() }
            if let reason = nodeFault(frame, level: node.level) { throw corrupt(other, reason) }
            let page = IndexPage(frame.bytes)
            let count = page.recordCount + node.recordCount - 1
            let total = page.dataByteCount + node.dataByteCount - size + IndexPage.directoryReserve(count)
            if total <= IndexPage.emptyCapacity {
                return MergePair(left: left, right: right, level: node.level, isOptional: isOptional)
            }
        }
        return nil
    }

    /// Returns the pointer of `page` to `child`.
    func pointer(to child: PageNumber, in page: IndexPage) -> Record? {
        var steps = page.recordCount
        var origin = page.firstOrigin
        while origin != IndexPage.supremum, steps > 0 {
            let record = page.record(at: origin)
            if record.child == child { return record }
            origin = record.next
            steps -= 1
        }
        return nil
    }
}
