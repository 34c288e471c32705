import RedoubtCore
import RedoubtSystem

/// Puts pages right that a power cut tore, before recovery reads them.
///
/// Only copies newer than the checkpoint count. A page that was being written, or was written and not synced, when the
/// power went has changes at or behind the checkpoint, for else a sync would have come before the checkpoint. An older
/// copy is of no use against a tear; put over a page damaged in another way it would lose changes that no redo brings
/// back, unseen.
struct DoublewriteRecovery {
    /// What a repair found.
    struct Outcome: Equatable, Sendable {
        /// Segments found, with or without images.
        var segmentCount = 0
        /// Pages that the segments name and whose file is open.
        var examinedCount = 0
        /// Pages that were damaged, missing or never written, and were written back.
        var repairedCount = 0
        /// Damaged pages without a whole copy; a read of the page will say so.
        var unrepaired: Set<PageID> = []

        /// Returns `error` of an opening, with the cause if it is about a page that was found torn.
        func explaining(_ error: RedoubtError) -> RedoubtError {
            guard error.code == .corruptPage, let page = error.page, unrepaired.contains(page) else { return error }
            return RedoubtError(
                .corruptPage,
                "page \(page) was torn by a power cut while it was being written, and the doublewrite file has no copy "
                    + "of it; restore the file from a backup (\(error.message))",
                page: page,
                path: error.path
            )
        }
    }

    /// A page named by a segment.
    private struct Copy {
        var entry: DoublewriteBatch.Entry
        /// The doublewrite file, by its place in the list.
        var file: Int
        /// The offset in that file of the image, or of its sectors; nil if there is none.
        var offset: UInt64?
    }

    private static let scanPageCount = 64
    private static let blockByteCount: UInt64 = 4096
    private let sources: [any StorageFile]
    private let database: DatabaseID
    private let checkpoint: LogSequenceNumber
    private let files: PageFileTable
    private var copies: [Copy] = []
    private var outcome = Outcome()

    /// Looks at each page that a doublewrite segment of `database` names, and writes the newest whole copy back where
    /// the data page is damaged, never written, or missing.
    ///
    /// What is repaired is durable at the end, and so is what the process before wrote to `files` that the log changes,
    /// `touched`: the copies may be overwritten then. Waits.
    ///
    /// A segment whose header is torn or foreign never reached the data files and is ignored; so are pages of unknown
    /// files, and copies that are not newer than `checkpoint`.
    @discardableResult
    static func repair(
        storage: any Storage,
        directory: String,
        database: DatabaseID,
        checkpoint: LogSequenceNumber,
        files: PageFileTable,
        touched: Set<SpaceID> = []
    ) throws(RedoubtError) -> Outcome {
        var sources: [any StorageFile] = []
        defer { for source in sources { source.close() } }
        for path in try DoublewriteFile.paths(storage: storage, directory: directory) {
            sources.append(try storage.open(path, role: .doublewrite, creating: false, readOnly: true))
        }
        var recovery = DoublewriteRecovery(sources, database, checkpoint, files)
        let buffer = try AlignedBuffer(byteCount: scanPageCount * pageByteCount, needsZeros: false)
        for index in sources.indices { try recovery.scan(index, buffer) }
        Scheduling.remember(.copies, recovery.copiesDigest)
        try recovery.repairAll(buffer)
        Scheduling.remember(.copies, 0)
        Scheduling.remember(.unrepairedPages, recovery.outcome.unrepaired.sorted().map(\.packed).digest)
        // A page that was written and not synced can be whole as this process sees it and torn by the next power cut.
        for space in touched { files.file(space)?.markWritten() }
        if !Scheduling.breaks(.skipsRepairSync) { try files.syncWritten() }
        return recovery.outcome
    }

    private init(
        _ sources: [any StorageFile],
        _ database: DatabaseID,
        _ checkpoint: LogSequenceNumber,
        _ files: PageFileTable
    ) {
        self.sources = sources
        self.database = database
        self.checkpoint = checkpoint
        self.files = files
    }

    private static func memory(
        _ buffer: borrowing AlignedBuffer,
        _ page: Int,
        count: Int = 1
    ) -> UnsafeMutableRawBufferPointer {
        let range = page * pageByteCount..<(page + count) * pageByteCount
        return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[range])
    }

    /// Finds the segments of a doublewrite file: any page may be a header.
    private mutating func scan(_ index: Int, _ buffer: borrowing AlignedBuffer) throws(RedoubtError) {
        var first = 0
        while true {
            let (count, isLast) = try readPages(index, first, buffer)
            for page in 0..<count {
                let bytes = unsafe PageBytes(Self.memory(buffer, page).baseAddress.unsafelyUnwrapped)
                if let segment = DoublewriteBatch.decode(bytes), segment.database == database {
                    note(segment, index, at: first + page)
                }
                try Scheduling.merge(at: .copiesScanned, [UInt64(index), UInt64(first + page), copiesDigest].digest)
            }
            if isLast { return }
            first += count
        }
    }

    /// Takes over the pages that the segment at page `start` of a file names.
    private mutating func note(_ segment: DoublewriteBatch, _ index: Int, at start: Int) {
        outcome.segmentCount += 1
        var offset = UInt64((start + 1) * pageByteCount)
        for entry in segment.entries {
            if entry.lsn > checkpoint || Scheduling.breaks(.takesOldestCopy) {
                let place = segment.content == .names ? nil : offset
                copies.append(Copy(entry: entry, file: index, offset: place))
            }
            offset += UInt64(entry.sectors.count * PageSectors.byteCount)
        }
    }

    /// Reads pages of a doublewrite file from `first` on; returns how many, and whether they are the last ones.
    ///
    /// In an exploration, what cannot be a header is not read further than it takes to see that.
    private func readPages(
        _ index: Int,
        _ first: Int,
        _ buffer: borrowing AlignedBuffer
    ) throws(RedoubtError) -> (count: Int, isLast: Bool) {
        let offset = UInt64(first * pageByteCount)
        let wanted = Self.scanPageCount * pageByteCount
        let settled = sources[index].settledByteCount(at: offset, count: wanted) / pageByteCount
        if settled > 0 {
            let part = unsafe Self.memory(buffer, 0, count: settled)
            let count = try unsafe sources[index].read(into: part, at: offset) / pageByteCount
            return (count, count < settled)
        }
        let page = unsafe Self.memory(buffer, 0)
        let sector = unsafe UnsafeMutableRawBufferPointer(rebasing: page[..<PageSectors.byteCount])
        unsafe page.initializeMemory(as: UInt8.self, repeating: 0)
        let count = try unsafe sources[index].read(into: sector, at: offset)
        guard count == sector.count else { return (0, true) }
        let bytes = unsafe PageBytes(page.baseAddress.unsafelyUnwrapped)
        guard DoublewriteBatch.canBegin(bytes) else { return (1, false) }
        let whole = try unsafe sources[index].read(into: page, at: offset) / pageByteCount
        return (whole, whole == 0)
    }

    /// A digest of the copies found; for explorations.
    private var copiesDigest: UInt64 {
        copies.reduce(UInt64(copies.count)) { sum, copy in
            let place = [UInt64(copy.file), copy.offset ?? .max, copy.entry.lsn.rawValue]
            let entry = [copy.entry.page.packed, UInt64(copy.entry.checksum), UInt64(copy.entry.sectors.bits)]
            return ([sum] + place + entry).digest
        }
    }

    private mutating func repairAll(_ buffer: borrowing AlignedBuffer) throws(RedoubtError) {
        copies.sort { ($0.entry.page.packed, $1.entry.lsn) < ($1.entry.page.packed, $0.entry.lsn) }
        if Scheduling.breaks(.takesOldestCopy) { copies.reverse() }
        var next = 0
        while next < copies.count {
            let first = next
            let page = copies[first].entry.page
            while next < copies.count && copies[next].entry.page == page { next += 1 }
            guard page.number != .none, let target = files.file(page.space) else { continue }
            outcome.examinedCount += 1
            try repair(target, page, first..<next, buffer)
            // The other counts of the outcome are for who asks, and nothing depends on them.
            let unrepaired = outcome.unrepaired.sorted().map(\.packed)
            try Scheduling.merge(at: .pageRepaired, ([UInt64(next)] + unrepaired).digest)
        }
    }

    /// Looks at one page, of which there are `candidates`, newest first.
    private mutating func repair(
        _ target: PageFile,
        _ page: PageID,
        _ candidates: Range<Int>,
        _ buffer: borrowing AlignedBuffer
    ) throws(RedoubtError) {
        let found = unsafe Self.memory(buffer, 0)
        let count = try unsafe target.file.read(into: found, at: page.number.fileOffset)
        let bytes = unsafe PageBytes(found.baseAddress.unsafelyUnwrapped)
        if count == pageByteCount && PageSeal.fault(bytes, expected: page) == nil { return }
        let image = unsafe Self.memory(buffer, 1)
        // A copy that is torn was never followed by a write of the page; an older one then is the newest written.
        // Where a page is missing there is nothing to lay sectors over.
        unsafe UnsafeMutableRawBufferPointer(rebasing: found[count...]).initializeMemory(as: UInt8.self, repeating: 0)
        for candidate in candidates where try unsafe read(copies[candidate], over: found, into: image, buffer) {
            try unsafe target.file.write(UnsafeRawBufferPointer(image), at: page.number.fileOffset)
            target.markWritten()
            target.grow(to: page.number.rawValue + 1)
            outcome.repairedCount += 1
            return
        }
        // A page of zeros, or one that is missing, is for recovery to judge; anything else is damage.
        if count == pageByteCount && !bytes.isUnwritten { outcome.unrepaired.insert(page) }
    }

    /// Makes the image of a copy: its sectors, and those of `found` for the others; returns whether it is right.
    private func read(
        _ copy: Copy,
        over found: UnsafeMutableRawBufferPointer,
        into image: UnsafeMutableRawBufferPointer,
        _ buffer: borrowing AlignedBuffer
    ) throws(RedoubtError) -> Bool {
        guard let offset = copy.offset else { return false }
        let count = copy.entry.sectors.count * PageSectors.byteCount
        // Sectors begin anywhere, transfers at a block.
        let lead = Int(offset % Self.blockByteCount)
        let saved = unsafe Self.memory(buffer, 2, count: 2)
        let read = try unsafe sources[copy.file].read(into: saved, at: offset - UInt64(lead))
        guard read >= lead + count else { return false }
        unsafe image.copyMemory(from: UnsafeRawBufferPointer(found))
        var position = lead
        copy.entry.sectors.forEachOffset { target in
            let sector = unsafe UnsafeRawBufferPointer(rebasing: saved[position..<position + PageSectors.byteCount])
            unsafe UnsafeMutableRawBufferPointer(rebasing: image[target...]).copyMemory(from: sector)
            position += PageSectors.byteCount
        }
        if Scheduling.breaks(.believesTornCopy) { return true }
        guard unsafe Checksum.crc32c(UnsafeRawBufferPointer(image)) == copy.entry.checksum else { return false }
        let bytes = unsafe PageBytes(image.baseAddress.unsafelyUnwrapped)
        return PageSeal.fault(bytes, expected: copy.entry.page) == nil && bytes.lsn == copy.entry.lsn
    }
}
