import RedoubtCore

/// One walk over all rows of a foreign tree, from the root down, that trusts nothing it reads.
///
/// Every page is proven and reached once; levels, siblings, index ids, the order of keys and the bytes of each page's
/// heap must agree with each other. So a walk ends, uses a bounded amount of memory, and a table of another shape,
/// whose records would have other lengths, is noticed on its first page.
final class ForeignWalk {
    /// The file.
    let pages: ForeignPages
    /// Memory for the page of a value.
    let chainBuffer: PageBuffer
    /// Memory for the page of a value's index.
    let entryBuffer: PageBuffer
    /// Whether the walk ended because pages that are sound by themselves do not go together: another shape may fit.
    private(set) var isMisshapen = false
    /// Whether the walk ended at a page that could not be read, before it came to a leaf: in a node of another shape
    /// any bytes can be taken for what leads to a page.
    private(set) var isMisled = false
    /// Whether the walk came to the first leaf, as one does where nodes are read as they were written.
    private(set) var hasLeaf = false
    /// The rows found.
    private(set) var rowCount = 0
    /// The leftovers of deletes that were passed over.
    private(set) var deletedCount = 0
    /// Whether all records could as well be those of a table that has other rows: its key consists of two columns, or
    /// is shorter and columns of a fixed length follow.
    var isAmbiguous: Bool { hasValues && canBeTwoPartKey || rowCount + deletedCount > 0 && !shorterKeys.isEmpty }

    private let shape: RowShape
    private let isGuess: Bool
    private var canBeTwoPartKey = true
    private var hasValues = false
    // The lengths below that of a fixed key behind which all records seen could have their system columns.
    private var shorterKeys: [Int]
    private var firstNull: Int?
    private let root: PageNumber
    private var reached = ReachedPages()
    private var indexID: UInt64 = 0
    private var lastKey: [UInt8] = []
    // Of each level, the page that was visited last, and the one that it says comes next.
    private var edges: [(page: PageNumber, next: PageNumber)] = []

    /// What is called for each row, in order.
    typealias Visit = (UnsafeRawBufferPointer, ForeignValue) throws(RedoubtError) -> Void

    /// No tree is as high as this.
    private static let levelMaximum = 50
    /// MariaDB's page type of a root whose table was altered at once.
    private static let instantType: UInt16 = 18

    /// Walks over the tree at `root`; with `isGuess` nobody has said that `shape` is that of the table, so the records
    /// must show it.
    init(
        _ pages: ForeignPages,
        root: PageNumber,
        shape: RowShape,
        isGuess: Bool = false
    ) throws(RedoubtError) {
        self.pages = pages
        self.isGuess = isGuess
        self.root = root
        self.shape = shape
        if case .fixed(let count) = shape.key, isGuess { shorterKeys = Array(1..<count) } else { shorterKeys = [] }
        chainBuffer = try PageBuffer()
        entryBuffer = try PageBuffer()
    }

    /// Calls `visit` for every row that was not deleted.
    ///
    /// Waits for the file system.
    ///
    /// - Throws: `.corruptPage`, `.unsupportedFormat`, `.readFailed`, and what `visit` throws.
    func run(_ visit: Visit) throws(RedoubtError) {
        let buffer = try PageBuffer()
        try read(root, into: buffer)
        let page = IndexPage(buffer.page)
        guard page.level <= Self.levelMaximum, page.previous == .none, page.next == .none else {
            throw fault(root, "it is no root: its level is \(page.level), its siblings \(page.previous), \(page.next)")
        }
        indexID = page.indexID
        edges = (0...page.level).map { _ in (.none, .none) }
        try unsafe walk(root, buffer, level: page.level, visit)
        for edge in edges where edge.next != .none {
            throw fault(edge.page, "its right sibling \(edge.next) is not in the tree")
        }
        // Not before all the rest has proven that it is the shape of the table that says so.
        if let firstNull {
            throw RedoubtError(
                .unsupportedFormat,
                "row \(firstNull) has the value NULL, which no row here can have",
                path: pages.path
            )
        }
    }

    /// Notes that page `number` is in use; returns false if it was before.
    func reach(_ number: PageNumber) -> Bool { reached.insert(number) }

    /// The error for page `number`, sound by itself, not being what the shape has there.
    private func fault(_ number: PageNumber, _ reason: String) -> RedoubtError {
        isMisshapen = true
        return pages.damaged(number, reason)
    }

    private var altered: RedoubtError {
        RedoubtError(
            .unsupportedFormat,
            "columns of the table were added, dropped or moved at once, so its rows have several forms; "
                + "run ALTER TABLE ... FORCE and export it again",
            path: pages.path
        )
    }

    private func read(_ number: PageNumber, into buffer: PageBuffer) throws(RedoubtError) {
        guard reach(number) else { throw fault(number, "two pages lead to it") }
        do throws(RedoubtError) {
            try pages.read(number, into: buffer)
        } catch {
            isMisled = !hasLeaf
            throw error
        }
        let type = buffer.page.typeCode
        if type == Self.instantType { throw altered }
        guard type == PageType.index.rawValue else { throw fault(number, "it is of type \(type), not of a tree") }
        guard buffer.page.u16(at: IndexPage.Offset.heapCount) & 0x8000 != 0 else {
            throw RedoubtError(
                .unsupportedFormat,
                "the row format is REDUNDANT; run ALTER TABLE ... ROW_FORMAT=DYNAMIC and export it again",
                path: pages.path
            )
        }
    }

    private func walk(
        _ number: PageNumber,
        _ buffer: PageBuffer,
        level: Int,
        _ visit: Visit
    ) throws(RedoubtError) {
        let page = IndexPage(buffer.page)
        try checkPlace(page, number, level: level)
        if level == 0 { return try unsafe visitLeaf(page, number, visit) }
        var children: [PageNumber] = []
        try forEachRecord(page, number, isNode: true) { (record) throws(RedoubtError) in
            children.append(PageNumber(rawValue: page.bytes.u32(at: record.origin + record.keyByteCount)))
        }
        if children.isEmpty { throw fault(number, "it has no pointers") }
        // The page was read for its pointers; its memory can hold the pages below.
        for child in children {
            try read(child, into: buffer)
            try unsafe walk(child, buffer, level: level - 1, visit)
        }
    }

    private func checkPlace(_ page: IndexPage, _ number: PageNumber, level: Int) throws(RedoubtError) {
        guard page.level == level, page.indexID == indexID else {
            throw fault(
                number,
                "it has level \(page.level) and index \(page.indexID), but level \(level) and \(indexID) are due"
            )
        }
        let edge = edges[level]
        guard page.previous == edge.page, edge.page == .none || edge.next == number else {
            throw fault(number, "its left sibling is \(page.previous), but \(edge.page) stands there")
        }
        edges[level] = (number, page.next)
    }

    /// Calls `body` for the records of `page` in order, and checks that together they take the bytes that it says.
    private func forEachRecord(
        _ page: IndexPage,
        _ number: PageNumber,
        isNode: Bool,
        _ body: (ForeignRecord) throws(RedoubtError) -> Void
    ) throws(RedoubtError) {
        var origin = page.firstOrigin
        var byteCount = 0
        for index in 0..<page.recordCount {
            let record: ForeignRecord
            do throws(ForeignRecord.Fault) {
                record = try ForeignRecord(page, at: origin, shape: shape, isNode: isNode)
            } catch {
                if error == .altered { throw altered }
                throw fault(number, "there is no record \(index + 1) of \(shape)")
            }
            byteCount += record.byteCount
            try body(record)
            origin = record.next
        }
        guard origin == IndexPage.supremum else { throw fault(number, "it has more than \(page.recordCount) records") }
        let stated = page.heapTop - IndexPage.heapStart - page.garbage
        guard byteCount == stated else {
            throw fault(number, "its records take \(stated) bytes, but with \(shape) they would take \(byteCount)")
        }
    }

    private func visitLeaf(_ page: IndexPage, _ number: PageNumber, _ visit: Visit) throws(RedoubtError) {
        hasLeaf = true
        // No value is followed before the whole leaf has proven to be of the shape. What is wrong behind it is damage
        // then, and no question of the shape: another one that does not see the reference could fit by chance.
        try checkLeaf(page, number)
        try forEachRecord(page, number, isNode: false) { (record) throws(RedoubtError) in
            if record.isDeleted {
                deletedCount += 1
                return
            }
            rowCount += 1
            if record.isNull {
                firstNull = firstNull ?? rowCount
                return
            }
            let key = unsafe page.bytes.bytes(at: record.origin, count: record.keyByteCount)
            unsafe try visit(key, try value(of: record, page, number))
        }
    }

    /// Checks all that a leaf itself tells of its records.
    private func checkLeaf(_ page: IndexPage, _ number: PageNumber) throws(RedoubtError) {
        // Told when the whole leaf has proven to be sound: before that it may as well be of another shape.
        var isDescending = false
        var place = rowCount + deletedCount
        try forEachRecord(page, number, isNode: false) { (record) throws(RedoubtError) in
            if isGuess { try checkSystemColumns(record, page, number) }
            place += 1
            if isDescending { return }
            let key = unsafe page.bytes.bytes(at: record.origin, count: record.keyByteCount)
            let order = unsafe lastKey.withUnsafeBytes { unsafe KeyOrder.compare($0, key) }
            guard order < 0 || place == 1 else {
                isDescending = order > 0 && place == 2
                if isDescending { return }
                throw fault(number, "its keys do not ascend by their bytes")
            }
            unsafe lastKey.replaceSubrange(lastKey.startIndex..<lastKey.endIndex, with: key)
            if !record.isDeleted { try checkKey(record, number, place) }
        }
        if isDescending { throw descending }
    }

    private var descending: RedoubtError {
        isMisshapen = true
        return RedoubtError(
            .unsupportedFormat,
            "the second key stands before the first by its bytes: the key may be DESC or have a collation; copy the "
                + "rows into a table whose key is VARBINARY and ascends, and export that",
            path: pages.path
        )
    }

    /// Checks that system columns stand where the shape has them, and notes whether they could stand behind the value
    /// too, as in a table whose key is of both columns: its records are as long, byte for byte.
    private func checkSystemColumns(
        _ record: ForeignRecord,
        _ page: IndexPage,
        _ number: PageNumber
    ) throws(RedoubtError) {
        guard record.hasSystemColumns(page, behind: record.keyByteCount) else {
            throw fault(number, "what stands behind a key is no number of a transaction and no pointer to undo")
        }
        if !shorterKeys.isEmpty { shorterKeys.removeAll { !record.hasSystemColumns(page, behind: $0) } }
        guard record.valueByteCount > 0 else { return }
        hasValues = true
        let behind = record.keyByteCount + record.valueByteCount
        if record.isOffPage || !record.hasSystemColumns(page, behind: behind) { canBeTwoPartKey = false }
    }

    private func checkKey(_ record: ForeignRecord, _ number: PageNumber, _ place: Int) throws(RedoubtError) {
        if (1...Tree.keyByteCountMaximum).contains(record.keyByteCount) { return }
        let reason = "record \(place) has a key of \(record.keyByteCount) bytes; it must have 1 to 3072"
        // Where the shape is a guess, this says that it is a wrong one.
        if isGuess { throw fault(number, reason) }
        throw RedoubtError(.unsupportedFormat, reason, path: pages.path)
    }

    private func value(
        of record: ForeignRecord,
        _ page: IndexPage,
        _ number: PageNumber
    ) throws(RedoubtError) -> ForeignValue {
        let start = record.origin + record.keyByteCount + Record.systemByteCount
        guard record.isOffPage else {
            return unsafe ForeignValue(
                localBytes: page.bytes.bytes(at: start, count: record.valueByteCount),
                chain: nil
            )
        }
        let local = record.valueByteCount - Record.referenceByteCount
        let reference = unsafe OffPageReference(
            page.bytes.bytes(at: start + local, count: Record.referenceByteCount)
        )
        guard reference.byteCount >= 1, reference.byteCount <= UInt64(Tree.valueByteCountMaximum - local) else {
            throw pages.damaged(number, "a value of \(reference.byteCount) bytes stands outside it")
        }
        return unsafe ForeignValue(
            localBytes: page.bytes.bytes(at: start, count: local),
            chain: ForeignChain(self, reference)
        )
    }
}
