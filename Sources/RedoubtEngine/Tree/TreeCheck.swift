import RedoubtCore

/// Checks the tree of one space: every page by itself, levels, sibling links both ways, separators, order across pages,
/// minimum flags, chains of values; and collects the pages that it reaches, each of which must be reached once.
///
/// Goes down and right with one copied page a level, so memory is bounded by the height; no recursion.
///
/// The caller holds `treeLock`. Rows may change meanwhile; chains of pending slots are only right while nobody writes.
struct TreeCheck {
    /// A copied node whose children are being visited.
    @safe
    private final class Node {
        let memory: UnsafeMutableRawPointer
        let number: PageNumber
        let level: Int
        /// Bounds of the keys below; nil is open.
        let lower: [UInt8]?
        let upper: [UInt8]?
        let isLeftmost: Bool
        var origin: Int
        var stepsLeft: Int

        init(
            _ frame: Frame,
            number: PageNumber,
            level: Int,
            lower: [UInt8]?,
            upper: [UInt8]?,
            isLeftmost: Bool
        ) {
            unsafe memory = .allocate(byteCount: pageByteCount + 16, alignment: 16)
            unsafe PageBytes(memory).copyPage(from: frame.bytes)
            self.number = number
            self.level = level
            self.lower = lower
            self.upper = upper
            self.isLeftmost = isLeftmost
            origin = IndexPage(frame.bytes).firstOrigin
            stepsLeft = IndexPage(frame.bytes).recordCount
        }

        deinit {
            unsafe memory.deallocate()
        }

        var page: IndexPage { unsafe IndexPage(PageBytes(memory)) }
    }

    /// Where a page is named: what leads to it.
    private struct Place {
        let page: PageNumber
        let offset: Int

        /// Says so, behind a finding about the page that it leads to.
        var note: String { "(page \(page), offset \(offset) leads to it)" }
    }

    /// A page that is to be visited.
    private struct Visit {
        let number: PageNumber
        /// The pointer to it; nil for the root.
        let from: Place?
        let level: Int
        let lower: [UInt8]?
        let upper: [UInt8]?
        let isLeftmost: Bool
    }

    /// The page of a level that was visited last, and what it says is next.
    private struct Neighbour {
        let number: PageNumber
        let next: PageNumber
    }

    private let tree: Tree
    private var findings: [CheckFinding] = []
    private var pages: [Segment: PageSet] = [:]
    private var last: [Int: Neighbour] = [:]
    private static let findingMaximum = 1000

    private init(_ tree: Tree) {
        self.tree = tree
        for segment in Segment.allCases { pages[segment] = PageSet(capacity: tree.space.pageCount) }
    }

    /// Returns what is wrong with `tree`, and the pages it reaches.
    ///
    /// Waits.
    ///
    /// - Throws: `.readFailed` and the like; damage is a finding.
    static func run(
        _ tree: Tree
    ) throws(RedoubtError) -> (findings: [CheckFinding], pages: [Segment: PageSet]) {
        var check = TreeCheck(tree)
        try check.run()
        return (check.findings, check.pages)
    }

    private mutating func run() throws(RedoubtError) {
        let level = try height()
        var stack: [Node] = []
        let first = Visit(number: .root, from: nil, level: level, lower: nil, upper: nil, isLeftmost: true)
        if let node = try visit(first) { stack.append(node) }
        while let node = stack.last {
            guard let next = child(of: node) else {
                stack.removeLast()
                continue
            }
            if let below = try visit(next) { stack.append(below) }
        }
        for (level, neighbour) in last.sorted(by: { $0.key < $1.key }) where neighbour.next != .none {
            find(
                neighbour.number,
                "offset 12: is the last page of level \(level), but has \(neighbour.next) as its right sibling"
            )
        }
        try checkPending()
    }

    /// The levels below the root, by going down on the left: the level that the root says it has may be wrong, and then
    /// every other page would seem to be.
    ///
    /// Waits.
    private func height() throws(RedoubtError) -> Int {
        var number = PageNumber.root
        var said = 0
        for steps in 0...Int(UInt8.max) {
            let frame: Frame
            do throws(RedoubtError) {
                frame = try tree.kernel.pool.fetchShared(tree.id(number))
            } catch {
                if number == .root || error.code != .corruptPage { throw error }
                return said
            }
            defer { frame.unlockShared() }
            let page = IndexPage(frame.bytes)
            if number == .root { said = page.level }
            guard frame.bytes.type == .index else { return said }
            if page.isLeaf { return steps }
            guard let first = page.first, first.child > .root, first.child.rawValue < tree.space.pageCount else {
                return said
            }
            number = first.child
        }
        return said
    }

    /// The next child of `node`, or nil after the last.
    private func child(of node: Node) -> Visit? {
        guard node.origin != IndexPage.supremum, node.stepsLeft > 0 else { return nil }
        let page = node.page
        let record = page.record(at: node.origin)
        let isFirst = node.origin == page.firstOrigin
        let after = page.record(after: node.origin)
        let lower = isFirst && node.isLeftmost ? nil : unsafe [UInt8](record.key)
        let upper = if let after, node.stepsLeft > 1 { unsafe [UInt8](after.key) } else { node.upper }
        node.origin = record.next
        node.stepsLeft -= 1
        return Visit(
            number: record.child,
            from: Place(page: node.number, offset: record.origin + record.keyByteCount),
            level: node.level - 1,
            lower: lower,
            upper: upper,
            isLeftmost: isFirst && node.isLeftmost
        )
    }

    /// Checks a page; returns its copy if it has children.
    ///
    /// Waits.
    private mutating func visit(_ visit: Visit) throws(RedoubtError) -> Node? {
        let segment = visit.level == 0 && visit.number != .root ? Segment.leaf : .nonLeaf
        guard reach(visit.number, segment, from: visit.from) else { return nil }
        let frame: Frame
        do throws(RedoubtError) {
            frame = try tree.kernel.pool.fetchShared(tree.id(visit.number))
        } catch {
            if error.code != .corruptPage { throw error }
            find(visit.number, note(error.message, visit.from))
            return nil
        }
        defer { frame.unlockShared() }
        let page = IndexPage(frame.bytes)
        guard frame.bytes.type == .index else {
            find(visit.number, note("offset 24: type is \(frame.bytes.typeCode), not an index page", visit.from))
            return nil
        }
        if visit.number == .root { checkSegments(frame.bytes) }
        let inPage = IndexPageCheck.findings(
            page,
            id: tree.id(visit.number),
            level: visit.level,
            indexID: tree.space.indexID
        )
        for finding in inPage { find(visit.number, "offset \(finding.offset): \(finding.text)") }
        if inPage.isEmpty { checkNotes(page, visit.number) }
        checkSiblings(page, visit)
        // What stands on a page that is damaged itself says nothing.
        if !inPage.isEmpty { return nil }
        checkBounds(page, visit)
        if visit.level == 0 {
            try checkRows(page, visit.number)
            return nil
        }
        return Node(
            frame,
            number: visit.number,
            level: visit.level,
            lower: visit.lower,
            upper: visit.upper,
            isLeftmost: visit.isLeftmost
        )
    }

    private func note(_ message: String, _ from: Place?) -> String { from.map { "\(message) \($0.note)" } ?? message }

    /// Notes that `from` leads to page `number`; false if that cannot be, or not once more.
    private mutating func reach(_ number: PageNumber, _ segment: Segment, from: Place?) -> Bool {
        let isBelowRoot = number > .root && from != nil
        guard isBelowRoot || (number == .root && from == nil), number.rawValue < tree.space.pageCount else {
            if let from {
                find(from.page, "offset \(from.offset): leads to page \(number), which is no page of the tree")
            }
            return false
        }
        for known in Segment.allCases where pages[known]?.contains(number) ?? false {
            find(number, note("is reached twice", from))
            return false
        }
        pages[segment]?.insert(number)
        return true
    }

    /// Checks where the root says that the inodes of its segments are.
    private mutating func checkSegments(_ root: PageBytes) {
        let places = [(IndexPage.Offset.leafSegment, Segment.leaf), (IndexPage.Offset.nodeSegment, .nonLeaf)]
        for (offset, segment) in places {
            let space = SpaceID(rawValue: root.u32(at: offset))
            let address = root.address(at: offset + 4)
            let expected = ListAddress(page: SpaceFormat.inodePage, offset: UInt16(segment.inodeOffset))
            if space != tree.space.id || address != expected {
                find(
                    .root,
                    "offset \(offset): the inode of segment \(segment.id) is said to be at \(address) of space "
                        + "\(space), expected \(expected) of space \(tree.space.id)"
                )
            }
        }
    }

    /// Checks what no reader needs, and every writer of ours keeps right.
    ///
    /// A page that breaks one of these is read all the same: they are not for ``IndexPageSoundness``.
    private mutating func checkNotes(_ page: IndexPage, _ number: PageNumber) {
        let last = page.lastInsert
        var origin = page.firstOrigin
        while origin != IndexPage.supremum, origin != last { origin = page.record(at: origin).next }
        if last != 0, origin != last {
            find(number, "offset \(IndexPage.Offset.lastInsert): the last insert is said to be \(last), no record")
        }
        let direction = page.direction
        let known = [0, IndexPage.Direction.left, IndexPage.Direction.right, IndexPage.Direction.none]
        if !known.contains(direction) {
            find(number, "offset \(IndexPage.Offset.direction): the direction is \(direction), expected 0, 1, 2 or 5")
        }
        let transaction = page.bytes.u64(at: IndexPage.Offset.maximumTransaction)
        if transaction != 0 {
            find(number, "offset \(IndexPage.Offset.maximumTransaction): a transaction, \(transaction), expected 0")
        }
        let segments = IndexPage.Offset.leafSegment..<IndexPage.Offset.nodeSegment + 10
        if number != .root, let offset = segments.first(where: { page.bytes.u8(at: $0) != 0 }) {
            find(number, "offset \(offset): an inode of a segment is named, which belongs on the root")
        }
    }

    private mutating func checkSiblings(_ page: IndexPage, _ visit: Visit) {
        let before = last[visit.level]
        if page.previous != before?.number ?? .none {
            let expected = before?.number ?? .none
            find(visit.number, "offset 8: has \(page.previous) as its left sibling, expected \(expected)")
        }
        if let before, before.next != visit.number {
            find(before.number, "offset 12: has \(before.next) as its right sibling, expected \(visit.number)")
        }
        last[visit.level] = Neighbour(number: visit.number, next: page.next)
    }

    private mutating func checkBounds(_ page: IndexPage, _ visit: Visit) {
        guard let first = page.first, let end = page.last else {
            if visit.number != .root { find(visit.number, "has no records, but is not the root") }
            return
        }
        if visit.level > 0 && first.isMinimum != visit.isLeftmost {
            find(
                visit.number,
                "the minimum flag of its first pointer is \(first.isMinimum), expected \(visit.isLeftmost)"
            )
        }
        if let lower = visit.lower {
            let order = unsafe lower.withUnsafeBytes { unsafe TreeKey.compare(first.key, $0) }
            if visit.level == 0 ? order < 0 : order != 0 {
                find(visit.number, note("its first key does not agree with the pointer above", visit.from))
            }
        }
        if let upper = visit.upper, unsafe upper.withUnsafeBytes({ unsafe TreeKey.compare(end.key, $0) }) >= 0 {
            find(visit.number, note("its last key is not less than the next pointer above", visit.from))
        }
    }

    private mutating func checkRows(_ page: IndexPage, _ number: PageNumber) throws(RedoubtError) {
        var origin = page.firstOrigin
        var steps = page.recordCount
        while origin != IndexPage.supremum, steps > 0 {
            let record = page.record(at: origin)
            if record.keyByteCount == 0 { find(number, "offset \(origin): a row has an empty key") }
            // A mark owns no chain.
            if record.isOffPage, !record.isDeleted { try checkReference(record, number) }
            origin = record.next
            steps -= 1
        }
    }

    /// Checks the 20 bytes that stand for a value, and the chain that they name.
    private mutating func checkReference(_ record: Record, _ page: PageNumber) throws(RedoubtError) {
        let reference = record.valueReference
        let at = record.origin + record.keyByteCount + Record.systemByteCount
        if reference.offset != UInt32(SpaceFormat.Blob.partByteCount) {
            find(page, "offset \(at + 8): a value is said to begin at byte \(reference.offset) of a page, expected 38")
        }
        let flags = record.page.u8(at: at + 12) >> 5
        if flags != 0 { find(page, "offset \(at + 12): the flags of a value's length are \(flags), expected 0") }
        if reference.space != tree.space.id {
            return find(page, "offset \(at): a value is said to be in space \(reference.space)")
        }
        if reference.byteCount > UInt64(Tree.valueByteCountMaximum) {
            return find(page, "offset \(at + 12): a value is said to have \(reference.byteCount) bytes")
        }
        let from = Place(page: page, offset: at)
        try checkChain(reference.firstPage, byteCount: Int(reference.byteCount), from: from)
    }

    /// Follows a chain that holds `byteCount` bytes; nil for one that is pending and may hold any number.
    ///
    /// Waits.
    private mutating func checkChain(
        _ first: PageNumber,
        byteCount: Int?,
        from: Place
    ) throws(RedoubtError) {
        var number = first
        var place = from
        var left = byteCount ?? Int.max
        while left > 0 {
            if byteCount == nil && number == .none { return }
            // A page that was reached before ends a chain that goes in circles.
            guard reach(number, .leaf, from: place) else { return }
            let frame: Frame
            do throws(RedoubtError) {
                frame = try tree.kernel.pool.fetchShared(tree.id(number))
            } catch {
                if error.code != .corruptPage { throw error }
                return find(number, note(error.message, place))
            }
            defer { frame.unlockShared() }
            guard frame.bytes.typeCode == PageType.blob.rawValue else {
                let message = "offset 24: is of type \(frame.bytes.typeCode), but a chain of a value goes on here"
                return find(number, note(message, place))
            }
            let part = Int(frame.bytes.u32(at: SpaceFormat.Blob.partByteCount))
            let due = byteCount == nil ? part : min(left, Tree.chainPartByteCount)
            guard part == due, part > 0, part <= Tree.chainPartByteCount else {
                let message = "offset 38: holds \(part) bytes of a value, but \(due) are due"
                return find(number, note(message, from))
            }
            left -= part
            let next = PageNumber(rawValue: frame.bytes.u32(at: SpaceFormat.Blob.next))
            if left == 0, next != .none {
                find(number, note("offset 42: is the end of a value, but goes on at \(next)", from))
            }
            place = Place(page: number, offset: SpaceFormat.Blob.next)
            number = next
        }
    }

    private mutating func checkPending() throws(RedoubtError) {
        let header = try tree.kernel.pool.fetchShared(tree.id(SpaceFormat.headerPage))
        let chains = PendingChains.list(header.bytes)
        let strange = PendingChains.strangeSlot(header.bytes)
        header.unlockShared()
        if let strange {
            find(SpaceFormat.headerPage, "offset \(strange): the kind of a pending chain is not one")
        }
        for (slot, page) in chains {
            let place = Place(page: SpaceFormat.headerPage, offset: PendingChains.offset(slot))
            try checkChain(page, byteCount: nil, from: place)
        }
    }

    private mutating func find(_ page: PageNumber, _ message: String) {
        guard findings.count < Self.findingMaximum else { return }
        findings.append(CheckFinding(page: tree.id(page), message: message))
    }
}

extension Tree {
    /// Returns what is wrong with the tree, and the pages it reaches by segment; the caller holds `treeLock`.
    ///
    /// Waits.
    func checkStructure() throws(RedoubtError) -> (findings: [CheckFinding], pages: [Segment: PageSet]) {
        try TreeCheck.run(self)
    }
}
