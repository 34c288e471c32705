package import RedoubtCore
package import RedoubtSystem

/// The keyspaces of a database by the pages of its catalog on disk, as far as they can be read; takes no lock.
///
/// A database that is open, or was not closed, may have newer rows in its redo log than in the catalog's file.
package enum CatalogView {
    /// A file of a tablespace.
    package struct Entry: Sendable {
        /// The name of the keyspace; nil if the catalog names none for the file.
        package let name: String?
        /// The name of the file.
        package let fileName: String
        /// The tablespace.
        package let space: SpaceID
    }

    /// The files of tablespaces in `directory` with the names of their keyspaces, in the order of space ids.
    ///
    /// - Throws: `.notFound` if there is no such folder or it holds no tablespace; errors of the file system.
    package static func entries(storage: any Storage, directory: String) throws(RedoubtError) -> [Entry] {
        guard try storage.exists(directory) else {
            throw RedoubtError(.notFound, "there is no database here; correct the path", path: directory)
        }
        var names: [SpaceID: String] = [:]
        var found: [Entry] = []
        for name in try storage.list(directory) {
            guard let space = DatabaseFiles.space(ofFile: name) else { continue }
            if space == .catalog { names = rows(storage, DatabaseFiles.path(directory, name)) }
            found.append(Entry(name: nil, fileName: name, space: space))
        }
        guard !found.isEmpty else {
            throw RedoubtError(.notFound, "there is no database here; correct the path", path: directory)
        }
        return found.sorted { $0.space < $1.space }.map { entry in
            Entry(name: names[entry.space], fileName: entry.fileName, space: entry.space)
        }
    }

    /// The rows of the catalog's file; those that can be read.
    private static func rows(_ storage: any Storage, _ path: String) -> [SpaceID: String] {
        var names: [SpaceID: String] = [:]
        do throws(RedoubtError) {
            let file = try PageFileView(storage: storage, path: path)
            var number = try leftmostLeaf(file)
            // Every page is visited once at most.
            for _ in 0..<file.pageCount {
                let bytes = try file.bytes(of: number)
                note(bytes, &names)
                let next = StructureLayout.number(bytes, at: PageBytes.Offset.next, 4)
                guard next < file.pageCount else { break }
                number = next
            }
        } catch {
            // What cannot be read has no names; the files are there all the same.
        }
        return names
    }

    private static func leftmostLeaf(_ file: PageFileView) throws(RedoubtError) -> UInt64 {
        var number = UInt64(PageNumber.root.rawValue)
        for _ in 0..<64 {
            let bytes = try file.bytes(of: number)
            let child = PageDescription.withPage(bytes) { page in
                IndexPage(page).isLeaf ? nil : IndexPage(page).first.map { UInt64($0.child.rawValue) }
            }
            guard let child else { return number }
            number = child
        }
        return number
    }

    private static func note(_ bytes: [UInt8], _ names: inout [SpaceID: String]) {
        PageDescription.withPage(bytes) { page in
            let page = IndexPage(page)
            var origin = page.firstOrigin
            for _ in 0..<min(page.recordCount, IndexPage.heapCountMaximum) where origin != IndexPage.supremum {
                let record = page.record(at: origin)
                let key = unsafe Array(record.key)
                let value = unsafe Array(record.value)
                if !record.isDeleted, !record.isOffPage, let entry = CatalogEntry.decode(value),
                    let name = String(validating: key, as: UTF8.self)
                {
                    names[entry.id] = name
                }
                origin = record.next
            }
        }
    }
}
