import RedoubtCore
import RedoubtSystem

/// Puts pages right that a power cut tore, before recovery reads them.
enum DoublewriteRecovery {
    /// What a repair found.
    struct Outcome: Equatable, Sendable {
        /// Whole batches found.
        var batchCount = 0
        /// Pages that the batches name and whose file is open.
        var examinedCount = 0
        /// Pages that were damaged, missing or never written, and were written back.
        var repairedCount = 0
        /// Damaged pages whose copy is damaged too; a read of the page will say so.
        var unrepairedCount = 0
    }

    /// Looks at each page that a doublewrite batch of `database` names, and writes the copy back where the data page is
    /// damaged, never written, or missing.
    ///
    /// What is repaired is durable at the end. Waits.
    ///
    /// A batch whose header is torn or foreign never reached the data files and is ignored; so are pages of unknown
    /// files.
    @discardableResult
    static func repair(
        storage: any Storage,
        directory: String,
        database: DatabaseID,
        files: PageFileTable
    ) throws(RedoubtError) -> Outcome {
        var outcome = Outcome()
        var newest: [UInt64: LogSequenceNumber] = [:]
        let buffer = try AlignedBuffer(byteCount: 3 * pageByteCount)
        for path in try DoublewriteFile.paths(storage: storage, directory: directory) {
            let file = try storage.open(path, role: .doublewrite, creating: false, readOnly: true)
            defer { file.close() }
            let header = unsafe memory(buffer, 0)
            guard try unsafe file.read(into: header, at: 0) == pageByteCount,
                let batch = unsafe DoublewriteBatch.decode(PageBytes(header.baseAddress.unsafelyUnwrapped)),
                batch.database == database
            else { continue }
            outcome.batchCount += 1
            for (index, entry) in batch.entries.enumerated() {
                guard entry.page.number != .none, let target = files.file(entry.page.space) else { continue }
                // Of several copies of a page the newest counts: the older ones' pages were durable before it was made.
                if let seen = newest[entry.page.packed], seen >= entry.lsn { continue }
                newest[entry.page.packed] = entry.lsn
                outcome.examinedCount += 1
                let image = unsafe memory(buffer, 1)
                let page = unsafe memory(buffer, 2)
                let isWhole = try unsafe isWhole(file, entry, at: index, into: image)
                try unsafe repair(target, entry.page, image: image, isWhole: isWhole, scratch: page, &outcome)
            }
        }
        try files.syncWritten()
        return outcome
    }

    private static func memory(_ buffer: borrowing AlignedBuffer, _ page: Int) -> UnsafeMutableRawBufferPointer {
        let range = page * pageByteCount..<(page + 1) * pageByteCount
        return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[range])
    }

    private static func isWhole(
        _ file: any StorageFile,
        _ entry: DoublewriteBatch.Entry,
        at index: Int,
        into image: UnsafeMutableRawBufferPointer
    ) throws(RedoubtError) -> Bool {
        guard try unsafe file.read(into: image, at: UInt64((index + 1) * pageByteCount)) == pageByteCount else {
            return false
        }
        guard unsafe Checksum.crc32c(UnsafeRawBufferPointer(image)) == entry.checksum else { return false }
        let bytes = unsafe PageBytes(image.baseAddress.unsafelyUnwrapped)
        return PageSeal.fault(bytes, expected: entry.page) == nil && bytes.lsn == entry.lsn
    }

    private static func repair(
        _ target: PageFile,
        _ page: PageID,
        image: UnsafeMutableRawBufferPointer,
        isWhole: Bool,
        scratch: UnsafeMutableRawBufferPointer,
        _ outcome: inout Outcome
    ) throws(RedoubtError) {
        let count = try unsafe target.file.read(into: scratch, at: page.number.fileOffset)
        if count == pageByteCount {
            let bytes = unsafe PageBytes(scratch.baseAddress.unsafelyUnwrapped)
            if PageSeal.fault(bytes, expected: page) == nil { return }
        }
        guard isWhole else {
            // A page of zeros, or one that is missing, is for recovery to judge; anything else is damage.
            let isUnwritten =
                unsafe count < pageByteCount
                || PageBytes(scratch.baseAddress.unsafelyUnwrapped).isUnwritten
            if !isUnwritten { outcome.unrepairedCount += 1 }
            return
        }
        try unsafe target.file.write(UnsafeRawBufferPointer(image), at: page.number.fileOffset)
        target.markWritten()
        target.grow(to: page.number.rawValue + 1)
        outcome.repairedCount += 1
    }
}
