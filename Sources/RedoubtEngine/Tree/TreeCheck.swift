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

    /// A page that is to be visited.
    private struct Visit {
        let number: PageNumber
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
        let root = try tree.kernel.pool.fetchShared(tree.rootID)
        let level = IndexPage(root.bytes).level
        root.unlockShared()
        var stack: [Node] = []
        let first = Visit(number: .root, level: level, lower: nil, upper: nil, isLeftmost: true)
        if let node = try visit(first) { stack.append(node) }
        while let node = stack.last {
            guard let next = child(of: node) else {
                stack.removeLast()
                continue
            }
            if let below = try visit(next) { stack.append(below) }
        }
        for (level, neighbour) in last.sorted(by: { $0.key < $1.key }) where neighbour.next != .none {
            find(neighbour.number, "is the last page of level \(level), but has \(neighbour.next) as its right sibling")
        }
        try checkPending()
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
        guard reach(visit.number, segment) else { return nil }
        let frame: Frame
        do throws(RedoubtError) {
            frame = try tree.kernel.pool.fetchShared(tree.id(visit.number))
        } catch {
            if error.code != .corruptPage { throw error }
            find(visit.number, error.message)
            return nil
        }
        defer { frame.unlockShared() }
        let page = IndexPage(frame.bytes)
        let inPage = IndexPageCheck.findings(
            page,
            id: tree.id(visit.number),
            level: visit.level,
            indexID: tree.space.indexID
        )
        for finding in inPage { find(visit.number, "offset \(finding.offset): \(finding.text)") }
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

    private mutating func reach(_ number: PageNumber, _ segment: Segment) -> Bool {
        guard number.rawValue < tree.space.pageCount, number >= .root else {
            find(number, "a pointer leads outside the pages of the tree")
            return false
        }
        for known in Segment.allCases where pages[known]?.contains(number) ?? false {
            find(number, "is reached twice")
            return false
        }
        pages[segment]?.insert(number)
        return true
    }

    private mutating func checkSiblings(_ page: IndexPage, _ visit: Visit) {
        let before = last[visit.level]
        if page.previous != before?.number ?? .none {
            find(visit.number, "has \(page.previous) as its left sibling, expected \(before?.number ?? .none)")
        }
        if let before, before.next != visit.number {
            find(before.number, "has \(before.next) as its right sibling, expected \(visit.number)")
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
                find(visit.number, "its first key does not agree with the pointer above")
            }
        }
        if let upper = visit.upper, unsafe upper.withUnsafeBytes({ unsafe TreeKey.compare(end.key, $0) }) >= 0 {
            find(visit.number, "its last key is not less than the next pointer above")
        }
    }

    private mutating func checkRows(_ page: IndexPage, _ number: PageNumber) throws(RedoubtError) {
        var origin = page.firstOrigin
        var steps = page.recordCount
        while origin != IndexPage.supremum, steps > 0 {
            let record = page.record(at: origin)
            if record.keyByteCount == 0 { find(number, "offset \(origin): a row has an empty key") }
            // A mark owns no chain.
            if record.isOffPage, !record.isDeleted {
                let reference = record.valueReference
                if reference.space != tree.space.id || reference.byteCount > UInt64(Tree.valueByteCountMaximum) {
                    find(
                        number,
                        "offset \(origin): a row refers to \(reference.byteCount) bytes in space \(reference.space)"
                    )
                } else {
                    try checkChain(reference.firstPage, byteCount: Int(reference.byteCount))
                }
            }
            origin = record.next
            steps -= 1
        }
    }

    /// Follows a chain that holds `byteCount` bytes; nil for one that is pending and may hold any number.
    private mutating func checkChain(_ first: PageNumber, byteCount: Int?) throws(RedoubtError) {
        var number = first
        var left = byteCount ?? Int.max
        while left > 0 {
            if byteCount == nil && number == .none { return }
            // A page that was reached before ends a chain that goes in circles.
            guard reach(number, .leaf) else { return }
            let frame: Frame
            do throws(RedoubtError) {
                frame = try tree.kernel.pool.fetchShared(tree.id(number))
            } catch {
                if error.code != .corruptPage { throw error }
                find(number, error.message)
                return
            }
            defer { frame.unlockShared() }
            guard frame.bytes.typeCode == PageType.blob.rawValue else {
                find(number, "is of type \(frame.bytes.typeCode), but a chain of a value leads to it")
                return
            }
            let part = Int(frame.bytes.u32(at: SpaceFormat.Blob.partByteCount))
            if byteCount != nil, part != min(left, Tree.chainPartByteCount) {
                find(number, "holds \(part) bytes of a value, but \(min(left, Tree.chainPartByteCount)) are due")
                return
            }
            left -= part
            let next = PageNumber(rawValue: frame.bytes.u32(at: SpaceFormat.Blob.next))
            if left == 0, next != .none { find(number, "is the end of a value, but goes on at \(next)") }
            number = next
        }
    }

    private mutating func checkPending() throws(RedoubtError) {
        let header = try tree.kernel.pool.fetchShared(tree.id(SpaceFormat.headerPage))
        let chains = PendingChains.list(header.bytes)
        header.unlockShared()
        for (_, page) in chains { try checkChain(page, byteCount: nil) }
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
