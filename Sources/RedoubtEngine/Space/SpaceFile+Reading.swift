import RedoubtCore
import RedoubtSystem

extension SpaceFile {
    /// Reads and checks page 0 of a file.
    ///
    /// - Throws: `.notADatabase`, `.unsupportedFormat`, `.mixedFiles` if the file belongs to another database than
    ///   `database` or to another space than `expected`, `.corruptPage`, `.readFailed`.
    static func readHeader(
        _ file: any StorageFile,
        expected: SpaceID,
        database: DatabaseID?,
        lsnLimit: LogSequenceNumber? = nil
    ) throws(RedoubtError) -> Header {
        let buffer = try AlignedBuffer(byteCount: 2 * pageByteCount)
        let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<pageByteCount])
        let count = unsafe try file.read(into: target, at: 0)
        guard count == pageByteCount, let base = unsafe buffer.bytes.baseAddress else {
            throw RedoubtError(.notADatabase, "the file has \(count) bytes, less than one page", path: file.path)
        }
        return try unsafe checkHeader(PageBytes(base), file, expected: expected, database: database, lsnLimit: lsnLimit)
    }

    /// Reads the record of a page 0; an error names the page.
    private static func metadata(
        of page: PageBytes,
        _ id: PageID,
        _ path: String
    ) throws(RedoubtError) -> SpaceMetadata {
        do throws(RedoubtError) {
            return try SpaceMetadata.decode(page, path: path)
        } catch {
            throw RedoubtError(error.code, error.message, page: id, path: path)
        }
    }

    private static func checkHeader(
        _ page: PageBytes,
        _ file: any StorageFile,
        expected: SpaceID,
        database: DatabaseID?,
        lsnLimit: LogSequenceNumber?
    ) throws(RedoubtError) -> Header {
        let path = file.path
        let id = PageID(space: expected, number: SpaceFormat.headerPage)
        if page.isUnwritten {
            throw RedoubtError(.corruptPage, "page 0 is all zeros; the file was never written", page: id, path: path)
        }
        let flags = page.u32(at: SpaceFormat.Header.flags)
        guard page.checksum == PageSeal.checksum(of: page) else {
            // A file that has neither record nor checksum is not a damaged one, but another one.
            if !SpaceMetadata.isPresent(page) { _ = try SpaceMetadata.decode(page, path: path) }
            throw RedoubtError(.corruptPage, "page 0 does not match its checksum", page: id, path: path)
        }
        let metadata = try metadata(of: page, id, path)
        guard page.type == .spaceHeader, page.number == SpaceFormat.headerPage else {
            throw RedoubtError(.notADatabase, "page 0 is not the header of a tablespace", page: id, path: path)
        }
        if let database, metadata.database != database {
            throw RedoubtError(
                .mixedFiles,
                "the file belongs to database \(metadata.database), not \(database)",
                page: id,
                path: path
            )
        }
        let held = [page.space, SpaceID(rawValue: page.u32(at: SpaceFormat.Header.spaceID)), metadata.space]
        if let other = held.first(where: { $0 != expected }) {
            throw RedoubtError(
                .mixedFiles,
                "the file holds space \(other), but space \(expected) belongs here",
                page: id,
                path: path
            )
        }
        guard flags == SpaceFormat.flags else {
            throw RedoubtError(
                .unsupportedFormat,
                "tablespace flags are 0x\(String(flags, radix: 16)), but only 0x21 is known",
                page: id,
                path: path
            )
        }
        if let fault = PageSeal.fault(page, expected: id, lsnLimit: lsnLimit) { throw fault.error(page: id) }
        let size = page.u32(at: SpaceFormat.Header.pageCount)
        guard size >= SpaceFormat.initialPageCount, size % SpaceFormat.extentPageCount == 0,
            size <= SpaceFormat.pageCountMaximum
        else {
            throw RedoubtError(.corruptPage, "the size in page 0, \(size) pages, is not possible", page: id, path: path)
        }
        return Header(
            metadata: metadata,
            id: expected,
            pageCount: size,
            pendingChains: PendingChains.list(page).map(\.page)
        )
    }
}
