import RedoubtCore
import RedoubtSystem

/// A change of structure that adds pages, from the moment when all it needs is latched and reserved: nothing here
/// fails.
///
/// `levels` are the latched pages from the lowest node with room (or the root) down to the leaf.
@safe
struct Growth: ~Copyable {
    private let tree: Tree
    private var levels: [LatchedLevel]
    private var reservation: SpaceReservation
    private let memory = StructureMemory()

    /// Reserves the pages; returns nil if the file must grow first.
    ///
    /// Waits for page 0 and the like.
    init?(
        _ tree: Tree,
        _ mtr: inout MiniTransaction,
        _ levels: [LatchedLevel],
        _ steps: [PathStep],
        _ header: Frame?
    ) throws(RedoubtError) {
        let raises = levels[0].frame.pageID.number == .root && (levels.count == 1 || !steps[0].isRoomy)
        let splitNodes = levels.count - 1 - (steps[steps.count - levels.count].isRoomy ? 1 : 0)
        let rootIsLeaf = steps.count == 1
        let leaf = levels[levels.count - 1].frame.pageID.number
        let prepared = try SpaceAllocator.prepare(
            &mtr,
            tree.space,
            leafPages: raises && rootIsLeaf ? 2 : 1,
            nonLeafPages: max(0, splitNodes) + (raises && !rootIsLeaf ? 1 : 0),
            near: PageNumber(rawValue: leaf.rawValue &+ 1),
            header: header
        )
        guard let prepared else { return nil }
        self.tree = tree
        self.levels = levels
        reservation = prepared
    }

    // MARK: Jobs

    /// Inserts the row of `change` on a leaf that has no room for it.
    mutating func insertRow(_ mtr: inout MiniTransaction, _ plan: LeafPlan, _ change: LeafChange) {
        let leaf = levels[levels.count - 1].frame
        let page = IndexPage(leaf.bytes)
        let found = unsafe page.search(change.key, .none)
        if found.isMatch { mtr.apply(.deleteRecord(origin: found.predecessor), to: leaf) }
        insert(&mtr, change.image)
    }

    /// Cuts the leaf in two halves.
    mutating func halve(_ mtr: inout MiniTransaction, _ key: UnsafeRawBufferPointer) {
        var index = levels.count - 1
        raiseRootIfNeeded(&mtr, &index)
        let page = IndexPage(levels[index].frame.bytes)
        let layout = SplitPoint.Layout(page, after: IndexPage.infimum)
        let leftCount = SplitPoint.bySize(layout.sizes, least: 1)
        let last = unsafe page.record(at: layout.origins[leftCount - 1]).key
        let first = unsafe page.record(at: layout.origins[leftCount]).key
        let length = unsafe TreeKey.separatorByteCount(last, first)
        let separator = unsafe memory.keep(UnsafeRawBufferPointer(rebasing: first[0..<length]), at: 0)
        let right = addRightPage(&mtr, index)
        move(&mtr, from: index, at: layout.origins[leftCount], to: right)
        unsafe insertPointer(&mtr, separator, right.pageID.number, at: &index)
    }

    /// Adds a leaf with `rows` on the right edge, or puts them into an empty root.
    mutating func append(_ mtr: inout MiniTransaction, _ rows: PackedRecords, _ firstKey: UnsafeRawBufferPointer) {
        var index = levels.count - 1
        let leaf = levels[index].frame
        guard let last = IndexPage(leaf.bytes).last else {
            unsafe mtr.apply(.insertRecords(predecessor: IndexPage.infimum, packed: rows.bytes), to: leaf)
            return
        }
        let length = unsafe TreeKey.separatorByteCount(last.key, firstKey)
        let separator = unsafe memory.keep(UnsafeRawBufferPointer(rebasing: firstKey[0..<length]), at: 0)
        raiseRootIfNeeded(&mtr, &index)
        let right = addRightPage(&mtr, index)
        unsafe mtr.apply(.insertRecords(predecessor: IndexPage.infimum, packed: rows.bytes), to: right)
        unsafe insertPointer(&mtr, separator, right.pageID.number, at: &index)
    }

    // MARK: Parts

    /// Inserts a record on the lowest level, splitting upwards as far as it takes.
    private mutating func insert(_ mtr: inout MiniTransaction, _ image: RecordImage) {
        var index = levels.count - 1
        if let (separator, child) = unsafe insertOrSplit(&mtr, image, at: &index, keepingAt: 0) {
            unsafe insertPointer(&mtr, separator, child, at: &index)
        }
    }

    /// Inserts a pointer to `child` above level `index`, splitting upwards as far as it takes.
    private mutating func insertPointer(
        _ mtr: inout MiniTransaction,
        _ key: UnsafeRawBufferPointer,
        _ child: PageNumber,
        at index: inout Int
    ) {
        var key = unsafe key
        var child = child
        var place = 1
        while true {
            precondition(index > 0, "a pointer to page \(child) has no latched node above it")
            index -= 1
            let image = unsafe RecordImage(key: key, child: child)
            guard let above = unsafe insertOrSplit(&mtr, image, at: &index, keepingAt: place) else { return }
            unsafe (key, child) = above
            place = 1 - place
        }
    }

    /// Inserts a record on level `index`; if it takes a split, returns the separator and the new right page.
    private mutating func insertOrSplit(
        _ mtr: inout MiniTransaction,
        _ image: RecordImage,
        at index: inout Int,
        keepingAt place: Int
    ) -> (UnsafeRawBufferPointer, PageNumber)? {
        let found = unsafe IndexPage(levels[index].frame.bytes).search(image.key, .none)
        if IndexPage(levels[index].frame.bytes).fitsAfterReorganize(image) && !wantsSplit(index) {
            let redoByteCount = mtr.redoByteCount
            tree.insert(image, after: found.predecessor, &mtr, levels[index].frame)
            if Scheduling.breaks(.linksUnlogged), index + 1 < levels.count { mtr.forgetRedo(behind: redoByteCount) }
            return nil
        }
        raiseRootIfNeeded(&mtr, &index)
        let frame = levels[index].frame
        let page = IndexPage(frame.bytes)
        let predecessor = unsafe page.search(image.key, .none).predecessor
        let layout = SplitPoint.Layout(page, after: predecessor)
        let point = SplitPoint.choose(page, layout, predecessor: predecessor, size: image.byteCount)
        let separator = unsafe separator(page, layout, point, image, keepingAt: place)
        let right = addRightPage(&mtr, index)
        let firstMoved = point.newGoesLeft ? point.leftCount - 1 : point.leftCount
        if firstMoved < layout.origins.count { move(&mtr, from: index, at: layout.origins[firstMoved], to: right) }
        let target = point.newGoesLeft ? frame : right
        let position = unsafe IndexPage(target.bytes).search(image.key, .none).predecessor
        tree.insert(image, after: position, &mtr, target)
        return unsafe (separator, right.pageID.number)
    }

    /// Whether the leaf is to be split although the record fits: the plan said so, to keep room for growing rows.
    private func wantsSplit(_ index: Int) -> Bool {
        let page = IndexPage(levels[index].frame.bytes)
        return page.isLeaf && page.recordCount >= 2
    }

    /// Returns a copy of the shortest separator between the two parts; of the whole first key on a node.
    private func separator(
        _ page: IndexPage,
        _ layout: SplitPoint.Layout,
        _ point: SplitPoint,
        _ image: RecordImage,
        keepingAt place: Int
    ) -> UnsafeRawBufferPointer {
        func key(_ index: Int) -> UnsafeRawBufferPointer {
            if index == point.newIndex { return unsafe image.key }
            return unsafe page.record(at: layout.origins[index < point.newIndex ? index : index - 1]).key
        }
        let first = unsafe key(point.leftCount)
        guard page.isLeaf else { return unsafe memory.keep(first, at: place) }
        let length = unsafe TreeKey.separatorByteCount(key(point.leftCount - 1), first)
        return unsafe memory.keep(UnsafeRawBufferPointer(rebasing: first[0..<length]), at: place)
    }

    /// Makes an empty page of the same level and links it on the right of level `index`.
    private mutating func addRightPage(_ mtr: inout MiniTransaction, _ index: Int) -> Frame {
        let left = levels[index]
        let number = left.frame.pageID.number
        let right = allocate(
            &mtr,
            level: IndexPage(left.frame.bytes).level,
            near: PageNumber(rawValue: number.rawValue &+ 1)
        )
        let after = left.frame.bytes.next
        mtr.apply(.setSiblings(previous: number, next: after), to: right)
        mtr.apply(.setSiblings(previous: left.frame.bytes.previous, next: right.pageID.number), to: left.frame)
        if let neighbour = left.right {
            mtr.apply(.setSiblings(previous: right.pageID.number, next: neighbour.bytes.next), to: neighbour)
        }
        return right
    }

    /// Moves the records from `origin` on of level `index` to the empty page `right`.
    private func move(_ mtr: inout MiniTransaction, from index: Int, at origin: Int, to right: Frame) {
        let frame = levels[index].frame
        var records = memory.records()
        let isWhole = records.append(IndexPage(frame.bytes), from: origin)
        precondition(isWhole, "the records of page \(frame.pageID) do not fit a page")
        unsafe mtr.apply(.insertRecords(predecessor: IndexPage.infimum, packed: records.bytes), to: right)
        mtr.apply(.deleteFrom(origin: origin), to: frame)
    }

    /// If level `index` is the root: moves its records to a new page below it, which becomes level `index`.
    private mutating func raiseRootIfNeeded(_ mtr: inout MiniTransaction, _ index: inout Int) {
        let root = levels[index].frame
        guard root.pageID.number == .root else { return }
        let page = IndexPage(root.bytes)
        let level = page.level
        let below = allocate(&mtr, level: level, near: .none)
        var records = memory.records()
        let isWhole = records.append(page, from: page.firstOrigin)
        precondition(isWhole, "the records of page \(root.pageID) do not fit a page")
        if records.recordCount > 0 {
            unsafe mtr.apply(.insertRecords(predecessor: IndexPage.infimum, packed: records.bytes), to: below)
        }
        // The first pointer of a level needs no key; above level 1 it has that of its child's first pointer.
        let first = IndexPage(below.bytes).first
        let key: UnsafeRawBufferPointer
        if level > 0, let first {
            unsafe key = first.key
        } else {
            unsafe key = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        tree.resetRoot(&mtr, root, level: level + 1)
        unsafe mtr.apply(
            .insertRecord(
                predecessor: IndexPage.infimum,
                image: RecordImage(key: key, child: below.pageID.number, isMinimum: true)
            ),
            to: root
        )
        levels.insert(LatchedLevel(frame: below, right: nil), at: index + 1)
        index += 1
    }

    /// Takes a page and makes it an empty one of `level`.
    private mutating func allocate(_ mtr: inout MiniTransaction, level: Int, near hint: PageNumber) -> Frame {
        let number = SpaceAllocator.allocate(&mtr, &reservation, level == 0 ? .leaf : .nonLeaf, hint: hint)
        let frame = tree.unwrapCreated(&mtr, number)
        mtr.apply(.initializeIndex(level: UInt16(level), indexID: tree.space.indexID), to: frame)
        return frame
    }
}

extension Tree {
    /// Empties the root and gives it another level; its segment headers stay.
    func resetRoot(_ mtr: inout MiniTransaction, _ root: Frame, level: Int) {
        let count = 20
        unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { segments in
            unsafe segments.copyMemory(from: root.bytes.bytes(at: IndexPage.Offset.leafSegment, count: count))
            mtr.apply(.initializeIndex(level: UInt16(level), indexID: space.indexID), to: root)
            unsafe mtr.apply(
                .writeBytes(offset: IndexPage.Offset.leafSegment, bytes: UnsafeRawBufferPointer(segments)),
                to: root
            )
        }
    }
}
