import RedoubtCore

/// A range of keys below a page that is lost.
struct Hole {
    let page: PageNumber
    /// Keys from here on are lost; nil from the first on.
    var lower: [UInt8]?
    /// Up to this one; nil to the last.
    var upper: [UInt8]?
    let reason: String
    /// Whether leaves below it may still be there.
    let isNode: Bool
}

/// What a leaf that was read says of the ones beside it.
struct LeafEdge {
    let number: PageNumber
    let previous: PageNumber
    let next: PageNumber
    /// Its first key, or what the node above it says; nil if neither is known.
    let first: [UInt8]?
    /// Its last key, or one before that; nil if none is known.
    let last: [UInt8]?
    /// When it was changed last.
    let lsn: LogSequenceNumber

    /// Describes the leaf `page`, which is page `number`; `lower` and `before` tell about one without keys.
    init(_ page: IndexPage, _ number: PageNumber, lower: [UInt8]?, before: LeafEdge?) {
        self.number = number
        previous = page.previous
        next = page.next
        lsn = page.bytes.lsn
        first = page.first.map { unsafe [UInt8]($0.key) } ?? lower
        last = page.last.map { unsafe [UInt8]($0.key) } ?? before?.last
    }

    /// Whether nothing is between two leaves, or between one and an end of the tree, which nil stands for.
    static func areSiblings(_ left: LeafEdge?, _ right: LeafEdge?) -> Bool {
        switch (left, right) {
        case (let left?, let right?): left.next == right.number && right.previous == left.number
        case (let left?, nil): left.next == .none
        case (nil, let right?): right.previous == .none
        case (nil, nil): false
        }
    }

    /// Whether keys of the one stand behind keys of the other, which has the later first key.
    static func overlap(_ left: LeafEdge?, _ right: LeafEdge?) -> Bool {
        guard let last = left?.last, let first = right?.first else { return false }
        return !last.lexicographicallyPrecedes(first)
    }
}

/// A place in the order of keys where leaves may be missing, between two that were read or at an end of the tree.
struct LeafBreak {
    /// The leaf before; nil for the beginning of the tree.
    let left: LeafEdge?
    /// The pages that could not be read, in the order of their keys; at least one.
    let holes: [Hole]
    /// The leaf behind; nil for the end of the tree.
    let right: LeafEdge?

    /// Stands for the leaves that two leaves, or one, say are there, and to which no node leads.
    static func gap(_ left: LeafEdge?, _ right: LeafEdge?) -> Hole {
        let beside = [left, right].compactMap { $0?.number }
        let page = [left?.next, right?.previous].compactMap { $0 }.first { $0 != .none && !beside.contains($0) }
        return Hole(
            page: page ?? left?.number ?? right?.number ?? .root,
            lower: left?.last,
            upper: right?.first,
            reason: "is where the leaves beside it say that there are more, to which no node leads",
            isNode: true
        )
    }

    /// Whether damaged leaves to which nodes lead are all that is missing, as the leaves beside them say.
    var isPlain: Bool {
        guard holes.allSatisfy({ !$0.isNode }), let first = holes.first, let last = holes.last else { return false }
        // A tree of one leaf has nothing beside it.
        return (left.map { $0.next == first.page } ?? (first.lower == nil))
            && (right.map { $0.previous == last.page } ?? (last.upper == nil))
    }

    /// Whether a leaf that no node leads to begins behind the leaf before.
    func isBehindStart(_ orphan: LeafEdge) -> Bool { Self.precedes(left?.last, orphan.first) }

    /// Whether a leaf that no node leads to begins before the leaf behind.
    func isBeforeEnd(_ orphan: LeafEdge) -> Bool { Self.precedes(orphan.first, right?.first) }

    /// Returns what is lost between two leaves of this break that are no siblings: of which hole, and the part of it.
    ///
    /// The parts cover everything between the two.
    func lost(between left: LeafEdge?, _ right: LeafEdge?) -> [(index: Int, part: Hole)] {
        var indices = holes.indices.filter { index in
            Self.precedes(holes[index].lower, right?.first) && Self.precedes(left?.last, holes[index].upper)
        }
        if indices.isEmpty { indices = [holes.startIndex] }
        return indices.enumerated().map { order, index in
            var part = holes[index]
            let isFirst = order == 0
            let isLast = order == indices.count - 1
            // What a damaged leaf held is known where the leaf beside it names it.
            if isFirst, part.isNode || left?.next != part.page { part.lower = left?.last }
            if isLast {
                if part.isNode || right?.previous != part.page { part.upper = right?.first }
            } else {
                part.upper = holes[indices[order + 1]].lower ?? part.upper
            }
            return (index, part)
        }
    }

    /// Whether `key` comes before `other`; nil is before every first one, and behind every last one.
    private static func precedes(_ key: [UInt8]?, _ other: [UInt8]?) -> Bool {
        guard let key, let other else { return true }
        return key.lexicographicallyPrecedes(other)
    }
}
