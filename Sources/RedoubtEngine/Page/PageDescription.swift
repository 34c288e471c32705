package import RedoubtCore

/// What one page holds, read from any bytes: header, directory, records and lists.
///
/// Every walk is bounded and every offset masked, so damage ends in rows that make no sense and in findings, never in
/// a trap.
package enum PageDescription {
    /// The name of the type that the page claims.
    package static func typeName(_ page: [UInt8]) -> String {
        let code = StructureLayout.number(page, at: PageBytes.Offset.type, 2)
        return PageLayouts.typeNames[code] ?? "unknown (\(code))"
    }

    /// Runs `body` with the bytes of `page` where the code for pages can read them; missing bytes are zeros.
    static func withPage<Result>(_ page: [UInt8], _ body: (PageBytes) -> Result) -> Result {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: pageByteCount + 16, alignment: 16)
        defer { unsafe memory.deallocate() }
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe memory.copyBytes(from: page.prefix(pageByteCount))
        guard let base = memory.baseAddress else { preconditionFailure("no memory for a page") }
        return unsafe body(PageBytes(base))
    }

    /// Why `page` is not the page `id`, or nil; a page that was never written is no fault.
    ///
    /// `isSealedWhole` is for files of MariaDB's form `full_crc32`.
    package static func fault(_ page: [UInt8], id: PageID, isSealedWhole: Bool = false) -> String? {
        guard page.count >= pageByteCount else {
            return "the file ends within the page: only \(page.count) of its 16384 bytes are there"
        }
        return withPage(page) { page in
            let fault =
                isSealedWhole ? PageSeal.faultOfWhole(page, expected: id) : PageSeal.fault(page, expected: id)
            return fault == .unwritten ? nil : fault?.description
        }
    }

    /// What is not as it must be on an index page; nothing for other pages.
    package static func findings(_ page: [UInt8], id: PageID) -> [String] {
        withPage(page) { page in
            guard page.type == .index else { return [] }
            return IndexPageCheck.findings(IndexPage(page), id: id).map { "offset \($0.offset): \($0.text)" }
        }
    }

    /// The tables of an index page.
    package static func index(_ page: [UInt8]) -> [InspectedTable] {
        var tables = [PageLayouts.index.decode(page)]
        // Only the root says where its segments are; other pages have zeros there.
        if StructureLayout.number(page, at: IndexPage.Offset.leafSegment, 4) != 0 {
            tables.append(PageLayouts.root.decode(page))
        }
        withPage(page) { bytes in
            let page = IndexPage(bytes)
            tables.append(directory(page))
            tables.append(records(page))
            let freed = freed(page)
            if !freed.rows.isEmpty { tables.append(freed) }
        }
        return tables
    }

    private static func directory(_ page: IndexPage) -> InspectedTable {
        var table = InspectedTable("directory", columns: ["slot", "origin", "owns", "key"])
        for slot in 0..<page.boundedSlotCount {
            let origin = page.slotOrigin(slot)
            let record = page.record(at: origin)
            table.add(
                .number(UInt64(slot)),
                .number(UInt64(origin)),
                .number(UInt64(record.ownedCount)),
                key(record)
            )
        }
        return table
    }

    private static func key(_ record: Record) -> InspectedTable.Cell {
        if record.origin == IndexPage.infimum { return .text("infimum") }
        if record.origin == IndexPage.supremum { return .text("supremum") }
        return unsafe .bytes(Array(record.key))
    }

    /// The records in the order of keys, as far as the list leads.
    private static func records(_ page: IndexPage) -> InspectedTable {
        let isLeaf = page.isLeaf
        var table = InspectedTable(
            "records",
            columns: ["record", "origin", "heap", "owns", "marks", "key", isLeaf ? "bytes" : "child"]
                + (isLeaf ? ["value"] : [])
        )
        var origin = page.firstOrigin
        var number: UInt64 = 0
        while origin != IndexPage.supremum, number < UInt64(IndexPage.heapCountMaximum) {
            let record = page.record(at: origin)
            let common: [InspectedTable.Cell] = [
                .number(number), .number(UInt64(origin)), .number(UInt64(record.heapNumber)),
                .number(UInt64(record.ownedCount)), .text(marks(record)), unsafe .bytes(Array(record.key)),
            ]
            table.add(common + (isLeaf ? value(record) : [.number(UInt64(record.child.rawValue))]))
            number += 1
            // Where the list cannot go on, the findings say so.
            guard record.next >= IndexPage.heapStart || record.next == IndexPage.supremum else { break }
            origin = record.next
        }
        return table
    }

    private static func value(_ record: Record) -> [InspectedTable.Cell] {
        let shape = record.shape
        guard shape.isOffPage else {
            return [.number(UInt64(shape.valueByteCount)), unsafe .bytes(Array(record.value))]
        }
        let reference = record.valueReference
        return [.number(reference.byteCount), .text("from page \(reference.firstPage) on")]
    }

    private static func marks(_ record: Record) -> String {
        var marks: [String] = []
        if record.isMinimum { marks.append("minimum") }
        if record.isDeleted { marks.append("deleted") }
        return marks.joined(separator: " ")
    }

    /// The freed records, first the one that is used next.
    private static func freed(_ page: IndexPage) -> InspectedTable {
        var table = InspectedTable("free list", columns: ["record", "origin", "heap", "bytes"])
        var origin = page.freeHead & PageBytes.offsetMask
        while origin >= IndexPage.heapStart, table.rows.count < IndexPage.heapCountMaximum {
            let record = page.record(at: origin)
            table.add(
                .number(UInt64(table.rows.count)),
                .number(UInt64(origin)),
                .number(UInt64(record.heapNumber)),
                .number(UInt64(record.byteCount))
            )
            let step = Int(page.bytes.u16(at: origin - 2))
            if step == 0 { break }
            origin = (origin + step) & PageBytes.offsetMask
        }
        return table
    }

    /// The keys and children of an inner page, in order; none of other pages.
    package static func nodePointers(_ page: [UInt8]) -> [(key: [UInt8], child: UInt32)] {
        withPage(page) { bytes in
            let page = IndexPage(bytes)
            guard bytes.type == .index, !page.isLeaf else { return [] }
            var pointers: [(key: [UInt8], child: UInt32)] = []
            var origin = page.firstOrigin
            while origin != IndexPage.supremum, pointers.count < IndexPage.heapCountMaximum {
                let record = page.record(at: origin)
                unsafe pointers.append((Array(record.key), record.child.rawValue))
                if record.next < IndexPage.infimum { break }
                origin = record.next
            }
            return pointers
        }
    }

    /// How much of an index page its records use, from 0 to 1; of another page nil.
    package static func fill(_ page: [UInt8]) -> Double? {
        withPage(page) { page in
            guard page.type == .index else { return nil }
            let used = IndexPage(page).dataByteCount
            return min(1, max(0, Double(used) / Double(IndexPage.emptyCapacity)))
        }
    }
}
