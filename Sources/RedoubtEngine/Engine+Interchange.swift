package import RedoubtCore
import RedoubtSystem

/// What ``Engine/export(_:to:table:)`` has written.
package struct TablespaceExport: Sendable {
    /// The path of the tablespace.
    package let dataPath: String
    /// The path of the file that describes its table.
    package let definitionPath: String
    /// The rows.
    package let rowCount: Int
    /// The size of the tablespace in pages.
    package let pageCount: UInt32
}

extension Engine {
    /// Writes the rows of `space` to a new tablespace `table.ibd` in `directory`, with `table.cfg` beside it.
    ///
    /// Waits for writers that are inside the keyspace, keeps later ones out while rows are read, and for the file
    /// system; readers go on. A crash leaves nothing under the two names, or the complete files; an interrupted
    /// export leaves files whose names end in ".partial". `progress` hears of rows and bytes, every 1024 rows.
    ///
    /// - Throws: `.exists` if one of the names is taken; `.keyspaceNotFound`, `.corruptPage`, `.readFailed`,
    ///   `.poolExhausted`, `.diskFull` and other errors of the file system. No file is left behind then.
    package func export(
        _ space: Space,
        to directory: String,
        table: String,
        progress: ((Int, Int) -> Void)? = nil
    ) throws(RedoubtError) -> TablespaceExport {
        try requireOpen()
        try makeDirectory(directory)
        let (data, definition) = (directory + "/" + table + ".ibd", directory + "/" + table + ".cfg")
        for path in [data, definition, Self.partial(data), Self.partial(definition)] where try storage.exists(path) {
            let advice = path.hasSuffix(".partial") ? "an interrupted export may have left it; " : ""
            throw RedoubtError(.exists, "there is a file already; \(advice)move it away", path: path)
        }
        let wait = kernel.waits.begin(.keyspaceChange)
        defer { kernel.waits.end(wait) }
        // What another export has made under these names meanwhile is not ours to remove.
        var own: [String] = []
        do throws(RedoubtError) {
            let counts = try writeFile(Self.partial(data)) { (file) throws(RedoubtError) in
                try copy(space, to: file, progress)
            }
            own.append(Self.partial(data))
            let bytes = TableDefinition.keyspace.encode(table: table, space: space.id)
            try writeFile(Self.partial(definition)) { (file) throws(RedoubtError) in
                try unsafe bytes.withUnsafeBufferPointer { (bytes) throws(RedoubtError) in
                    unsafe try file.write(UnsafeRawBufferPointer(bytes), at: 0)
                }
            }
            own.append(Self.partial(definition))
            // The tablespace comes last: where it is, everything is, also after a power cut.
            try storage.renameNew(Self.partial(definition), to: definition)
            own[1] = definition
            try storage.syncDirectory(directory)
            try storage.renameNew(Self.partial(data), to: data)
            own = []
            try storage.syncDirectory(directory)
            return TablespaceExport(
                dataPath: data,
                definitionPath: definition,
                rowCount: counts.rows,
                pageCount: counts.pages
            )
        } catch {
            for path in own { try? storage.remove(path) }
            throw error
        }
    }

    /// Opens a tablespace that any program may have written, to read its rows; see ``TablespaceReader``.
    ///
    /// Waits for the file system. Without a path for the definition the one beside the file is taken, whose name ends
    /// in ".cfg" instead of ".ibd", if there is one of a version that is known.
    ///
    /// - Throws: `.notFound`, `.systemCallFailed`, and as `TablespaceReader`.
    package func foreignTablespace(
        at path: String,
        definition: String?
    ) throws(RedoubtError) -> TablespaceReader {
        try requireOpen()
        let table: TableDefinition?
        if let definition {
            table = try TableDefinition(try readDefinition(definition), path: definition)
        } else {
            table = try definitionBeside(path)
        }
        let file = try openForeign(path, "file to import")
        do throws(RedoubtError) {
            return try TablespaceReader(file, definition: table)
        } catch {
            guard error.errno == Self.isFolder else { throw error }
            throw RedoubtError(.notFound, "this is a folder; name the .ibd file", path: path, errno: error.errno)
        }
    }

    // EISDIR and ELOOP of Linux: what reading a folder gives, and opening a link.
    private static let isFolder: Int32 = 21
    private static let isLink: Int32 = 40

    private func definitionBeside(_ path: String) throws(RedoubtError) -> TableDefinition? {
        guard path.hasSuffix(".ibd") else { return nil }
        let definition = String(decoding: path.utf8.dropLast(4), as: UTF8.self) + ".cfg"
        guard try storage.exists(definition) else { return nil }
        let bytes = try readDefinition(definition)
        // Nobody has named it: what cannot be understood, such as that of MySQL 8, is no reason to refuse the file.
        guard TableDefinition.isKnownVersion(bytes) else { return nil }
        return try TableDefinition(bytes, path: definition)
    }

    private func openForeign(_ path: String, _ kind: String) throws(RedoubtError) -> any StorageFile {
        do throws(RedoubtError) {
            return try storage.open(path, role: .control, creating: false, readOnly: true)
        } catch {
            if error.code == .missingFile {
                throw RedoubtError(
                    .notFound,
                    "there is no \(kind) here; correct the path",
                    path: path,
                    errno: error.errno
                )
            }
            if error.code == .readFailed && error.errno == nil {
                throw RedoubtError(.notFound, "this is a pipe, a device or a folder; name a file", path: path)
            }
            guard error.errno == Self.isLink else { throw error }
            throw RedoubtError(
                .notFound,
                "this is a symbolic link; name the file that it leads to",
                path: path,
                errno: error.errno
            )
        }
    }

    private func readDefinition(_ path: String) throws(RedoubtError) -> [UInt8] {
        let file = try openForeign(path, ".cfg file")
        defer { file.close() }
        let size = try file.size()
        guard size <= UInt64(TableDefinition.byteCountMaximum) else {
            throw RedoubtError(.corruptPage, "a .cfg file of \(size) bytes describes no table", path: path)
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = try unsafe bytes.withUnsafeMutableBufferPointer { (target) throws(RedoubtError) in
            unsafe try file.read(into: UnsafeMutableRawBufferPointer(target), at: 0)
        }
        return Array(bytes.prefix(count))
    }

    private static func partial(_ path: String) -> String { path + ".partial" }

    /// Makes `directory` and what is missing above it, durably.
    private func makeDirectory(_ directory: String) throws(RedoubtError) {
        if try storage.exists(directory) { return }
        try storage.createDirectory(directory)
        try storage.syncAncestors(of: directory)
    }

    /// Makes a new file, lets `body` fill it, and makes it durable; removes it if that fails.
    @discardableResult
    private func writeFile<Result>(
        _ path: String,
        _ body: (any StorageFile) throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> Result {
        let file = try storage.open(path, role: .control, creating: true, readOnly: false)
        defer { file.close() }
        do throws(RedoubtError) {
            let result = try body(file)
            try file.sync()
            return result
        } catch {
            try? storage.remove(path)
            throw error
        }
    }

    /// Writes the rows of `space`, which stand still meanwhile, as a tablespace to `file`.
    private func copy(
        _ space: Space,
        to file: any StorageFile,
        _ progress: ((Int, Int) -> Void)?
    ) throws(RedoubtError) -> (rows: Int, pages: UInt32) {
        let writer = try TablespaceWriter(file, space: space.id)
        try space.hold(kernel)
        defer { space.release() }
        var cursor = Cursor(tree(space))
        var isOnRow = true
        var bytes = 0
        while isOnRow {
            isOnRow = unsafe try cursor.next { (key, value) throws(RedoubtError) in
                bytes += key.count + value.count
                if writer.rowCount & 1023 == 1023 { progress?(writer.rowCount + 1, bytes) }
                if value.isInline { return unsafe try writer.add(key, value.inlineBytes) }
                try writer.beginValue(byteCount: value.count)
                unsafe try value.forEachChunk { (chunk) throws(RedoubtError) in
                    unsafe try writer.appendToValue(chunk)
                    return true
                }
                unsafe try writer.addWithValue(key)
            }
        }
        return (writer.rowCount, try writer.finish())
    }
}
