import RedoubtCore

extension PageOperation {
    /// Changes `page`, which is or becomes page `id`, and keeps `index` up to date; the caller holds the exclusive
    /// latch.
    ///
    /// Returns the sectors whose bytes may have changed, but perhaps not those of ``PageSectors/ends``.
    ///
    /// Going forwards a throw is a programmer error. After a throw the page of an operation on several records may be
    /// partly changed; single-record operations change nothing.
    ///
    /// - Throws: `.corruptPage` if page and operation do not go together.
    @discardableResult
    func apply(to page: PageBytes, id: PageID, index: SearchIndex = .none) throws(RedoubtError) -> PageSectors {
        var editor = IndexPageEditor(page, id)
        switch self {
        case .insertRecord(let predecessor, let image): try editor.insert(image, after: predecessor, index)
        case .deleteRecord(let origin): try editor.delete(origin, index)
        case .replaceRecord(let origin, let image): try editor.replace(origin, with: image, index)
        case .overwriteValue(let origin, let offset, let bytes):
            try unsafe editor.overwriteValue(of: origin, at: offset, with: bytes)
        case .setInfoBits(let origin, let bits): try editor.setInfoBits(of: origin, bits, index)
        case .setChild(let origin, let child): try editor.setChild(of: origin, child, index)
        case .insertRecords(let predecessor, let packed):
            try unsafe editor.insert(packed: packed, after: predecessor)
            Self.rebuild(index, page)
        case .deleteFrom(let origin):
            try editor.deleteFrom(origin)
            Self.rebuild(index, page)
        case .deleteBefore(let origin):
            try editor.deleteBefore(origin)
            Self.rebuild(index, page)
        case .reorganize:
            try editor.reorganize()
            Self.rebuild(index, page)
        default:
            return try applyWholePage(to: page, id: id, index: index)
        }
        return editor.sectors
    }

    /// A valid index stays valid if its block is large enough.
    private static func rebuild(_ index: SearchIndex, _ page: PageBytes) {
        if index.isValid { index.build(from: IndexPage(page)) }
    }

    private func applyWholePage(
        to page: PageBytes,
        id: PageID,
        index: SearchIndex
    ) throws(RedoubtError) -> PageSectors {
        var sectors = initializesPage ? PageSectors.all : .none
        switch self {
        case .initialize(let type):
            index.invalidate()
            Self.initialize(page, id: id, type: type)
        case .initializeIndex(let level, let indexID):
            index.invalidate()
            Self.initialize(page, id: id, type: .index)
            page.store(level, at: IndexPage.Offset.level)
            page.store(indexID, at: IndexPage.Offset.indexID)
            var editor = IndexPageEditor(page, id)
            editor.makeEmpty()
        case .freePage:
            index.invalidate()
            Self.initialize(page, id: id, type: .allocated)
        case .setSiblings(let previous, let next):
            page.previous = previous
            page.next = next
        case .writeBytes(let offset, let bytes):
            try Self.checkRange(offset, bytes.count, id)
            if offset + bytes.count > IndexPage.Offset.slotCount { index.invalidate() }
            sectors.add(at: offset, count: bytes.count)
            unsafe page.copy(bytes, to: offset)
        case .fill(let offset, let count, let byte):
            try Self.checkRange(offset, count, id)
            if offset + count > IndexPage.Offset.slotCount { index.invalidate() }
            sectors.add(at: offset, count: count)
            page.fill(at: offset, count: count, with: byte)
        case .image(let bytes):
            guard bytes.count == pageByteCount else {
                throw Self.error("an image of a page has \(bytes.count) bytes", id)
            }
            index.invalidate()
            unsafe page.copy(bytes, to: 0)
        case .expectImage(let bytes):
            try unsafe Self.compare(page, with: bytes, id)
        default:
            break
        }
        return sectors
    }

    /// Makes `page` an empty page `id` of `type` without siblings; every byte is determined.
    private static func initialize(_ page: PageBytes, id: PageID, type: PageType) {
        page.fill(at: 0, count: pageByteCount)
        page.number = id.number
        page.previous = .none
        page.next = .none
        page.typeCode = type.rawValue
        page.space = id.space
    }

    /// What may be written byte by byte: siblings, type and body, but not what commit and seal own.
    private static func checkRange(_ offset: Int, _ count: Int, _ id: PageID) throws(RedoubtError) {
        let end = offset &+ count
        let isAllowed =
            count > 0
            && ((offset >= 8 && end <= 16) || (offset >= 24 && end <= 26)
                || (offset >= PageBytes.Offset.body && end <= PageBytes.Offset.trailer))
        guard isAllowed else {
            throw error("a write of \(count) bytes at offset \(offset) leaves what may be written", id)
        }
    }

    private static func compare(_ page: PageBytes, with image: UnsafeRawBufferPointer, _ id: PageID)
        throws(RedoubtError)
    {
        guard image.count == pageByteCount else { throw error("an image of a page has \(image.count) bytes", id) }
        for offset in 4..<PageBytes.Offset.trailer where !(16..<24).contains(offset) {
            guard unsafe page.u8(at: offset) == image[offset] else {
                throw error(
                    "byte \(offset) is \(page.u8(at: offset)) after replay, but was \(unsafe image[offset]) before",
                    id
                )
            }
        }
    }

    @inline(never)
    private static func error(_ text: String, _ id: PageID) -> RedoubtError {
        RedoubtError(.corruptPage, text, page: id)
    }
}
