import RedoubtCore

/// One page on the way from the root to a leaf, as the holder of `treeLock` found it: nodes stand still for it, leaves'
/// contents do not.
struct PathStep {
    /// The page.
    let page: PageNumber
    /// Its level.
    let level: Int
    /// The child pages left and right of it under the same parent.
    let leftSibling: PageNumber?
    let rightSibling: PageNumber?
    /// The number of records.
    let recordCount: Int
    /// The bytes of the records.
    let dataByteCount: Int
    /// Whether a node has room for one more pointer of any size.
    let isRoomy: Bool
}

/// A page that a change of structure has latched exclusively, and its right neighbour, whose link changes if it splits.
struct LatchedLevel {
    var frame: Frame
    var right: Frame?
}

extension Tree {
    /// Returns the pages from the root to the leaf for `target`, the leaf last.
    ///
    /// Waits.
    ///
    /// - Precondition: the caller holds `treeLock` and no latch.
    func path(_ target: DescentTarget) throws(RedoubtError) -> [PathStep] {
        var steps: [PathStep] = []
        var number = PageNumber.root
        var left: PageNumber?
        var right: PageNumber?
        var expected: Int?
        while true {
            let frame = try kernel.pool.fetchShared(id(number), hint: SearchIndex.noFrame)
            defer { frame.unlockShared() }
            let page = IndexPage(frame.bytes)
            let level = page.level
            if let reason = nodeFault(frame, level: expected ?? level) { throw corrupt(number, reason) }
            let room = page.maximumInsertSizeAfterReorganize()
            steps.append(
                PathStep(
                    page: number,
                    level: level,
                    leftSibling: left,
                    rightSibling: right,
                    recordCount: page.recordCount,
                    dataByteCount: page.dataByteCount,
                    isRoomy: room >= Self.pointerByteCountMaximum
                )
            )
            if level == 0 { return steps }
            let origin = pointer(in: page, for: target)
            left = page.record(before: origin)?.child
            right = page.record(after: origin)?.child
            number = page.record(at: origin).child
            expected = level - 1
        }
    }

    /// The size of the largest pointer.
    static var pointerByteCountMaximum: Int { RecordImage.nodeByteCount(key: keyByteCountMaximum) }

    /// Latches the pages of `steps` that an insert into the leaf may change: from the lowest node with room
    /// downwards.
    ///
    /// Waits.
    func latchForGrowth(
        _ mtr: inout MiniTransaction,
        _ steps: [PathStep]
    ) throws(RedoubtError) -> [LatchedLevel] {
        var first = steps.count - 1
        while first > 0 {
            first -= 1
            if steps[first].isRoomy { break }
        }
        var levels: [LatchedLevel] = []
        for index in first..<steps.count {
            let frame = try mtr.latchExclusive(id(steps[index].page))
            if let reason = nodeFault(frame, level: steps[index].level) { throw corrupt(steps[index].page, reason) }
            var right: Frame?
            let splits = index == steps.count - 1 || !steps[index].isRoomy
            if splits, frame.bytes.next != .none {
                right = try latchNeighbour(&mtr, frame, frame.bytes.next, level: steps[index].level)
            }
            levels.append(LatchedLevel(frame: frame, right: right))
        }
        return levels
    }

    /// Latches the right neighbour `number` of the page in `frame`.
    ///
    /// Waits.
    func latchNeighbour(
        _ mtr: inout MiniTransaction,
        _ frame: Frame,
        _ number: PageNumber,
        level: Int
    ) throws(RedoubtError) -> Frame {
        let own = frame.bytes.number
        guard number != own, number != .root, number.rawValue < space.pageCount else {
            throw corrupt(own, "has page \(number) as its right sibling")
        }
        let right = try mtr.latchExclusive(id(number))
        if let reason = nodeFault(right, level: level) { throw corrupt(number, reason) }
        guard right.bytes.previous == own else {
            throw corrupt(
                number,
                "has page \(right.bytes.previous) as its left sibling, but is the right one of \(own)"
            )
        }
        return right
    }
}
