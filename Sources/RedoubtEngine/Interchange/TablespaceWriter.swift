package import RedoubtCore
package import RedoubtSystem

/// Writes a complete tablespace from rows in ascending order: pages well filled, nothing deleted, nothing pending, no
/// redo that belongs to it.
///
/// For one thread. The file is complete after ``finish()`` and not durable before it is synced; after an error it is of
/// no use.
package final class TablespaceWriter {
    private let file: any StorageFile
    private let space: SpaceID
    private let buffer: AlignedBuffer
    private let chainBuffer: AlignedBuffer
    private var extents = SequentialExtents()
    private var levels: [LevelBuilder]
    private var lastKey: [UInt8] = []
    private var chain: Chain?

    /// The rows added.
    package private(set) var rowCount = 0

    /// A value outside its page that is being written.
    private struct Chain {
        let firstPage: PageNumber
        let byteCount: Int
        var number: PageNumber
        var left: Int
        var filled = 0
    }

    /// Begins a tablespace in `file`, which is empty; its pages say that they belong to space `space`.
    ///
    /// - Throws: `.systemLimit` if there is no memory.
    package init(_ file: any StorageFile, space: SpaceID) throws(RedoubtError) {
        self.file = file
        self.space = space
        buffer = try AlignedBuffer(byteCount: pageByteCount * (Int(SpaceFormat.initialUsedCount) + 1))
        chainBuffer = try AlignedBuffer(byteCount: 2 * pageByteCount)
        levels = [try LevelBuilder(level: 0, space: space)]
    }

    // MARK: Rows

    /// Adds a row whose key stands after all before.
    ///
    /// - Throws: what writing the file throws; `.corruptPage` if the keys do not ascend.
    package func add(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(RedoubtError) {
        if RecordImage.needsOffPage(key: key.count, value: value.count) {
            try beginValue(byteCount: value.count)
            unsafe try appendToValue(value)
            return unsafe try addWithValue(key)
        }
        unsafe try add(RecordImage(key: key, value: value))
    }

    /// Begins a value that does not fit a page, for the row that ``addWithValue(_:)`` adds.
    ///
    /// - Throws: `.diskFull` if a tablespace cannot be larger.
    package func beginValue(byteCount: Int) throws(RedoubtError) {
        precondition(chain == nil && byteCount > 0, "a value of \(byteCount) bytes is begun")
        let first = try extents.allocate(.leaf)
        chain = Chain(firstPage: first, byteCount: byteCount, number: first, left: byteCount)
    }

    /// Adds bytes to the value that was begun.
    ///
    /// - Throws: what writing the file throws; `.corruptPage` if they are more than were announced.
    package func appendToValue(_ bytes: UnsafeRawBufferPointer) throws(RedoubtError) {
        guard var chain, bytes.count <= chain.left else {
            throw RedoubtError(.corruptPage, "a value is longer than its row says", path: file.path)
        }
        var taken = 0
        while taken < bytes.count {
            let count = min(bytes.count - taken, Tree.chainPartByteCount - chain.filled)
            let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[taken..<taken + count])
            unsafe chainPage.copy(part, to: SpaceFormat.Blob.data + chain.filled)
            taken += count
            chain.filled += count
            chain.left -= count
            if chain.filled == Tree.chainPartByteCount || chain.left == 0 { try writePart(&chain) }
        }
        self.chain = chain
    }

    /// Adds the row that the value belongs to; its key stands after all before.
    ///
    /// - Throws: what writing the file throws; `.corruptPage` if bytes of the value are missing.
    package func addWithValue(_ key: UnsafeRawBufferPointer) throws(RedoubtError) {
        guard let chain, chain.left == 0 else {
            throw RedoubtError(.corruptPage, "a value is shorter than its row says", path: file.path)
        }
        self.chain = nil
        var reference = InlineArray<20, UInt8>(repeating: 0)
        var bytes = reference.mutableSpan
        try unsafe bytes.withUnsafeMutableBytes { (memory) throws(RedoubtError) in
            unsafe OffPageReference(space: space, firstPage: chain.firstPage, byteCount: UInt64(chain.byteCount))
                .write(to: memory.baseAddress.unsafelyUnwrapped)
            unsafe try add(RecordImage(key: key, reference: UnsafeRawBufferPointer(memory)))
        }
    }

    private var chainPage: PageBytes { unsafe PageBytes(chainBuffer.bytes.baseAddress.unsafelyUnwrapped) }

    private func writePart(_ chain: inout Chain) throws(RedoubtError) {
        let next = chain.left > 0 ? try extents.allocate(.leaf) : .none
        let page = chainPage
        page.store(UInt32(chain.filled), at: SpaceFormat.Blob.partByteCount)
        page.store(next.rawValue, at: SpaceFormat.Blob.next)
        page.typeCode = PageType.blob.rawValue
        page.previous = .none
        page.next = .none
        try write(page, chain.number)
        page.fill(at: 0, count: pageByteCount)
        chain.number = next
        chain.filled = 0
    }

    private func add(_ image: RecordImage) throws(RedoubtError) {
        guard unsafe rowCount == 0 || lastKey.withUnsafeBytes({ unsafe TreeKey.compare($0, image.key) }) < 0 else {
            throw RedoubtError(.corruptPage, "row \(rowCount + 1) does not stand after the row before it")
        }
        if rowCount == 0 { levels[0].firstKey = unsafe [UInt8](image.key) }
        if !levels[0].hasRoom(byteCount: image.byteCount) {
            let count = unsafe lastKey.withUnsafeBytes { unsafe TreeKey.separatorByteCount($0, image.key) }
            try finishPage(0, separator: unsafe [UInt8](image.key[..<count]))
        }
        try levels[0].append(image)
        rowCount += 1
        unsafe lastKey.replaceSubrange(lastKey.startIndex..<lastKey.endIndex, with: image.key)
    }

    // MARK: Levels

    /// Writes the page of `level`, which is full, and begins the next, whose pointer will have the key `separator`.
    private func finishPage(_ level: Int, separator: [UInt8]) throws(RedoubtError) {
        let builder = levels[level]
        let segment: Segment = level == 0 ? .leaf : .nonLeaf
        let number = if let number = builder.number { number } else { try extents.allocate(segment) }
        builder.number = number
        let next = try extents.allocate(segment)
        try write(builder, next: next)
        try addPointer(to: builder)
        try builder.advance(to: next, firstKey: separator)
    }

    private func write(_ builder: LevelBuilder, next: PageNumber) throws(RedoubtError) {
        builder.page.previous = builder.previous
        builder.page.next = next
        try write(builder.page, builder.number ?? .root)
    }

    /// Adds the pointer to the page of `child`, which was written, to the level above.
    private func addPointer(to child: LevelBuilder) throws(RedoubtError) {
        let level = child.level + 1
        if level == levels.count {
            levels.append(try LevelBuilder(level: level, space: space))
            levels[level].firstKey = child.firstKey
        }
        let size = RecordImage.nodeByteCount(key: child.firstKey.count)
        if !levels[level].hasRoom(byteCount: size) { try finishPage(level, separator: child.firstKey) }
        let builder = levels[level]
        let isMinimum = builder.recordCount == 0 && builder.previous == .none
        guard let number = child.number else { preconditionFailure("a pointer to a page without a number") }
        try unsafe child.firstKey.withUnsafeBufferPointer { (bytes) throws(RedoubtError) in
            let key = UnsafeRawBufferPointer(bytes)
            try builder.append(unsafe RecordImage(key: key, child: number, isMinimum: isMinimum))
        }
    }

    // MARK: End

    /// Writes what is left, the root and the pages that manage the space; returns the size in pages.
    ///
    /// - Throws: what writing the file throws.
    package func finish() throws(RedoubtError) -> UInt32 {
        precondition(chain == nil, "a value has no row")
        var level = 0
        // A pointer may make a level above full, and so make another one.
        while level < levels.count - 1 {
            try write(levels[level], next: .none)
            try addPointer(to: levels[level])
            level += 1
        }
        let root = levels[level]
        precondition(root.number == nil, "the top level has more than one page")
        SpaceFile.fillRoot(root.page, id: space)
        try write(root, next: .none)
        try writeManagement()
        try file.extend(to: UInt64(extents.pageCount) * UInt64(pageByteCount))
        return extents.pageCount
    }

    private func writeManagement() throws(RedoubtError) {
        unsafe SpaceFile.writeFirstPages(buffer.bytes, id: space, database: DatabaseID(high: 0, low: 0))
        let base = unsafe buffer.bytes.baseAddress.unsafelyUnwrapped
        let (first, inodes) = unsafe (PageBytes(base), PageBytes(base + 2 * pageByteCount))
        // The record of a database that the file does not belong to.
        first.fill(at: SpaceMetadata.offset, count: SpaceMetadata.byteCount)
        extents.fillHeader(first)
        extents.fillInodes(inodes)
        try write(inodes, SpaceFormat.inodePage)
        let other = unsafe PageBytes(base + 3 * pageByteCount)
        try extents.forEachDescriptorPage { (number, fill) throws(RedoubtError) in
            let page: PageBytes
            if number == SpaceFormat.headerPage {
                page = first
            } else {
                page = other
                try initialize(page, .extentDescriptors)
            }
            fill(page)
            try write(page, number)
            try initialize(other, .changeBufferBitmap)
            try write(other, PageNumber(rawValue: number.rawValue + 1))
        }
    }

    private func initialize(_ page: PageBytes, _ type: PageType) throws(RedoubtError) {
        try PageOperation.initialize(type: type).apply(to: page, id: PageID(space: space, number: .root))
    }

    private func write(_ page: PageBytes, _ number: PageNumber) throws(RedoubtError) {
        page.number = number
        page.space = space
        page.lsn = LogSequenceNumber(rawValue: 0)
        PageSeal.seal(page)
        unsafe try file.write(page.all, at: number.fileOffset)
    }
}
