import RedoubtCore
import RedoubtSystem

/// The file of a tablespace as a whole: making a new one, and telling whether one is ours.
enum SpaceFile {
    /// What the first page of a tablespace says.
    struct Header: Sendable {
        let metadata: SpaceMetadata
        /// The space id in the page's own header.
        let id: SpaceID
        /// FSP_SIZE in pages.
        let pageCount: UInt32
        /// The first pages of the chains that were being written or freed.
        let pendingChains: [PageNumber]
    }

    /// Creates the complete file of an empty keyspace and makes it durable.
    ///
    /// Waits for the file system.
    ///
    /// Pages 0 to 3 are sealed with LSN 0, the others are zeros. A crash in the middle leaves a file that no record of
    /// the redo log and no row of the catalog knows; opening removes it.
    ///
    /// - Returns: the open file.
    /// - Throws: `.diskFull`, `.exists`, or another error of the file system; the file is removed again.
    static func create(
        _ storage: any Storage,
        path: String,
        directory: String,
        id: SpaceID,
        database: DatabaseID
    ) throws(RedoubtError) -> any StorageFile {
        let file = try storage.open(path, role: .data, creating: true, readOnly: false)
        do throws(RedoubtError) {
            let buffer = try AlignedBuffer(byteCount: pageByteCount * (Int(SpaceFormat.initialUsedCount) + 1))
            unsafe writeFirstPages(buffer.bytes, id: id, database: database)
            try file.extend(to: UInt64(SpaceFormat.initialPageCount) * UInt64(pageByteCount))
            let first = unsafe UnsafeRawBufferPointer(
                rebasing: buffer.bytes[..<(pageByteCount * Int(SpaceFormat.initialUsedCount))]
            )
            try unsafe file.write(first, at: 0)
            if !Scheduling.breaks(.skipsFileSync) { try file.sync() }
            if !Scheduling.breaks(.skipsDirectorySync) { try storage.syncDirectory(directory) }
        } catch {
            file.close()
            try? storage.remove(path)
            throw error
        }
        return file
    }

    /// Whether the file is what an interrupted ``create(_:path:directory:id:database:)`` may leave.
    ///
    /// Every 512 bytes are zeros, missing, or what would have been written there: nobody has used it. Waits for the
    /// file system.
    static func isUnfinished(
        _ file: any StorageFile,
        id: SpaceID,
        database: DatabaseID
    ) throws(RedoubtError) -> Bool {
        let size = try file.size()
        guard size <= UInt64(SpaceFormat.initialPageCount) * UInt64(pageByteCount) else { return false }
        let chunk = pageByteCount * Int(SpaceFormat.initialUsedCount)
        let buffer = try AlignedBuffer(byteCount: 2 * chunk + pageByteCount)
        let found = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[0..<chunk])
        let first = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[chunk...])
        unsafe writeFirstPages(first, id: id, database: database)
        for offset in stride(from: 0, to: size, by: chunk) {
            let count = try unsafe file.read(into: found, at: offset)
            for start in stride(from: 0, to: count, by: 512) {
                let sector = unsafe found[start..<min(count, start + 512)]
                let isWritten = unsafe offset == 0 && sector.elementsEqual(first[start..<start + sector.count])
                guard unsafe isWritten || sector.allSatisfy({ $0 == 0 }) else { return false }
            }
        }
        return true
    }

    /// Fills the first four pages of a new tablespace, sealed.
    static func writeFirstPages(_ bytes: UnsafeMutableRawBufferPointer, id: SpaceID, database: DatabaseID) {
        guard let base = bytes.baseAddress else { preconditionFailure("no memory for the first pages") }
        for number in 0..<Int(SpaceFormat.initialUsedCount) {
            let page = unsafe PageBytes(base + number * pageByteCount)
            let pageID = PageID(space: id, number: PageNumber(rawValue: UInt32(number)))
            page.fill(at: 0, count: pageByteCount)
            let operation: PageOperation =
                switch number {
                case 0: .initialize(type: .spaceHeader)
                case 1: .initialize(type: .changeBufferBitmap)
                case 2: .initialize(type: .inode)
                default: .initializeIndex(level: 0, indexID: Space.indexID(of: id))
                }
            do throws(RedoubtError) {
                try operation.apply(to: page, id: pageID, index: .none)
            } catch {
                preconditionFailure("the first pages of a tablespace: \(error)")
            }
            switch number {
            case 0: fillHeader(page, id: id, database: database)
            case 2: fillInodes(page)
            case 3: fillRoot(page, id: id)
            default: break
            }
            PageSeal.seal(page)
        }
    }

    private static func fillHeader(_ page: PageBytes, id: SpaceID, database: DatabaseID) {
        let empty = ListBase(length: 0, first: .none, last: .none)
        let extent = SpaceFormat.nodeAddress(of: SpaceFormat.headerPage)
        let inodes = ListAddress(page: SpaceFormat.inodePage, offset: UInt16(SpaceFormat.Inode.pageListNode))
        page.store(id.rawValue, at: SpaceFormat.Header.spaceID)
        page.store(SpaceFormat.initialPageCount, at: SpaceFormat.Header.pageCount)
        page.store(SpaceFormat.initialPageCount, at: SpaceFormat.Header.freeLimit)
        page.store(SpaceFormat.flags, at: SpaceFormat.Header.flags)
        page.store(SpaceFormat.initialUsedCount, at: SpaceFormat.Header.fragmentUsedCount)
        page.store(empty, at: SpaceFormat.Header.free)
        page.store(ListBase(length: 1, first: extent, last: extent), at: SpaceFormat.Header.freeFragment)
        page.store(empty, at: SpaceFormat.Header.fullFragment)
        page.store(UInt64(3), at: SpaceFormat.Header.nextSegmentID)
        page.store(empty, at: SpaceFormat.Header.inodePagesFull)
        page.store(ListBase(length: 1, first: inodes, last: inodes), at: SpaceFormat.Header.inodePagesFree)
        let descriptor = SpaceFormat.Descriptor.first
        for node in [0, 6] {
            page.store(PageNumber.none.rawValue, at: descriptor + SpaceFormat.Descriptor.node + node)
        }
        page.store(SpaceFormat.State.freeFragment, at: descriptor + SpaceFormat.Descriptor.state)
        page.fill(
            at: descriptor + SpaceFormat.Descriptor.bitmap,
            count: SpaceFormat.Descriptor.bitmapByteCount,
            with: 0xFF
        )
        // Two bits a page, low bits first: pages 0 to 3 are used, and "clean" like all.
        page.store(UInt8(0xAA), at: descriptor + SpaceFormat.Descriptor.bitmap)
        SpaceMetadata(database: database, space: id).encode(to: page)
        if id == .catalog {
            page.store(UInt64(SpaceID.firstUser.rawValue), at: SpaceMetadata.nextSpaceID)
            page.store(UInt64(1), at: SpaceMetadata.nextTransactionID)
        }
    }

    private static func fillInodes(_ page: PageBytes) {
        let empty = ListBase(length: 0, first: .none, last: .none)
        for node in [0, 6] { page.store(PageNumber.none.rawValue, at: SpaceFormat.Inode.pageListNode + node) }
        for segment in Segment.allCases {
            let at = segment.inodeOffset
            page.store(segment.id, at: at)
            for list in [SpaceFormat.Inode.free, SpaceFormat.Inode.notFull, SpaceFormat.Inode.full] {
                page.store(empty, at: at + list)
            }
            page.store(SpaceFormat.Inode.magicValue, at: at + SpaceFormat.Inode.magic)
            for slot in 0..<Int(SpaceFormat.Inode.fragmentCount) {
                page.store(PageNumber.none.rawValue, at: at + SpaceFormat.Inode.fragments + 4 * slot)
            }
        }
        // The root is the first page of the segment of inner nodes.
        page.store(PageNumber.root.rawValue, at: Segment.nonLeaf.inodeOffset + SpaceFormat.Inode.fragments)
    }

    /// Names the two segments of the tree on its root.
    static func fillRoot(_ page: PageBytes, id: SpaceID) {
        for (offset, segment) in [
            (SpaceFormat.Root.leafSegment, Segment.leaf), (SpaceFormat.Root.nonLeafSegment, .nonLeaf),
        ] {
            page.store(id.rawValue, at: offset)
            page.store(SpaceFormat.inodePage.rawValue, at: offset + 4)
            page.store(UInt16(segment.inodeOffset), at: offset + 8)
        }
    }
}
