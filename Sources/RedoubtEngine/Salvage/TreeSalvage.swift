import RedoubtCore

/// Reads what is readable of one tree, and notes what is not.
struct TreeSalvage {
    /// Called with each row.
    typealias Body = ([UInt8], [UInt8]) throws(RedoubtError) -> Void

    /// A range of keys below a page that is lost.
    private struct Hole {
        let page: PageNumber
        let lower: [UInt8]?
        let upper: [UInt8]?
        let reason: String
        /// Whether leaves below it may still be there.
        let isNode: Bool
    }

    /// What is known of the leaf before the next one, in the order of keys.
    private enum Before {
        /// There is none.
        case beginning
        /// It was read: its number, its right sibling, and its last key or one before that.
        case leaf(PageNumber, next: PageNumber, last: [UInt8]?)
        /// It could not be read, and a hole says so.
        case unknown
    }

    /// A leaf that no node leads to.
    private struct Orphan {
        let number: PageNumber
        let first: [UInt8]
        let last: [UInt8]
        let previous: PageNumber
        let next: PageNumber
    }

    private let file: SalvageFile
    private let keyspace: String
    private let body: Body
    private var visited: PageSet
    private var holes: [Hole] = []
    private var before = Before.beginning
    private(set) var rowCount = 0
    /// What is lost.
    private(set) var losses: [SalvageReport.Loss] = []
    /// The damaged pages whose rows were found all the same.
    private(set) var bridged: [SalvageReport.Loss] = []

    private static let depthMaximum = 64

    init(_ file: SalvageFile, keyspace: String, _ body: @escaping Body) {
        self.file = file
        self.keyspace = keyspace
        self.body = body
        visited = PageSet(capacity: file.pageCount)
    }

    /// Reads the tree.
    ///
    /// Waits.
    ///
    /// - Throws: what `body` throws, and errors of the system.
    mutating func run() throws(RedoubtError) {
        try visit(.root, level: nil, lower: nil, upper: nil, depth: 0)
        if case .leaf(let number, let next, let last) = before, next != .none {
            noteGap(number, [next], lower: last, upper: nil)
        }
        guard holes.contains(where: \.isNode) else {
            for hole in holes { lose(hole) }
            return
        }
        let orphans = try findOrphans()
        for hole in holes {
            if hole.isNode { try fill(hole, orphans) } else { lose(hole) }
        }
    }

    // MARK: Down from the root

    private mutating func visit(
        _ number: PageNumber,
        level: Int?,
        lower: [UInt8]?,
        upper: [UInt8]?,
        depth: Int
    ) throws(RedoubtError) {
        func note(_ reason: String) {
            var start = lower
            if case .leaf(let left, let next, let last) = before {
                // The rows of leaves between that one and this hole, to which no node leads, are in no other one.
                if level == 0, next != number { noteGap(left, [next], lower: last, upper: lower) }
                if level != 0, let last { start = last }
            }
            before = .unknown
            holes.append(Hole(page: number, lower: start, upper: upper, reason: reason, isNode: level != 0))
        }
        guard depth < Self.depthMaximum, visited.insert(number) else { return note("is reached twice") }
        let page: IndexPage
        let owner: SalvageFile.Page
        switch try file.indexPage(number) {
        case .damage(let reason): return note(reason)
        case .page(let found): (owner, page) = (found, IndexPage(found.bytes))
        }
        defer { withExtendedLifetime(owner) {} }
        if let level, page.level != level { return note("is of level \(page.level), not \(level)") }
        if page.isLeaf {
            compare(page, number)
            return try emit(page, number)
        }
        var origin = page.firstOrigin
        var isFirst = true
        for _ in 0..<page.recordCount where origin != IndexPage.supremum {
            let record = page.record(at: origin)
            let after = page.record(after: origin)
            try visit(
                record.child,
                level: page.level - 1,
                lower: isFirst ? lower : unsafe [UInt8](record.key),
                upper: after.map { unsafe [UInt8]($0.key) } ?? upper,
                depth: depth + 1
            )
            isFirst = false
            origin = record.next
        }
    }

    /// Hands over the rows of a leaf.
    private mutating func emit(_ page: IndexPage, _ number: PageNumber) throws(RedoubtError) {
        var origin = page.firstOrigin
        for _ in 0..<page.recordCount where origin != IndexPage.supremum {
            let record = page.record(at: origin)
            origin = record.next
            let key = unsafe [UInt8](record.key)
            if record.isDeleted || key.isEmpty { continue }
            var value = unsafe [UInt8](record.value)
            if record.isOffPage {
                switch try file.chain(record.valueReference) {
                case .success(let whole): value = whole
                case .failure(let place):
                    lose(page: place.page, from: key, to: key, isWhole: true, "a page of the value \(place.reason)")
                    continue
                }
            }
            try body(key, value)
            rowCount += 1
        }
    }

    // MARK: Siblings

    /// Compares the leaf `number` with the one before it: where these do not name each other, a node has lost pointers.
    private mutating func compare(_ page: IndexPage, _ number: PageNumber) {
        let first = page.first.map { unsafe [UInt8]($0.key) }
        var last = page.last.map { unsafe [UInt8]($0.key) }
        switch before {
        case .beginning:
            if page.previous != .none { noteGap(number, [page.previous], lower: nil, upper: first) }
        case .leaf(let left, let next, let lastBefore):
            last = last ?? lastBefore
            if next != number || page.previous != left {
                let others = [next, page.previous].filter { $0 != number && $0 != left }
                noteGap(left, others, lower: lastBefore, upper: first)
            }
        case .unknown: break
        }
        before = .leaf(number, next: page.next, last: last)
    }

    /// Notes that leaves between `lower` and `upper` are not reached: of `others`, or else beside `number`.
    private mutating func noteGap(_ number: PageNumber, _ others: [PageNumber], lower: [UInt8]?, upper: [UInt8]?) {
        let page = others.first { $0 != .none } ?? number
        let reason = "is where the leaves beside it say that there are more, to which no node leads"
        holes.append(Hole(page: page, lower: lower, upper: upper, reason: reason, isNode: true))
    }

    // MARK: Orphans

    /// Finds the leaves that were not reached and are in use, in the order of their keys.
    private mutating func findOrphans() throws(RedoubtError) -> [Orphan] {
        var orphans: [Orphan] = []
        for raw in PageNumber.root.rawValue..<max(PageNumber.root.rawValue, file.pageCount) {
            let number = PageNumber(rawValue: raw)
            guard !visited.contains(number), case .page(let owner) = try file.indexPage(number) else { continue }
            let page = IndexPage(owner.bytes)
            guard page.isLeaf, let first = page.first, let last = page.last, try file.isFree(number) != true else {
                continue
            }
            orphans.append(
                Orphan(
                    number: number,
                    first: unsafe [UInt8](first.key),
                    last: unsafe [UInt8](last.key),
                    previous: page.previous,
                    next: page.next
                )
            )
        }
        return orphans.sorted { $0.first.lexicographicallyPrecedes($1.first) }
    }

    /// Hands over the orphans below a lost node, and notes the gaps between them.
    private mutating func fill(_ hole: Hole, _ orphans: [Orphan]) throws(RedoubtError) {
        let inside = orphans.filter { orphan in
            !(hole.lower.map { orphan.first.lexicographicallyPrecedes($0) } ?? false)
                && (hole.upper.map { orphan.first.lexicographicallyPrecedes($0) } ?? true)
                && !visited.contains(orphan.number)
        }
        guard let first = inside.first, let last = inside.last else { return lose(hole) }
        let lossesBefore = losses.count
        // What comes before the first one is another's, or nothing.
        if first.previous != .none && !visited.contains(first.previous)
            || (first.previous == .none && hole.lower != nil)
        {
            lose(page: hole.page, from: hole.lower, to: first.first, isWhole: false, hole.reason)
        }
        for (orphan, next) in zip(inside, inside.dropFirst()) where orphan.next != next.number {
            lose(page: hole.page, from: orphan.last, to: next.first, isWhole: false, hole.reason)
        }
        if last.next != .none && !visited.contains(last.next) || (last.next == .none && hole.upper != nil) {
            lose(page: hole.page, from: last.last, to: hole.upper, isWhole: false, hole.reason)
        }
        let isBridged = losses.count == lossesBefore
        for orphan in inside {
            visited.insert(orphan.number)
            guard case .page(let owner) = try file.indexPage(orphan.number) else { continue }
            try emit(IndexPage(owner.bytes), orphan.number)
            withExtendedLifetime(owner) {}
        }
        if isBridged { bridged.append(loss(hole)) }
    }

    // MARK: Notes

    private func loss(_ hole: Hole) -> SalvageReport.Loss {
        SalvageReport.Loss(
            keyspace: keyspace,
            page: PageID(space: file.id, number: hole.page),
            lower: hole.lower,
            upper: hole.upper,
            reason: hole.reason
        )
    }

    private mutating func lose(_ hole: Hole) { losses.append(loss(hole)) }

    private mutating func lose(
        page: PageNumber,
        from lower: [UInt8]?,
        to upper: [UInt8]?,
        isWhole: Bool,
        _ reason: String
    ) {
        losses.append(
            SalvageReport.Loss(
                keyspace: keyspace,
                page: PageID(space: file.id, number: page),
                lower: lower,
                upper: upper,
                includesUpper: isWhole,
                reason: reason
            )
        )
    }
}
