package import RedoubtCore

extension PageDescription {
    /// What a look at the bytes of a page finds, whatever they are.
    ///
    /// - Parameters:
    ///   - page: The bytes; those that are missing count as zeros.
    ///   - id: The page that should be there.
    package static func inspect(_ page: [UInt8], id: PageID, isSealedWhole: Bool = false) -> InspectedPage {
        guard page.contains(where: { $0 != 0 }) else {
            let fault = fault(page, id: id, isSealedWhole: isSealedWhole)
            return InspectedPage(id: id, type: "never written", fault: fault, tables: [], findings: [])
        }
        var tables = [PageLayouts.header.decode(page)]
        var findings: [String] = []
        switch PageType(
            rawValue: UInt16(truncatingIfNeeded: StructureLayout.number(page, at: PageBytes.Offset.type, 2))
        ) {
        case .index:
            tables += index(page)
            findings = self.findings(page, id: id)
        case .spaceHeader:
            tables += [SpaceLayouts.header.decode(page), SpaceLayouts.metadata.decode(page)]
            tables.append(extents(page, firstPage: id.number.rawValue, findings: &findings))
            let chains = pendingChains(page)
            if !chains.rows.isEmpty { tables.append(chains) }
            findings += headerFindings(page, id: id)
        case .extentDescriptors: tables.append(extents(page, firstPage: id.number.rawValue, findings: &findings))
        case .inode: tables += inodes(page, findings: &findings)
        case .blob:
            tables.append(SpaceLayouts.blob.decode(page))
            let count = Int(StructureLayout.number(page, at: SpaceFormat.Blob.partByteCount, 4))
            let isPossible = (1...16330).contains(count)
            if !isPossible { findings.append("offset 38: a part of \(count) bytes, expected 1 to 16330") }
            var content = InspectedTable("content", columns: ["offset", "bytes"])
            let end = min(page.count, SpaceFormat.Blob.data + (isPossible ? count : 0))
            if end > SpaceFormat.Blob.data {
                content.add(.number(UInt64(SpaceFormat.Blob.data)), .bytes(Array(page[SpaceFormat.Blob.data..<end])))
                tables.append(content)
            }
        case .changeBufferBitmap:
            let isClear = page.prefix(PageBytes.Offset.trailer).dropFirst(PageBytes.Offset.body).allSatisfy { $0 == 0 }
            if !isClear { findings.append("the bitmap of the change buffer has bits, expected none") }
        case .allocated: break
        case nil: findings.append("offset 24: this type of page belongs in none of our files")
        }
        tables.append(PageLayouts.trailer.decode(page))
        return InspectedPage(
            id: id,
            type: typeName(page),
            fault: fault(page, id: id, isSealedWhole: isSealedWhole),
            tables: tables,
            findings: findings
        )
    }

    /// The extents that a descriptor page describes, but those that were never initialised.
    private static func extents(_ page: [UInt8], firstPage: UInt32, findings: inout [String]) -> InspectedTable {
        var table = InspectedTable(
            "extents",
            columns: ["first page", "offset", "state", "segment", "used", "previous", "next", "pages"]
        )
        for number in 0..<Int(SpaceFormat.extentsPerDescriptorPage) {
            let at = SpaceFormat.Descriptor.first + number * SpaceFormat.Descriptor.byteCount
            let state = StructureLayout.number(page, at: at + SpaceFormat.Descriptor.state, 4)
            if state == 0 { continue }
            if SpaceLayouts.states[state] == nil { findings.append("offset \(at + 20): an extent of state \(state)") }
            let bitmap = bitmap(page, at: at + SpaceFormat.Descriptor.bitmap)
            table.add(
                .number(UInt64(firstPage) + UInt64(number) * UInt64(SpaceFormat.extentPageCount)),
                .number(UInt64(at)),
                .text(SpaceLayouts.states[state] ?? "unknown (\(state))"),
                .number(StructureLayout.number(page, at: at + SpaceFormat.Descriptor.segmentID, 8)),
                .number(UInt64(bitmap.utf8.count { $0 == UInt8(ascii: "#") })),
                .text(StructureLayout.address(page, at: at + SpaceFormat.Descriptor.node)),
                .text(StructureLayout.address(page, at: at + SpaceFormat.Descriptor.node + 6)),
                .text(bitmap)
            )
        }
        return table
    }

    /// The used pages of an extent as "#", the free ones as ".".
    private static func bitmap(_ page: [UInt8], at offset: Int) -> String {
        var text = ""
        for number in 0..<Int(SpaceFormat.extentPageCount) {
            let byte = StructureLayout.number(page, at: offset + number / 4, 1)
            text += byte >> UInt64(number % 4 * 2) & 1 == 0 ? "#" : "."
        }
        return text
    }

    private static func pendingChains(_ page: [UInt8]) -> InspectedTable {
        var table = InspectedTable("pending chains", columns: ["slot", "first page"])
        withPage(page) { page in
            for (slot, first) in PendingChains.list(page) {
                table.add(.number(UInt64(slot)), .number(UInt64(first.rawValue)))
            }
        }
        return table
    }

    /// What can be said of page 0 without the rest of the file.
    private static func headerFindings(_ page: [UInt8], id: PageID) -> [String] {
        func value(_ offset: Int) -> UInt64 { StructureLayout.number(page, at: offset, 4) }
        var findings: [String] = []
        let size = value(SpaceFormat.Header.pageCount)
        let limit = value(SpaceFormat.Header.freeLimit)
        let flags = value(SpaceFormat.Header.flags)
        let space = value(SpaceFormat.Header.spaceID)
        if size < 64 || size % 64 != 0 { findings.append("offset 46: a size of \(size) pages is not possible") }
        if limit != size { findings.append("offset 50: free limit is \(limit), but the size \(size)") }
        if flags != UInt64(SpaceFormat.flags) {
            findings.append("offset 54: flags are 0x\(String(flags, radix: 16)), but ours are 0x21")
        }
        if space != UInt64(id.space.rawValue) {
            findings.append("offset 38: space id is \(space), but the page is of \(id.space)")
        }
        let isOurs = withPage(page) { SpaceMetadata.isPresent($0) }
        if !isOurs { findings.append("offset 12288: no record of Redoubt; another program made the file") }
        return findings
    }

    private static func inodes(_ page: [UInt8], findings: inout [String]) -> [InspectedTable] {
        var tables: [InspectedTable] = []
        for number in 0..<SpaceFormat.Inode.countPerPage {
            let at = SpaceFormat.Inode.first + number * SpaceFormat.Inode.byteCount
            let id = StructureLayout.number(page, at: at, 8)
            if id == 0 { continue }
            let magic = StructureLayout.number(page, at: at + SpaceFormat.Inode.magic, 4)
            if magic != UInt64(SpaceFormat.Inode.magicValue) {
                findings.append("offset \(at + SpaceFormat.Inode.magic): magic is \(magic), expected 97937874")
            }
            tables.append(SpaceLayouts.inode.decode(page, at: at))
            var fragments = InspectedTable("fragments of segment \(id)", columns: ["slot", "page"])
            for slot in 0..<Int(SpaceFormat.Inode.fragmentCount) {
                let fragment = StructureLayout.number(page, at: at + SpaceFormat.Inode.fragments + 4 * slot, 4)
                if fragment != 0xFFFF_FFFF { fragments.add(.number(UInt64(slot)), .number(fragment)) }
            }
            if !fragments.rows.isEmpty { tables.append(fragments) }
        }
        return tables
    }
}
