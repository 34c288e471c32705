import RedoubtCore

/// Reads what is readable of one tree, and notes what is not.
///
/// Where a leaf that was read and the next one do not name each other as siblings, or pages that could not be read lie
/// between them, there is a break. A break is searched for orphans; of what is left only the places are lost where
/// two leaves do not name each other.
struct TreeSalvage {
    /// Called with each row; returns whether it is the first one of its key.
    typealias Body = ([UInt8], [UInt8]) throws(RedoubtError) -> Bool

    private let file: SalvageFile
    private let keyspace: String
    private let body: Body
    private var visited: PageSet
    /// The leaf that was read last.
    private var before: LeafEdge?
    /// What could not be read since.
    private var holes: [Hole] = []
    private var breaks: [LeafBreak] = []
    /// The pages of descriptors that are lost and had to say whether orphans are in use, with the loss of each.
    private var unsure: [PageNumber: Int] = [:]
    /// How many pages of chains may still be read: several images of a leaf may rightly name the same ones.
    private var chainPagesLeft: Int
    /// The keys of which rows were found.
    private(set) var rowCount = 0
    /// What is lost.
    private(set) var losses: [SalvageReport.Loss] = []
    /// The damaged pages whose rows were found all the same.
    private(set) var bridged: [SalvageReport.Loss] = []

    private static let depthMaximum = 64

    /// Creates a salvage that reads at most `chainPages` pages of values, four times as many as there are if nil.
    init(_ file: SalvageFile, keyspace: String, chainPages: Int? = nil, _ body: @escaping Body) {
        self.file = file
        self.keyspace = keyspace
        self.body = body
        visited = PageSet(capacity: file.pageCount)
        chainPagesLeft = chainPages ?? 4 * Int(file.pageCount)
    }

    /// Reads the tree.
    ///
    /// Waits.
    ///
    /// - Throws: what `body` throws, and errors of the system.
    mutating func run() throws(RedoubtError) {
        try visit(.root, level: nil, lower: nil, upper: nil, depth: 0)
        endBreak(with: nil)
        let orphans = breaks.allSatisfy(\.isPlain) ? [] : try findOrphans()
        for place in breaks {
            guard place.isPlain else {
                try fill(place, orphans)
                continue
            }
            for hole in place.holes { losses.append(loss(hole)) }
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
            holes.append(Hole(page: number, lower: lower, upper: upper, reason: reason, isNode: level != 0))
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
            endBreak(with: LeafEdge(page, number, lower: lower, before: before))
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

    /// Hands over the rows of a leaf that are below `upper`; nil: all.
    private mutating func emit(
        _ page: IndexPage,
        _ number: PageNumber,
        below upper: [UInt8]? = nil
    ) throws(RedoubtError) {
        var origin = page.firstOrigin
        for _ in 0..<page.recordCount where origin != IndexPage.supremum {
            let record = page.record(at: origin)
            origin = record.next
            let key = unsafe [UInt8](record.key)
            if let upper, !key.lexicographicallyPrecedes(upper) { return }
            if record.isDeleted || key.isEmpty { continue }
            var value = unsafe [UInt8](record.value)
            if record.isOffPage {
                switch try chain(record.valueReference) {
                case .success(let whole): value = whole
                case .failure(let place):
                    lose(key, page: place.page, "a page of the value \(place.reason)")
                    continue
                }
            }
            if try body(key, value) { rowCount += 1 }
        }
    }

    /// Returns the value that `reference` names, as long as not more pages of values were read than there can be.
    private mutating func chain(_ reference: OffPageReference) throws(RedoubtError) -> Result<[UInt8], ChainBreak> {
        let due = reference.byteCount / UInt64(Tree.chainPartByteCount) + 1
        guard due <= UInt64(max(0, chainPagesLeft)) else {
            return .failure(ChainBreak(page: reference.firstPage, reason: "is one of more pages than the file has"))
        }
        chainPagesLeft -= Int(due)
        return try file.chain(reference)
    }

    // MARK: Siblings

    /// Notes a break between the leaf before and `leaf`, nil for the end of the tree, if there is one.
    private mutating func endBreak(with leaf: LeafEdge?) {
        if !holes.isEmpty || !LeafEdge.areSiblings(before, leaf) {
            if holes.isEmpty { holes.append(LeafBreak.gap(before, leaf)) }
            breaks.append(LeafBreak(left: before, holes: holes, right: leaf))
            holes = []
        }
        before = leaf
    }

    // MARK: Orphans

    /// Finds the leaves that were not reached and are in use, in the order of their keys.
    private mutating func findOrphans() throws(RedoubtError) -> [LeafEdge] {
        var orphans: [LeafEdge] = []
        for raw in PageNumber.root.rawValue..<max(PageNumber.root.rawValue, file.pageCount) {
            let number = PageNumber(rawValue: raw)
            guard !visited.contains(number), case .page(let owner) = try file.indexPage(number) else { continue }
            let page = IndexPage(owner.bytes)
            guard page.isLeaf, page.first != nil, try file.isFree(number) != true else { continue }
            orphans.append(LeafEdge(page, number, lower: nil, before: nil))
            withExtendedLifetime(owner) {}
        }
        return orphans.sorted { ($0.first ?? []).lexicographicallyPrecedes($1.first ?? []) }
    }

    /// Hands over the orphans in a break, and notes the places between leaves that are no siblings.
    private mutating func fill(_ place: LeafBreak, _ orphans: [LeafEdge]) throws(RedoubtError) {
        // A prefix of the orphans lies before the break.
        var start = orphans.partitioningIndex { place.isBehindStart($0) }
        var inside: [LeafEdge] = []
        while start < orphans.count, place.isBeforeEnd(orphans[start]) {
            if visited.insert(orphans[start].number) { inside.append(orphans[start]) }
            start += 1
        }
        var isLost = [Bool](repeating: false, count: place.holes.count)
        var leaves = [place.left]
        for orphan in inside { leaves.append(orphan) }
        leaves.append(place.right)
        for (left, right) in zip(leaves, leaves.dropFirst()) where !LeafEdge.areSiblings(left, right) {
            let overlap = !inside.isEmpty && LeafEdge.overlap(left, right)
            // Nothing is between leaves that overlap; that one may have been given up is noted with its descriptors.
            if overlap, try isInDoubt([left, right], place) { continue }
            for (index, part) in place.lost(between: left, right) {
                var part = part
                // Both are in use, so one of them is old: none of their keys is sure.
                if overlap { (part.lower, part.upper) = (left?.first, right?.last) }
                isLost[index] = true
                losses.append(loss(part))
            }
        }
        // The newest one last: of a key that several have its row counts.
        for orphan in inside.sorted(by: { $0.lsn < $1.lsn }) {
            guard case .page(let owner) = try file.indexPage(orphan.number) else { continue }
            // An older image of a leaf may hold rows that the leaf behind has newer, which was handed over before.
            try emit(IndexPage(owner.bytes), orphan.number, below: place.right?.first)
            withExtendedLifetime(owner) {}
            if try file.isFree(orphan.number) == nil { noteLostDescriptors(of: orphan) }
        }
        for (hole, isLost) in zip(place.holes, isLost) where !isLost { bridged.append(loss(hole)) }
    }

    /// Whether nobody knows if one of `leaves` that no node leads to is in use.
    private func isInDoubt(_ leaves: [LeafEdge?], _ place: LeafBreak) throws(RedoubtError) -> Bool {
        for case let leaf? in leaves where leaf.number != place.left?.number && leaf.number != place.right?.number {
            if try file.isFree(leaf.number) == nil { return true }
        }
        return false
    }

    // MARK: Notes

    private func loss(_ hole: Hole) -> SalvageReport.Loss {
        var (lower, upper) = (hole.lower, hole.upper)
        // Beside leaves that contradict each other, what both of them may have is in doubt.
        if let first = lower, let last = upper, last.lexicographicallyPrecedes(first) { (lower, upper) = (last, first) }
        return SalvageReport.Loss(
            keyspace: keyspace,
            page: PageID(space: file.id, number: hole.page),
            lower: lower,
            upper: upper,
            reason: hole.reason
        )
    }

    /// Notes, once for each page of descriptors, that nobody knows whether `orphan` was in use: its rows may be old.
    private mutating func noteLostDescriptors(of orphan: LeafEdge) {
        let descriptors = SpaceFormat.descriptorPage(of: orphan.number)
        if let index = unsure[descriptors] { return losses[index].widen(over: orphan) }
        unsure[descriptors] = losses.count
        losses.append(
            SalvageReport.Loss(
                keyspace: keyspace,
                page: PageID(space: file.id, number: descriptors),
                lower: orphan.first,
                upper: orphan.last,
                reason: "says which leaves are in use: rows among these may be of one that was given up"
            )
        )
    }

    /// Notes that the row of `key` is lost.
    private mutating func lose(_ key: [UInt8], page: PageNumber, _ reason: String) {
        losses.append(
            SalvageReport.Loss(
                keyspace: keyspace,
                page: PageID(space: file.id, number: page),
                lower: key,
                upper: key,
                includesUpper: true,
                reason: reason
            )
        )
    }
}

extension SalvageReport.Loss {
    /// Takes in the keys of one more leaf.
    fileprivate mutating func widen(over leaf: LeafEdge) {
        if let known = lower {
            lower = leaf.first.map { $0.lexicographicallyPrecedes(known) ? $0 : known }
        }
        if let known = upper {
            upper = leaf.last.map { known.lexicographicallyPrecedes($0) ? $0 : known }
        }
    }
}

extension [LeafEdge] {
    /// The index of the first one that `isWanted` takes, of leaves of which it takes all behind the first one.
    fileprivate func partitioningIndex(_ isWanted: (LeafEdge) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if isWanted(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
