package import RedoubtCore
package import RedoubtEngine
package import RedoubtLog
import RedoubtSystem

/// A database as its files are, whether it is sound or not, open or not: for tools that look and never write.
///
/// Nothing is locked and nothing recovered, so what a running process has in memory, or an unclosed database in its
/// redo log, does not show in the pages.
package struct Inspection {
    /// The folder.
    package let path: String
    private let storage = LinuxStorage(directIO: false, asyncIO: false)

    /// Looks at the folder `path`.
    package init(of path: String) {
        self.path = path
    }

    /// The files of tablespaces with the names of their keyspaces.
    ///
    /// Waits.
    ///
    /// - Throws: `.notFound`; errors of the file system.
    package func files() throws(RedoubtError) -> [CatalogView.Entry] {
        try CatalogView.entries(storage: storage, directory: path)
    }

    /// The file of the keyspace called `name`; the name of a file, or "catalog", will do as well.
    ///
    /// Waits.
    ///
    /// - Throws: `.keyspaceNotFound`, which lists those that there are; `.notFound`; errors of the file system.
    package func file(of name: String) throws(RedoubtError) -> PageFileView {
        let entries = try files()
        let found =
            entries.first { $0.name == name }
            ?? entries.first { $0.fileName == name || $0.fileName == name + ".ibd" }
        guard let found else {
            let list = entries.map { $0.name ?? $0.fileName }.joined(separator: ", ")
            throw RedoubtError(
                .keyspaceNotFound,
                "there is no keyspace \"\(name)\" in the files; there are: \(list)",
                path: path
            )
        }
        return try PageFileView(storage: storage, path: path + "/" + found.fileName)
    }

    /// Keys that divide the rows of the keyspace called `name` into parts of about one size, from its inner pages; none
    /// where they cannot be read or there are none.
    ///
    /// Waits.
    package func separators(of name: String, wanted: Int = 200) -> [[UInt8]] {
        do throws(RedoubtError) {
            let file = try file(of: name)
            var pages: [UInt64] = [UInt64(PageNumber.root.rawValue)]
            while true {
                var keys: [[UInt8]] = []
                var children: [UInt64] = []
                for page in pages {
                    let pointers = PageDescription.nodePointers(try file.bytes(of: page))
                    keys += pointers.map(\.key)
                    children += pointers.map { UInt64($0.child) }
                }
                // A damaged page may name itself as its child.
                guard keys.count > pages.count, keys.count < wanted else { return keys }
                let below = PageDescription.nodePointers(try file.bytes(of: children[0]))
                guard !below.isEmpty else { return keys }
                pages = children
            }
        } catch {
            return []
        }
    }

    /// The file of pages at ``path`` itself.
    ///
    /// - Throws: `.notFound`, `.notADatabase`; errors of the file system.
    package func asFile() throws(RedoubtError) -> PageFileView { try PageFileView(storage: storage, path: path) }

    /// The redo files.
    ///
    /// - Throws: `.notFound` if there is no database; `.missingFile` if it has none; errors of the file system.
    package func redo() throws(RedoubtError) -> LogView {
        let directory = path + "/redo"
        guard try storage.exists(directory) else {
            throw RedoubtError(.notFound, "there is no database here; correct the path", path: path)
        }
        return try LogView(storage: storage, directory: directory)
    }

    /// Whether a process has the database open.
    package var isOpen: Bool {
        do throws(RedoubtError) {
            let lock = path + "/redoubt.lock"
            guard try storage.exists(lock) else { return false }
            return try storage.isLocked(lock)
        } catch {
            return false
        }
    }

    /// The structures of the files, for the manual.
    package static var layouts: [StructureLayout] {
        [
            PageLayouts.header, PageLayouts.trailer, SpaceLayouts.header, SpaceLayouts.metadata,
            SpaceLayouts.descriptor, SpaceLayouts.inode, PageLayouts.index, PageLayouts.root, PageLayouts.record,
            SpaceLayouts.blob, LogLayouts.header, LogLayouts.checkpoint, LogLayouts.block,
        ]
    }

    /// The types of pages, for the manual.
    package static var pageTypes: [(code: UInt64, name: String)] {
        PageLayouts.typeNames.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
