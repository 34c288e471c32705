import RedoubtCore

/// The extents of a tablespace whose pages are given out once, in ascending order, and never taken back.
///
/// What an owner has used of an extent is therefore always its beginning, so a few bytes an extent are enough to write
/// every descriptor, list and inode at the end.
struct SequentialExtents {
    // One entry an extent: its state, its segment's id (0: none), and how many of its first pages are used.
    private var states: [UInt8]
    private var owners: [UInt8]
    private var usedCounts: [UInt8]
    // The pages that a segment has one by one, by the segment's number in `Segment.allCases`.
    private var fragments: [[PageNumber]]
    // The extents that are being used up.
    private var fragmentExtent = 0
    private var currentExtents: [Int?]

    /// Creates one extent, of which pages 0 to 3 are used; page 3 is the root.
    init() {
        states = [UInt8(SpaceFormat.State.freeFragment)]
        owners = [0]
        usedCounts = [UInt8(SpaceFormat.initialUsedCount)]
        fragments = Segment.allCases.map { $0 == .nonLeaf ? [.root] : [] }
        currentExtents = Segment.allCases.map { _ in nil }
    }

    /// The size of the file in pages.
    var pageCount: UInt32 { UInt32(states.count) * SpaceFormat.extentPageCount }

    /// Gives `segment` a page, which no other call has got or will get.
    ///
    /// - Throws: `.diskFull` if a tablespace cannot be larger.
    mutating func allocate(_ segment: Segment) throws(RedoubtError) -> PageNumber {
        let number = Self.number(of: segment)
        if fragments[number].count < Int(SpaceFormat.Inode.fragmentCount) {
            if usedCounts[fragmentExtent] == SpaceFormat.extentPageCount {
                fragmentExtent = try addExtent(SpaceFormat.State.freeFragment, owner: 0)
            }
            let page = takePage(of: fragmentExtent)
            fragments[number].append(page)
            return page
        }
        if let current = currentExtents[number], usedCounts[current] < SpaceFormat.extentPageCount {
            return takePage(of: current)
        }
        let extent = try addExtent(SpaceFormat.State.segment, owner: UInt8(segment.id))
        currentExtents[number] = extent
        return takePage(of: extent)
    }

    private mutating func takePage(of extent: Int) -> PageNumber {
        defer { usedCounts[extent] += 1 }
        return PageNumber(rawValue: UInt32(extent) * SpaceFormat.extentPageCount + UInt32(usedCounts[extent]))
    }

    private mutating func addExtent(_ state: UInt32, owner: UInt8) throws(RedoubtError) -> Int {
        guard pageCount + 2 * SpaceFormat.extentPageCount <= SpaceFormat.pageCountMaximum else {
            throw RedoubtError(.diskFull, "a tablespace has at most \(SpaceFormat.pageCountMaximum) pages")
        }
        if states.count % Int(SpaceFormat.extentsPerDescriptorPage) == 0 {
            // An extent that begins with descriptors is one of single pages, whoever needs those.
            append(SpaceFormat.State.freeFragment, owner: 0, used: 2)
        }
        append(state, owner: owner, used: 0)
        return states.count - 1
    }

    private mutating func append(_ state: UInt32, owner: UInt8, used: UInt8) {
        states.append(UInt8(state))
        owners.append(owner)
        usedCounts.append(used)
    }

    private static func number(of segment: Segment) -> Int { segment == .nonLeaf ? 0 : 1 }
}

// What the pages that manage a tablespace say about all this.
extension SequentialExtents {
    /// Extents that one list links, in ascending order.
    private struct List {
        var extents: [Int] = []
        var usedCount = 0

        var base: ListBase {
            guard let first = extents.first, let last = extents.last else {
                return ListBase(length: 0, first: .none, last: .none)
            }
            return ListBase(length: UInt32(extents.count), first: address(first), last: address(last))
        }

        func address(_ extent: Int) -> ListAddress {
            SpaceFormat.nodeAddress(of: PageNumber(rawValue: UInt32(extent) * SpaceFormat.extentPageCount))
        }
    }

    /// Returns the extents with owner `owner` that are full, or that are not.
    private func list(owner: UInt64, isFull: Bool) -> List {
        var list = List()
        for extent in states.indices where UInt64(owners[extent]) == owner {
            guard (usedCounts[extent] == SpaceFormat.extentPageCount) == isFull else { continue }
            list.extents.append(extent)
            list.usedCount += Int(usedCounts[extent])
        }
        return list
    }

    /// Fills in what page 0 says about the whole file, except for the descriptors.
    func fillHeader(_ page: PageBytes) {
        let open = list(owner: 0, isFull: false)
        page.store(pageCount, at: SpaceFormat.Header.pageCount)
        page.store(pageCount, at: SpaceFormat.Header.freeLimit)
        page.store(UInt32(open.usedCount), at: SpaceFormat.Header.fragmentUsedCount)
        page.store(List().base, at: SpaceFormat.Header.free)
        page.store(open.base, at: SpaceFormat.Header.freeFragment)
        page.store(list(owner: 0, isFull: true).base, at: SpaceFormat.Header.fullFragment)
    }

    /// Fills in the two segments of page 2.
    func fillInodes(_ page: PageBytes) {
        for segment in Segment.allCases {
            let at = segment.inodeOffset
            let open = list(owner: segment.id, isFull: false)
            page.store(UInt32(open.usedCount), at: at + SpaceFormat.Inode.notFullUsedCount)
            page.store(open.base, at: at + SpaceFormat.Inode.notFull)
            page.store(list(owner: segment.id, isFull: true).base, at: at + SpaceFormat.Inode.full)
            for (slot, number) in fragments[Self.number(of: segment)].enumerated() {
                page.store(number.rawValue, at: at + SpaceFormat.Inode.fragments + 4 * slot)
            }
        }
    }

    /// Calls `body` with the number of each page that holds descriptors, and what fills them in.
    func forEachDescriptorPage(
        _ body: (PageNumber, (PageBytes) -> Void) throws(RedoubtError) -> Void
    ) throws(RedoubtError) {
        var previous = states.map { _ in ListAddress.none }
        var next = previous
        for owner in [0] + Segment.allCases.map(\.id) {
            for isFull in [false, true] {
                let list = list(owner: owner, isFull: isFull)
                for (left, right) in zip(list.extents, list.extents.dropFirst()) {
                    next[left] = list.address(right)
                    previous[right] = list.address(left)
                }
            }
        }
        let interval = Int(SpaceFormat.extentsPerDescriptorPage)
        for first in stride(from: 0, to: states.count, by: interval) {
            try body(PageNumber(rawValue: UInt32(first) * SpaceFormat.extentPageCount)) { page in
                for extent in first..<Swift.min(first + interval, states.count) {
                    fillDescriptor(page, extent, previous: previous[extent], next: next[extent])
                }
            }
        }
    }

    private func fillDescriptor(_ page: PageBytes, _ extent: Int, previous: ListAddress, next: ListAddress) {
        let first = PageNumber(rawValue: UInt32(extent) * SpaceFormat.extentPageCount)
        let at = SpaceFormat.descriptorOffset(of: first)
        let used = Int(usedCounts[extent])
        var state = UInt32(states[extent])
        if state == SpaceFormat.State.freeFragment, used == SpaceFormat.extentPageCount {
            state = SpaceFormat.State.fullFragment
        }
        page.store(UInt64(owners[extent]), at: at + SpaceFormat.Descriptor.segmentID)
        page.store(previous, at: at + SpaceFormat.Descriptor.node)
        page.store(next, at: at + SpaceFormat.Descriptor.node + 6)
        page.store(state, at: at + SpaceFormat.Descriptor.state)
        for byte in 0..<SpaceFormat.Descriptor.bitmapByteCount {
            // Two bits a page, low bits first: free, and "clean" like all.
            var bits: UInt8 = 0xFF
            for page in 0..<4 where byte * 4 + page < used { bits &= ~(1 << UInt8(2 * page)) }
            page.store(bits, at: at + SpaceFormat.Descriptor.bitmap + byte)
        }
    }
}
