package import RedoubtCore
package import RedoubtSystem

/// Reads the rows of a `.ibd` file of MariaDB, MySQL or this engine, whose table has one binary key and one binary or
/// text value.
///
/// The file is only read. Opening walks over all of it and proves it; what is wrong is found before the first row is
/// handed over. Use from one thread.
package final class TablespaceReader {
    /// The rows.
    package let rowCount: Int
    /// The leftovers of deletes, which are passed over.
    package let deletedCount: Int
    private let pages: ForeignPages
    private let root: PageNumber
    private let shape: RowShape

    /// MySQL's page type of the dictionary's tree, which then has the place of the root.
    private static let dictionaryType: UInt16 = 17853

    /// Opens `file` and proves every page that its table uses; `definition` says how rows are laid out, which else is
    /// found out, as far as the rows tell it.
    ///
    /// Waits for the file system.
    ///
    /// - Throws: `.notADatabase`, `.unsupportedFormat` if the table or the file is of another kind, `.corruptPage`,
    ///   `.readFailed`.
    package init(_ file: any StorageFile, definition: TableDefinition? = nil) throws(RedoubtError) {
        let pages = try ForeignPages(file)
        self.pages = pages
        let root = if let definition { definition.root } else { try Self.findRoot(pages) }
        self.root = root
        let shapes =
            if let definition { [try definition.rowShape(path: file.path)] } else { try Self.guesses(pages, root) }
        var reason: RedoubtError?
        var damage: RedoubtError?
        var hasLeaf = false
        for shape in shapes {
            let walk = try ForeignWalk(pages, root: root, shape: shape, isGuess: definition == nil)
            do throws(RedoubtError) {
                try Self.prove(walk)
                if definition == nil, walk.isAmbiguous { throw Self.ambiguous(pages) }
                self.shape = shape
                rowCount = walk.rowCount
                deletedCount = walk.deletedCount
                return
            } catch {
                guard definition == nil, walk.isMisshapen || walk.isMisled else { throw error }
                hasLeaf = hasLeaf || walk.hasLeaf
                if walk.isMisled {
                    damage = damage ?? error
                    continue
                }
                // The likeliest shape tells best what is wrong, but for one that fits in all but the order of keys.
                if reason == nil || error.code == .unsupportedFormat { reason = error }
            }
        }
        // Where one shape came to the first leaf, it is the others' fault that they did not.
        if let damage, !hasLeaf { throw damage }
        let fault = reason ?? RedoubtError(.corruptPage, "there is no shape to try", path: file.path)
        if fault.code == .unsupportedFormat { throw fault }
        throw RedoubtError(
            .unsupportedFormat,
            "no table of one binary key and one value is in the file, or it is damaged; "
                + (pages.hasDictionary ? Self.copyAdvice : "a .cfg file would tell") + ": " + fault.message,
            page: fault.page,
            path: file.path
        )
    }

    // No .cfg file of MySQL 8 can be read, so none can tell what its tables are.
    private static let copyAdvice =
        "copy the rows into a table with a VARBINARY key and a LONGBLOB value, and export that"

    /// The shapes to try if nobody says what the table is, the likeliest first.
    private static func guesses(_ pages: ForeignPages, _ root: PageNumber) throws(RedoubtError) -> [RowShape] {
        let buffer = try PageBuffer()
        try pages.read(root, into: buffer)
        // What else is on the page the walk finds.
        return RowShape.guesses + RowShape.fixedKeyGuesses(IndexPage(buffer.page))
    }

    private static func ambiguous(_ pages: ForeignPages) -> RedoubtError {
        RedoubtError(
            .unsupportedFormat,
            "the rows can be those of a table of one key and one value, and those of another one, such as with a key "
                + "of two columns; "
                + (pages.hasDictionary
                    ? "nothing tells which, so write them as text, and `redoubt load` that"
                    : "only the .cfg file tells which, so name it"),
            path: pages.path
        )
    }

    /// Calls `visit` for every row in the order of the keys.
    ///
    /// Waits for the file system.
    ///
    /// - Throws: what `visit` throws; `.corruptPage`, `.readFailed` if the file has changed since it was opened.
    package func forEachRow(
        _ visit: (UnsafeRawBufferPointer, ForeignValue) throws(RedoubtError) -> Void
    ) throws(RedoubtError) {
        try unsafe ForeignWalk(pages, root: root, shape: shape).run(visit)
    }

    private static func findRoot(_ pages: ForeignPages) throws(RedoubtError) -> PageNumber {
        let buffer = try PageBuffer()
        try pages.read(.root, into: buffer)
        // The dictionary's tree is made first.
        let isTaken = pages.hasDictionary && buffer.page.typeCode == dictionaryType
        return isTaken ? PageNumber(rawValue: PageNumber.root.rawValue + 1) : .root
    }

    /// Walks over everything, values outside their pages too.
    private static func prove(_ walk: ForeignWalk) throws(RedoubtError) {
        let memory = try PageBuffer()
        unsafe try walk.run { (_, value) throws(RedoubtError) in
            if value.isInline { return }
            var left = value.byteCount
            while left > 0 {
                let count = unsafe try value.read(into: memory.bytes)
                guard count > 0 else { preconditionFailure("a value ends \(left) bytes early") }
                left -= count
            }
        }
    }
}
