public import RedoubtCore
import RedoubtEngine
import RedoubtLog
import RedoubtSystem

/// A keyspace as files that a MariaDB or MySQL server imports, and the statements that do it.
public struct ExportedKeyspace: Sendable {
    /// The path of the tablespace, `<table>.ibd`.
    public let dataPath: String
    /// The path of the file that describes the table, `<table>.cfg`.
    public let definitionPath: String
    /// The name of the table.
    public let table: String
    /// The rows.
    public let rowCount: Int
    /// The size of the tablespace in bytes.
    public let byteCount: UInt64

    /// Makes the table, with which the server forgets its own empty file.
    public var preparingStatements: [String] {
        [
            "CREATE TABLE `\(table)` (`k` VARBINARY(3072) NOT NULL, `v` LONGBLOB NOT NULL, PRIMARY KEY (`k`)) "
                + "ENGINE=InnoDB ROW_FORMAT=DYNAMIC;",
            "ALTER TABLE `\(table)` DISCARD TABLESPACE;",
        ]
    }

    /// Takes the files over, once both are in the folder of the server's database and belong to the server.
    public var importStatement: String { "ALTER TABLE `\(table)` IMPORT TABLESPACE;" }
}

/// What an import has found.
public struct ImportedKeyspace: Sendable {
    /// The rows that are in the keyspace now.
    public let rowCount: Int
    /// The leftovers of deletes in the file, which were passed over.
    public let deletedCount: Int
}

extension Database {
    /// Writes the rows of a keyspace to files that a server imports: `table.ibd` and `table.cfg` in `directory`.
    ///
    /// Waits for the file system.
    ///
    /// The files hold the rows as they are at one moment: writers of the keyspace wait from then on until all rows are
    /// read, or get `.busy` if they asked not to wait; readers, and writers of other keyspaces, go on. The files
    /// are durable on return. Nothing is replaced; a crash leaves no file under these names, or complete ones, but
    /// perhaps files that end in ".partial".
    ///
    /// - Parameters:
    ///   - name: The name of the keyspace.
    ///   - directory: Made with mode 0700 if it is missing.
    ///   - table: The name of the table; nil for the first 64 bytes of the keyspace's name, with "_" for what is no
    ///     ASCII letter, digit or "_".
    ///   - progress: Called with the rows and their bytes so far, every 1024 rows.
    /// - Throws: `.keyspaceNotFound`; `.invalidName` for a table name with other bytes than those; `.exists` if one
    ///   of the files is there; `.diskFull`, `.corruptPage`, `.readFailed`, `.poolExhausted`, `.systemCallFailed`,
    ///   `.closed`, `.reentered`.
    public func export(
        keyspace name: String,
        to directory: String,
        table: String? = nil,
        progress: ((_ rows: Int, _ bytes: Int) -> Void)? = nil
    ) throws(RedoubtError) -> ExportedKeyspace {
        let table = if let table { table } else { try ExportedKeyspace.tableName(of: name) }
        guard try ExportedKeyspace.tableName(of: table) == table else {
            throw RedoubtError(
                .invalidName,
                "\"\(table)\" is no table name that every server takes; use 1 to 64 letters, digits and \"_\""
            )
        }
        return try call { () throws(RedoubtError) in
            let export = try engine.export(
                try engine.keyspace(name),
                to: directory,
                table: table,
                progress: progress
            )
            return ExportedKeyspace(
                dataPath: export.dataPath,
                definitionPath: export.definitionPath,
                table: table,
                rowCount: export.rowCount,
                byteCount: UInt64(export.pageCount) * UInt64(pageByteCount)
            )
        }
    }

    /// Makes a keyspace of the rows in the tablespace `file` of a MariaDB or MySQL server, or of an export; durable on
    /// return.
    ///
    /// Waits for the file system.
    ///
    /// The file is only read, and all of it is proven before the first row is taken. Its table must have one binary
    /// primary key and one binary or text column; text comes as the bytes that it is. Rows that were deleted and
    /// not yet purged are passed over. Nobody may change the file meanwhile: stop the server, or copy it while a
    /// session holds `FLUSH TABLES ... FOR EXPORT`.
    ///
    /// The keyspace is there when it is complete; nobody else can take its name meanwhile. Of an import that a crash
    /// ended the next opening leaves nothing.
    ///
    /// - Parameters:
    ///   - name: The name of the keyspace, which must be new.
    ///   - file: The `.ibd` file.
    ///   - definition: The `.cfg` file of MariaDB or MySQL 5.7; nil for the one beside `file`, with ".cfg" at the end
    ///     of its name instead of ".ibd". If there is none, or one of MySQL 8, the rows themselves tell how they are
    ///     laid out, and are refused if they could be those of a key of two columns. They do not tell a binary key of
    ///     a fixed length from a number, so that such a key of up to 8 bytes is refused.
    ///   - progress: Called every 1024 rows that were taken with them, their bytes, and all rows that there are; not
    ///     while the file is proven.
    /// - Throws: `.keyspaceExists`, `.invalidName`; `.notADatabase`, `.unsupportedFormat`, which says what the file or
    ///   the table is instead; `.corruptPage`, `.readFailed`, `.notFound` if a file is missing; `.diskFull`, and as
    ///   ``Keyspace/put(_:_:durability:slowdown:)``. There is no new keyspace then, with two exceptions: after
    ///   `.notDurable` it is there with all rows, and durable as soon as there is room; after `.fenced` the next
    ///   opening tells whether it is.
    @discardableResult
    public func importKeyspace(
        named name: String,
        from file: String,
        definition: String? = nil,
        progress: ((_ rows: Int, _ bytes: Int, _ total: Int) -> Void)? = nil
    ) throws(RedoubtError) -> ImportedKeyspace {
        try call { () throws(RedoubtError) in try engine.requireNewName(name) }
        let reader = try call { () throws(RedoubtError) in
            try engine.foreignTablespace(at: file, definition: definition)
        }
        let space = try call { () throws(RedoubtError) in try engine.beginKeyspace(name) }
        do throws(RedoubtError) {
            try withoutName { () throws(RedoubtError) in try handle(space, name).load(reader, progress) }
            try call { () throws(RedoubtError) in try engine.nameKeyspace(space, name) }
        } catch {
            // The first error is the one to tell.
            do throws(RedoubtError) {
                try call { () throws(RedoubtError) in try engine.abandonKeyspace(space, name) }
            } catch {}
            throw error
        }
        return ImportedKeyspace(rowCount: reader.rowCount, deletedCount: reader.deletedCount)
    }

    /// Runs what fills a keyspace that has no name yet, of which nothing stays if it fails: what is not durable yet
    /// will never be.
    private func withoutName(_ body: () throws(RedoubtError) -> Void) throws(RedoubtError) {
        do throws(RedoubtError) {
            try body()
        } catch {
            throw error.ofNoChange
        }
    }
}

extension ExportedKeyspace {
    /// The name of the table for the keyspace `name`.
    static func tableName(of name: String) throws(RedoubtError) -> String {
        let bytes = name.utf8.prefix(64).map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                byte
            default: UInt8(ascii: "_")
            }
        }
        guard !bytes.isEmpty else { throw RedoubtError(.invalidName, "a table has no name") }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Keyspace {
    /// Adds the rows of `reader` in their order.
    fileprivate func load(
        _ reader: TablespaceReader,
        _ progress: ((Int, Int, Int) -> Void)?
    ) throws(RedoubtError) {
        var load = sortedLoad()
        var (rows, bytes) = (0, 0)
        try unsafe reader.forEachRow { (key, value) throws(RedoubtError) in
            rows += 1
            bytes += key.count + value.byteCount
            if rows & 1023 == 0 { progress?(rows, bytes, reader.rowCount) }
            if value.isInline { return try unsafe load.add(key, value.localBytes) }
            try unsafe load.add(key, byteCount: value.byteCount) { (target) throws(RedoubtError) in
                try unsafe value.read(into: target)
            }
        }
        try load.finish(durability: .flushed)
    }
}
