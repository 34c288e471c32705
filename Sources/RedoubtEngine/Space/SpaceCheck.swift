import RedoubtCore

/// Checks the management pages of one space: every page of the file is accounted for exactly once.
///
/// Extents are in one list each, of the right kind, linked both ways and counted right; each used page is a management
/// page, or belongs to a segment and was reached from the tree or from a pending chain; and the other way round.
///
/// The caller holds the space's `treeLock`, so that pages do not change owners meanwhile.
struct SpaceCheck {
    /// What is known of one extent.
    private struct Extent {
        var state: UInt32 = 0
        var segmentID: UInt64 = 0
        var used: UInt64 = 0
        var previous = ListAddress.none
        var next = ListAddress.none
        /// The list that it was found in.
        var list: String?

        var usedCount: Int { used.nonzeroBitCount }
    }

    private let kernel: Kernel
    private let space: Space
    private var extents: [Extent] = []
    private var fragments: [Segment: PageSet] = [:]
    /// What was found, at most ``findingMaximum``.
    private(set) var findings: [CheckFinding] = []

    /// Findings after so many are not recorded.
    static let findingMaximum = 200

    init(kernel: Kernel, space: Space) {
        self.kernel = kernel
        self.space = space
    }

    /// Checks the space, of whose tree and chains the pages `reached` were found.
    ///
    /// Waits.
    ///
    /// - Throws: `.readFailed`, `.corruptPage` of a management page.
    static func run(
        kernel: Kernel,
        space: Space,
        reached: [Segment: PageSet]
    ) throws(RedoubtError) -> [CheckFinding] {
        var check = SpaceCheck(kernel: kernel, space: space)
        try check.run(reached)
        return check.findings
    }

    private mutating func run(_ reached: [Segment: PageSet]) throws(RedoubtError) {
        let header = try PageCopy(kernel, PageID(space: space.id, number: SpaceFormat.headerPage))
        let inode = try PageCopy(kernel, PageID(space: space.id, number: SpaceFormat.inodePage))
        guard checkHeader(header.bytes) else { return }
        let size = header.bytes.u32(at: SpaceFormat.Header.pageCount)
        try readDescriptors(size)
        walk(header.bytes, SpaceFormat.Header.free, "free", SpaceFormat.State.free, 0) { $0 == 0 }
        walk(header.bytes, SpaceFormat.Header.freeFragment, "free fragment", SpaceFormat.State.freeFragment, 0) {
            $0 < 64
        }
        walk(header.bytes, SpaceFormat.Header.fullFragment, "full fragment", SpaceFormat.State.fullFragment, 0) {
            $0 == 64
        }
        for segment in Segment.allCases { checkSegment(segment, inode.bytes, size) }
        checkCounts(header.bytes)
        for number in extents.indices { checkExtent(number, reached) }
        for (segment, pages) in reached.sorted(by: { $0.key.id < $1.key.id }) { checkReached(segment, pages) }
    }

    private mutating func find(_ page: PageNumber, _ message: String) {
        guard findings.count < Self.findingMaximum else { return }
        findings.append(CheckFinding(page: PageID(space: space.id, number: page), message: message))
    }

    /// Checks page 0; returns whether the rest makes sense.
    private mutating func checkHeader(_ page: PageBytes) -> Bool {
        let size = page.u32(at: SpaceFormat.Header.pageCount)
        let limit = page.u32(at: SpaceFormat.Header.freeLimit)
        guard size >= SpaceFormat.initialPageCount, size % SpaceFormat.extentPageCount == 0, size == space.pageCount
        else {
            find(SpaceFormat.headerPage, "size is \(size) pages, but \(space.pageCount) were noted")
            return false
        }
        if limit != size { find(SpaceFormat.headerPage, "free limit is \(limit), but the size \(size)") }
        let flags = page.u32(at: SpaceFormat.Header.flags)
        if flags != SpaceFormat.flags { find(SpaceFormat.headerPage, "flags are \(flags), not \(SpaceFormat.flags)") }
        if page.u32(at: SpaceFormat.Header.spaceID) != space.id.rawValue {
            find(SpaceFormat.headerPage, "space id is \(page.u32(at: SpaceFormat.Header.spaceID)), not \(space.id)")
        }
        let nextSegment = page.u64(at: SpaceFormat.Header.nextSegmentID)
        if nextSegment != 3 { find(SpaceFormat.headerPage, "next segment id is \(nextSegment), not 3") }
        let node = ListAddress(page: SpaceFormat.inodePage, offset: UInt16(SpaceFormat.Inode.pageListNode))
        if page.list(at: SpaceFormat.Header.inodePagesFree) != ListBase(length: 1, first: node, last: node)
            || page.list(at: SpaceFormat.Header.inodePagesFull).length != 0
        {
            find(SpaceFormat.headerPage, "the lists of inode pages are not page 2 alone")
        }
        return true
    }

    private mutating func readDescriptors(_ size: UInt32) throws(RedoubtError) {
        for first in stride(from: 0, to: size, by: Int(SpaceFormat.descriptorInterval)) {
            let number = PageNumber(rawValue: first)
            let copy = try PageCopy(kernel, PageID(space: space.id, number: number))
            let page = copy.bytes
            let expected: PageType = first == 0 ? .spaceHeader : .extentDescriptors
            if page.type != expected { find(number, "type is \(page.typeCode), not \(expected)") }
            for start in stride(from: first, to: min(size, first + SpaceFormat.descriptorInterval), by: 64) {
                let at = SpaceFormat.descriptorOffset(of: PageNumber(rawValue: start))
                var extent = Extent()
                extent.state = page.u32(at: at + SpaceFormat.Descriptor.state)
                extent.segmentID = page.u64(at: at + SpaceFormat.Descriptor.segmentID)
                extent.previous = page.address(at: at + SpaceFormat.Descriptor.node)
                extent.next = page.address(at: at + SpaceFormat.Descriptor.node + 6)
                for index in 0..<64 {
                    let bits = page.u8(at: at + SpaceFormat.Descriptor.bitmap + index / 4) >> UInt8(index % 4 * 2)
                    if bits & 1 == 0 { extent.used |= 1 << UInt64(index) }
                    if bits & 2 == 0 { find(number, "clean bit of page \(start + UInt32(index)) is 0") }
                }
                extents.append(extent)
            }
        }
    }

    /// Follows a list of extents and marks them.
    private mutating func walk(
        _ page: PageBytes,
        _ offset: Int,
        _ name: String,
        _ state: UInt32,
        _ owner: UInt64,
        _ isRight: (Int) -> Bool
    ) {
        let base = page.list(at: offset)
        var previous = ListAddress.none
        var address = base.first
        var length = 0
        while !address.isNone {
            guard let start = SpaceFormat.extentStart(of: address), Int(start.rawValue / 64) < extents.count else {
                return find(page.number, "the \(name) list leads to \(address), where no extent is")
            }
            let number = Int(start.rawValue / 64)
            if let other = extents[number].list {
                return find(start, "the extent is in the \(name) list and in the \(other) list")
            }
            extents[number].list = name
            let extent = extents[number]
            if extent.previous != previous {
                find(start, "in the \(name) list, previous is \(extent.previous), not \(previous)")
            }
            if extent.state != state || extent.segmentID != owner {
                find(start, "in the \(name) list with state \(extent.state) of segment \(extent.segmentID)")
            }
            if !isRight(extent.usedCount) { find(start, "in the \(name) list with \(extent.usedCount) used pages") }
            previous = address
            address = extent.next
            length += 1
        }
        if length != Int(base.length) {
            find(page.number, "the \(name) list has \(length) extents, but says \(base.length)")
        }
        if previous != base.last { find(page.number, "the \(name) list ends at \(previous), but says \(base.last)") }
    }

    private mutating func checkSegment(_ segment: Segment, _ inode: PageBytes, _ size: UInt32) {
        let at = segment.inodeOffset
        if inode.u64(at: at) != segment.id
            || inode.u32(at: at + SpaceFormat.Inode.magic) != SpaceFormat.Inode.magicValue
        {
            find(SpaceFormat.inodePage, "the inode at \(at) is not that of segment \(segment.id)")
        }
        let name = "segment \(segment.id)"
        let state = SpaceFormat.State.segment
        walk(inode, at + SpaceFormat.Inode.free, "\(name) free", state, segment.id) { $0 == 0 }
        walk(inode, at + SpaceFormat.Inode.notFull, "\(name) not full", state, segment.id) { $0 > 0 && $0 < 64 }
        walk(inode, at + SpaceFormat.Inode.full, "\(name) full", state, segment.id) { $0 == 64 }
        let used = extents.reduce(0) { $0 + ($1.list == "\(name) not full" ? $1.usedCount : 0) }
        let stored = inode.u32(at: at + SpaceFormat.Inode.notFullUsedCount)
        if used != Int(stored) {
            find(SpaceFormat.inodePage, "\(name) uses \(used) pages of extents with room, but says \(stored)")
        }
        var pages = PageSet(capacity: size)
        for slot in 0..<Int(SpaceFormat.Inode.fragmentCount) {
            let page = PageNumber(rawValue: inode.u32(at: at + SpaceFormat.Inode.fragments + 4 * slot))
            if page == .none { continue }
            if !pages.insert(page) { find(page, "fragment \(slot) of \(name) is a second time or beyond the file") }
        }
        fragments[segment] = pages
    }

    private mutating func checkCounts(_ header: PageBytes) {
        let used = extents.reduce(0) { $0 + ($1.state == SpaceFormat.State.freeFragment ? $1.usedCount : 0) }
        let stored = header.u32(at: SpaceFormat.Header.fragmentUsedCount)
        if used != Int(stored) {
            find(SpaceFormat.headerPage, "\(used) fragment pages of extents with room are used, but it says \(stored)")
        }
    }

    /// Compares what is used in an extent with who claims it.
    private mutating func checkExtent(_ number: Int, _ reached: [Segment: PageSet]) {
        let extent = extents[number]
        let start = PageNumber(rawValue: UInt32(number) * 64)
        if extent.list == nil { find(start, "the extent (state \(extent.state)) is in no list") }
        var claimed: UInt64 = 0
        for segment in Segment.allCases {
            let pages = fragments[segment]?.extentBits(number) ?? 0
            if pages & claimed != 0 { find(start, "both segments have the same fragment page here") }
            claimed |= pages
        }
        switch extent.state {
        case SpaceFormat.State.freeFragment, SpaceFormat.State.fullFragment:
            var reserved: UInt64 = number % 256 == 0 ? 0b11 : 0
            if number == 0 { reserved |= 0b100 }
            if reserved & claimed != 0 { find(start, "a management page is a fragment page of a segment") }
            if extent.used != claimed | reserved {
                find(
                    start,
                    "used pages \(hex(extent.used)) differ from fragment and own pages \(hex(claimed | reserved))"
                )
            }
        case SpaceFormat.State.segment:
            if claimed != 0 { find(start, "an extent of segment \(extent.segmentID) holds fragment pages") }
            for segment in Segment.allCases where segment.id == extent.segmentID {
                compare(start, extent.used, reached[segment]?.extentBits(number) ?? 0, segment)
            }
        default:
            if claimed != 0 { find(start, "an extent of state \(extent.state) holds fragment pages") }
        }
        for segment in Segment.allCases {
            let fragment = fragments[segment]?.extentBits(number) ?? 0
            if fragment != 0 {
                compare(start, fragment, (reached[segment]?.extentBits(number) ?? 0) & fragment, segment)
            }
        }
    }

    private mutating func compare(_ start: PageNumber, _ owned: UInt64, _ reached: UInt64, _ segment: Segment) {
        if owned & ~reached != 0 {
            find(start, "segment \(segment.id) owns pages \(hex(owned & ~reached)) of the extent that nothing leads to")
        }
        if reached & ~owned != 0 {
            find(start, "pages \(hex(reached & ~owned)) of the extent are in use, but not allocated")
        }
    }

    /// Checks that every page that was reached belongs to the segment.
    private mutating func checkReached(_ segment: Segment, _ pages: PageSet) {
        for number in 0..<min(extents.count, Int(pages.capacity / 64)) {
            let isOwned = extents[number].state == SpaceFormat.State.segment && extents[number].segmentID == segment.id
            let owned = isOwned ? .max : fragments[segment]?.extentBits(number) ?? 0
            let stray = pages.extentBits(number) & ~owned
            if stray != 0 {
                find(
                    PageNumber(rawValue: UInt32(number) * 64),
                    "pages \(hex(stray)) of the extent are reached as pages of segment \(segment.id), not its own"
                )
            }
        }
    }

    private func hex(_ bits: UInt64) -> String { "0x" + String(bits, radix: 16) }
}

/// A private copy of a page, so that a check holds no latch while it thinks.
@safe
struct PageCopy: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer
    /// The bytes, valid as long as the copy.
    let bytes: PageBytes

    /// Copies page `id` under its shared latch.
    ///
    /// Waits.
    init(_ kernel: Kernel, _ id: PageID) throws(RedoubtError) {
        let frame = try kernel.pool.fetchShared(id)
        unsafe memory = .allocate(byteCount: pageByteCount + 16, alignment: 16)
        guard let base = unsafe memory.baseAddress else { preconditionFailure("no memory for a page") }
        bytes = unsafe PageBytes(base)
        bytes.copyPage(from: frame.bytes)
        frame.unlockShared()
    }

    deinit {
        unsafe memory.deallocate()
    }
}
