import RedoubtCore

/// Checks the management pages of one space: every page of the file is accounted for exactly once.
///
/// Extents are in one list each, of the right kind, linked both ways and counted right; each used page is a management
/// page, or belongs to a segment and was reached from the tree or from a pending chain; and the other way round.
/// A finding names the page and the offset of the field that is wrong, or of one of two that contradict each other.
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
        try checkBitmaps(size)
        checkInodePage(inode.bytes)
        walk(header.bytes, SpaceFormat.Header.free, "free", SpaceFormat.State.free, 0) { $0 == 0 }
        walk(header.bytes, SpaceFormat.Header.freeFragment, "free fragment", SpaceFormat.State.freeFragment, 0) {
            $0 < 64
        }
        walk(header.bytes, SpaceFormat.Header.fullFragment, "full fragment", SpaceFormat.State.fullFragment, 0) {
            $0 == 64
        }
        for segment in Segment.allCases { checkSegment(segment, inode.bytes, size) }
        checkCounts(header.bytes)
        for segment in Segment.allCases { checkFragments(segment, inode.bytes, reached) }
        for number in extents.indices { checkExtent(number, reached) }
        for (segment, pages) in reached.sorted(by: { $0.key.id < $1.key.id }) { checkReached(segment, pages) }
    }

    private mutating func find(_ page: PageNumber, _ message: String) {
        guard findings.count < Self.findingMaximum else { return }
        findings.append(CheckFinding(page: PageID(space: space.id, number: page), message: message))
    }

    private mutating func find(_ page: PageNumber, _ offset: Int, _ message: String) {
        find(page, "offset \(offset): \(message)")
    }

    /// Notes what is wrong with extent `number`, at `field` of its descriptor.
    private mutating func find(extent number: Int, _ field: Int, _ message: String) {
        let start = PageNumber(rawValue: UInt32(number) * 64)
        let offset = SpaceFormat.descriptorOffset(of: start) + field
        let pages = "\(start)...\(start.rawValue + 63)"
        find(SpaceFormat.descriptorPage(of: start), offset, "the extent of pages \(pages) \(message)")
    }

    /// Checks page 0; returns whether the rest makes sense.
    private mutating func checkHeader(_ page: PageBytes) -> Bool {
        let size = page.u32(at: SpaceFormat.Header.pageCount)
        let limit = page.u32(at: SpaceFormat.Header.freeLimit)
        guard size >= SpaceFormat.initialPageCount, size % SpaceFormat.extentPageCount == 0, size == space.pageCount
        else {
            expect(page, SpaceFormat.Header.pageCount, "size", size, space.pageCount)
            return false
        }
        expect(page, SpaceFormat.Header.freeLimit, "free limit", limit, size)
        expect(page, SpaceFormat.Header.flags, "flags", page.u32(at: SpaceFormat.Header.flags), SpaceFormat.flags)
        let id = page.u32(at: SpaceFormat.Header.spaceID)
        expect(page, SpaceFormat.Header.spaceID, "space id", id, space.id.rawValue)
        let nextSegment = page.u64(at: SpaceFormat.Header.nextSegmentID)
        expect(page, SpaceFormat.Header.nextSegmentID, "next segment id", nextSegment, 3)
        let node = ListAddress(page: SpaceFormat.inodePage, offset: UInt16(SpaceFormat.Inode.pageListNode))
        let free = page.list(at: SpaceFormat.Header.inodePagesFree)
        if free != ListBase(length: 1, first: node, last: node) {
            let message = "the list of inode pages with room is not page 2 alone"
            find(page.number, SpaceFormat.Header.inodePagesFree, message)
        }
        if page.list(at: SpaceFormat.Header.inodePagesFull) != ListBase(length: 0, first: .none, last: .none) {
            find(page.number, SpaceFormat.Header.inodePagesFull, "the list of full inode pages is not empty")
        }
        return true
    }

    private mutating func expect<Number: BinaryInteger>(
        _ page: PageBytes,
        _ offset: Int,
        _ what: String,
        _ found: Number,
        _ expected: Number
    ) {
        if found != expected { find(page.number, offset, "\(what) is \(found), expected \(expected)") }
    }

    /// Checks the bitmap pages: there is no change buffer.
    private mutating func checkBitmaps(_ size: UInt32) throws(RedoubtError) {
        for first in stride(from: 0, to: size, by: Int(SpaceFormat.descriptorInterval)) {
            let copy = try PageCopy(kernel, PageID(space: space.id, number: PageNumber(rawValue: first + 1)))
            let page = copy.bytes
            let expected = PageType.changeBufferBitmap.rawValue
            expect(page, PageBytes.Offset.type, "type", page.typeCode, expected)
            // Four bits a page: two of free space, which may say anything, "buffered", "change buffer".
            let bits = (PageBytes.Offset.body + 56..<8286).first { page.u8(at: $0) & 0xCC != 0 }
            if let bits { find(page.number, bits, "a page is said to have changes that are buffered") }
        }
    }

    /// Checks what of the inode page does not belong to a segment of the tree.
    private mutating func checkInodePage(_ page: PageBytes) {
        expect(page, PageBytes.Offset.type, "type", page.typeCode, PageType.inode.rawValue)
        for offset in [SpaceFormat.Inode.pageListNode, SpaceFormat.Inode.pageListNode + 6] {
            let address = page.address(at: offset)
            if address != .none { find(page.number, offset, "the list of inode pages goes on at \(address)") }
        }
        for index in 0..<SpaceFormat.Inode.countPerPage {
            let at = SpaceFormat.Inode.first + index * SpaceFormat.Inode.byteCount
            if Segment.allCases.contains(where: { $0.inodeOffset == at }) { continue }
            expect(page, at, "segment id of an inode without a segment", page.u64(at: at), 0)
        }
    }

    private mutating func readDescriptors(_ size: UInt32) throws(RedoubtError) {
        for first in stride(from: 0, to: size, by: Int(SpaceFormat.descriptorInterval)) {
            let number = PageNumber(rawValue: first)
            let copy = try PageCopy(kernel, PageID(space: space.id, number: number))
            let page = copy.bytes
            let expected: PageType = first == 0 ? .spaceHeader : .extentDescriptors
            expect(page, PageBytes.Offset.type, "type", page.typeCode, expected.rawValue)
            for start in stride(from: first, to: min(size, first + SpaceFormat.descriptorInterval), by: 64) {
                let at = SpaceFormat.descriptorOffset(of: PageNumber(rawValue: start))
                var extent = Extent()
                extent.state = page.u32(at: at + SpaceFormat.Descriptor.state)
                extent.segmentID = page.u64(at: at + SpaceFormat.Descriptor.segmentID)
                extent.previous = page.address(at: at + SpaceFormat.Descriptor.node)
                extent.next = page.address(at: at + SpaceFormat.Descriptor.node + 6)
                for index in 0..<64 {
                    let place = at + SpaceFormat.Descriptor.bitmap + index / 4
                    let bits = page.u8(at: place) >> UInt8(index % 4 * 2)
                    if bits & 1 == 0 { extent.used |= 1 << UInt64(index) }
                    if bits & 2 == 0 { find(number, place, "clean bit of page \(start + UInt32(index)) is 0") }
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
        // Where the address stands.
        var place = (page: page.number, offset: offset + 4)
        var length = 0
        while !address.isNone {
            guard let start = SpaceFormat.extentStart(of: address), Int(start.rawValue / 64) < extents.count else {
                return find(place.page, place.offset, "the \(name) list leads to \(address), where no extent is")
            }
            let number = Int(start.rawValue / 64)
            if let other = extents[number].list {
                let message = "the \(name) list leads to the extent of page \(start), which is in the \(other) list"
                return find(place.page, place.offset, message)
            }
            extents[number].list = name
            let extent = extents[number]
            if extent.previous != previous {
                let message = "has \(extent.previous) before it in the \(name) list, expected \(previous)"
                find(extent: number, SpaceFormat.Descriptor.node, message)
            }
            if extent.state != state {
                find(extent: number, SpaceFormat.Descriptor.state, "is in the \(name) list with state \(extent.state)")
            }
            if extent.segmentID != owner {
                let message = "is in the \(name) list with segment id \(extent.segmentID)"
                find(extent: number, SpaceFormat.Descriptor.segmentID, message)
            }
            if !isRight(extent.usedCount) {
                let message = "is in the \(name) list with \(extent.usedCount) used pages"
                find(extent: number, SpaceFormat.Descriptor.bitmap, message)
            }
            previous = address
            place = (address.page, Int(address.offset) + 6)
            address = extent.next
            length += 1
        }
        expect(page, offset, "length of the \(name) list", base.length, UInt32(length))
        if previous != base.last {
            find(page.number, offset + 10, "the \(name) list ends at \(previous), but is said to end at \(base.last)")
        }
    }

    private mutating func checkSegment(_ segment: Segment, _ inode: PageBytes, _ size: UInt32) {
        let at = segment.inodeOffset
        expect(inode, at, "segment id", inode.u64(at: at), segment.id)
        let magic = inode.u32(at: at + SpaceFormat.Inode.magic)
        expect(inode, at + SpaceFormat.Inode.magic, "magic number of the inode", magic, SpaceFormat.Inode.magicValue)
        let name = "segment \(segment.id)"
        let state = SpaceFormat.State.segment
        walk(inode, at + SpaceFormat.Inode.free, "\(name) free", state, segment.id) { $0 == 0 }
        walk(inode, at + SpaceFormat.Inode.notFull, "\(name) not full", state, segment.id) { $0 > 0 && $0 < 64 }
        walk(inode, at + SpaceFormat.Inode.full, "\(name) full", state, segment.id) { $0 == 64 }
        let used = extents.reduce(0) { $0 + ($1.list == "\(name) not full" ? $1.usedCount : 0) }
        let stored = inode.u32(at: at + SpaceFormat.Inode.notFullUsedCount)
        let counter = at + SpaceFormat.Inode.notFullUsedCount
        expect(inode, counter, "used pages of \(name) in extents with room", stored, UInt32(used))
        var pages = PageSet(capacity: size)
        for (offset, page) in Self.fragments(segment, inode) where !pages.insert(page) {
            find(inode.number, offset, "fragment page \(page) of \(name) is there twice, or beyond the file")
        }
        fragments[segment] = pages
    }

    /// The places of the fragment array of `segment` that are in use, and their pages.
    private static func fragments(_ segment: Segment, _ inode: PageBytes) -> [(offset: Int, page: PageNumber)] {
        (0..<Int(SpaceFormat.Inode.fragmentCount)).compactMap { slot in
            let offset = segment.inodeOffset + SpaceFormat.Inode.fragments + 4 * slot
            let page = PageNumber(rawValue: inode.u32(at: offset))
            return page == .none ? nil : (offset, page)
        }
    }

    /// Checks that the fragment pages of a segment are allocated as such, and in use.
    private mutating func checkFragments(_ segment: Segment, _ inode: PageBytes, _ reached: [Segment: PageSet]) {
        for (offset, page) in Self.fragments(segment, inode) {
            guard Int(page.rawValue / 64) < extents.count else { continue }
            let extent = extents[Int(page.rawValue / 64)]
            let isShared =
                extent.state == SpaceFormat.State.freeFragment || extent.state == SpaceFormat.State.fullFragment
            let what = "fragment page \(page) of segment \(segment.id)"
            if !isShared || extent.used >> UInt64(page.rawValue % 64) & 1 == 0 {
                find(inode.number, offset, "\(what) is not allocated as one")
            } else if reached[segment]?.contains(page) == false {
                find(inode.number, offset, "\(what) is in use by nothing")
            }
        }
    }

    private mutating func checkCounts(_ header: PageBytes) {
        let used = extents.reduce(0) { $0 + ($1.state == SpaceFormat.State.freeFragment ? $1.usedCount : 0) }
        let stored = header.u32(at: SpaceFormat.Header.fragmentUsedCount)
        let counter = SpaceFormat.Header.fragmentUsedCount
        expect(header, counter, "used fragment pages in extents with room", stored, UInt32(used))
    }

    /// Compares what is used in an extent with who claims it.
    private mutating func checkExtent(_ number: Int, _ reached: [Segment: PageSet]) {
        let extent = extents[number]
        if extent.list == nil {
            find(extent: number, SpaceFormat.Descriptor.state, "(state \(extent.state)) is in no list")
        }
        let bitmap = SpaceFormat.Descriptor.bitmap
        var claimed: UInt64 = 0
        for segment in Segment.allCases {
            let pages = fragments[segment]?.extentBits(number) ?? 0
            if pages & claimed != 0 {
                find(extent: number, bitmap, "has pages \(hex(pages & claimed)) that both segments claim")
            }
            claimed |= pages
        }
        switch extent.state {
        case SpaceFormat.State.freeFragment, SpaceFormat.State.fullFragment:
            var reserved: UInt64 = number % 256 == 0 ? 0b11 : 0
            if number == 0 { reserved |= 0b100 }
            if reserved & claimed != 0 {
                find(extent: number, bitmap, "has management pages \(hex(reserved & claimed)) that a segment claims")
            }
            if extent.used != claimed | reserved {
                let message = "has used pages \(hex(extent.used)), but \(hex(claimed | reserved)) are claimed"
                find(extent: number, bitmap, message)
            }
        case SpaceFormat.State.segment:
            if claimed != 0 {
                find(extent: number, bitmap, "of segment \(extent.segmentID) has fragment pages \(hex(claimed))")
            }
            for segment in Segment.allCases where segment.id == extent.segmentID {
                compare(number, extent.used, reached[segment]?.extentBits(number) ?? 0, segment)
            }
        default:
            if claimed != 0 {
                find(extent: number, bitmap, "of state \(extent.state) has fragment pages \(hex(claimed))")
            }
        }
    }

    private mutating func compare(_ number: Int, _ owned: UInt64, _ reached: UInt64, _ segment: Segment) {
        let bitmap = SpaceFormat.Descriptor.bitmap
        if owned & ~reached != 0 {
            let message = "has pages \(hex(owned & ~reached)) of segment \(segment.id) that nothing leads to"
            find(extent: number, bitmap, message)
        }
        if reached & ~owned != 0 {
            find(extent: number, bitmap, "has pages \(hex(reached & ~owned)) in use that are not allocated")
        }
    }

    /// Checks that every page that was reached belongs to the segment.
    private mutating func checkReached(_ segment: Segment, _ pages: PageSet) {
        for number in 0..<min(extents.count, Int(pages.capacity / 64)) {
            let isOwned = extents[number].state == SpaceFormat.State.segment && extents[number].segmentID == segment.id
            let owned = isOwned ? .max : fragments[segment]?.extentBits(number) ?? 0
            let stray = pages.extentBits(number) & ~owned
            if stray != 0 {
                let message = "has pages \(hex(stray)) that are reached as pages of segment \(segment.id), not its own"
                find(extent: number, SpaceFormat.Descriptor.segmentID, message)
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
