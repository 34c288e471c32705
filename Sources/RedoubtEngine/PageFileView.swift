package import RedoubtCore
package import RedoubtSystem

/// The file of a tablespace as it is, for looking: whatever is damaged is told, and nothing is written.
///
/// Takes no lock, so a process may be writing meanwhile: a page that is read while it is written is read again. For
/// one thread at a time.
package final class PageFileView {
    /// What one page is, in short.
    package struct Summary: Sendable {
        /// The page.
        package let number: UInt32
        /// What it says it is; "never written" for zeros.
        package let type: String
        /// The level of an index page.
        package let level: Int?
        /// How full it is, from 0 to 1, if that can be said.
        package let fill: Double?
        /// The end of the redo of its last change.
        package let lsn: UInt64
        /// Why the bytes are not that page, or nil.
        package let fault: String?
    }

    /// The path of the file.
    package let path: String
    /// The tablespace that the file should hold: by its name, or else by its first page.
    package let space: SpaceID
    /// The pages that the file has; a piece of a page at its end counts as one.
    package let pageCount: UInt64
    private let file: any StorageFile
    /// Whether it is of MariaDB's form `full_crc32`, which has another checksum.
    private let isSealedWhole: Bool

    /// The times that a page is read which is at fault, as one that is being written is.
    private static let tryCount = 4

    /// Opens the file at `path` for reading.
    ///
    /// - Throws: `.notFound` if there is none; `.notADatabase` if it has less than a page; errors of the file system.
    package init(storage: any Storage, path: String) throws(RedoubtError) {
        guard try storage.exists(path) else {
            throw RedoubtError(.notFound, "there is no such file; correct the path", path: path)
        }
        self.path = path
        file = try storage.open(path, role: .control, creating: false, readOnly: true)
        let size = try file.size()
        pageCount = (size + UInt64(pageByteCount) - 1) / UInt64(pageByteCount)
        guard pageCount > 0 else {
            throw RedoubtError(.notADatabase, "the file is empty; name a file of pages of 16 KiB", path: path)
        }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        if let space = DatabaseFiles.space(ofFile: name) {
            self.space = space
            isSealedWhole = false
        } else {
            let first = try Self.read(file, 0)
            space = SpaceID(rawValue: UInt32(StructureLayout.number(first, at: PageBytes.Offset.space, 4)))
            let flags = StructureLayout.number(first, at: SpaceFormat.Header.flags, 4)
            isSealedWhole = flags == UInt64(PageSeal.flagsOfWhole)
        }
    }

    deinit {
        file.close()
    }

    /// The bytes of page `number`; fewer than a page at a cut end of the file.
    ///
    /// - Throws: `.invalidConfiguration` if the file has no such page; `.readFailed`.
    package func bytes(of number: UInt64) throws(RedoubtError) -> [UInt8] {
        guard number < pageCount else {
            throw RedoubtError(
                .invalidConfiguration,
                "the file has pages 0 to \(pageCount - 1), and no page \(number); choose one of those",
                path: path
            )
        }
        var bytes = try Self.read(file, number)
        for _ in 1..<Self.tryCount where fault(bytes, number) != nil {
            Scheduling.sleep(microseconds: 1000)
            bytes = try Self.read(file, number)
        }
        return bytes
    }

    /// The id that page `number` should have.
    package func id(_ number: UInt64) -> PageID {
        PageID(space: space, number: PageNumber(rawValue: UInt32(truncatingIfNeeded: number)))
    }

    /// What is on page `number`.
    ///
    /// - Throws: as ``bytes(of:)``.
    package func page(_ number: UInt64) throws(RedoubtError) -> InspectedPage {
        PageDescription.inspect(try bytes(of: number), id: id(number), isSealedWhole: isSealedWhole)
    }

    /// What page `number` is, in short.
    ///
    /// - Throws: as ``bytes(of:)``.
    package func summary(_ number: UInt64) throws(RedoubtError) -> Summary {
        let bytes = try bytes(of: number)
        let isWritten = bytes.contains { $0 != 0 }
        let isIndex = bytes.count == pageByteCount && PageDescription.fill(bytes) != nil
        return Summary(
            number: UInt32(truncatingIfNeeded: number),
            type: isWritten ? PageDescription.typeName(bytes) : "never written",
            level: isIndex ? Int(StructureLayout.number(bytes, at: IndexPage.Offset.level, 2)) : nil,
            fill: PageDescription.fill(bytes) ?? Self.blobFill(bytes),
            lsn: StructureLayout.number(bytes, at: PageBytes.Offset.lsn, 8),
            fault: fault(bytes, number)
        )
    }

    private func fault(_ bytes: [UInt8], _ number: UInt64) -> String? {
        PageDescription.fault(bytes, id: id(number), isSealedWhole: isSealedWhole)
    }

    private static func blobFill(_ bytes: [UInt8]) -> Double? {
        guard StructureLayout.number(bytes, at: PageBytes.Offset.type, 2) == UInt64(PageType.blob.rawValue) else {
            return nil
        }
        let count = StructureLayout.number(bytes, at: SpaceFormat.Blob.partByteCount, 4)
        return min(1, Double(count) / Double(Tree.chainPartByteCount))
    }

    private static func read(_ file: any StorageFile, _ number: UInt64) throws(RedoubtError) -> [UInt8] {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: pageByteCount, alignment: 16)
        defer { unsafe memory.deallocate() }
        let count = try unsafe file.read(into: memory, at: number * UInt64(pageByteCount))
        return unsafe Array(memory[..<min(max(0, count), pageByteCount)])
    }
}
