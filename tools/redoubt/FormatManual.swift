import Redoubt
import RedoubtCommands
import RedoubtCore

/// The page of the manual about files, from the tables that decode them.
extension Manual {
    /// The page `redoubt-format`.
    static func format(version: String) -> Manual {
        var parts: [Part] = [
            .heading("DESCRIPTION"),
            .text(
                "A database is a folder. Each keyspace is a tablespace of InnoDB in a file of its own, with the table "
                    + "(k VARBINARY(3072) NOT NULL PRIMARY KEY, v LONGBLOB NOT NULL) ROW_FORMAT=DYNAMIC, in pages of "
                    + "16384 bytes. All numbers are big-endian. `redoubt page` and `redoubt log` show files by the "
                    + "tables of this page."
            ),
        ]
        parts += files
        parts += [
            .heading("PAGES OF A FILE"),
            .item("0", "space header and the descriptors of the first 256 extents"),
            .item("1", "bitmap of the change buffer, always empty"),
            .item("2", "inodes of the two segments"),
            .item("3", "root of the tree, for ever"),
            .item("16384 x n", "extent descriptors; the page behind is a bitmap like page 1"),
            .heading("TYPES OF PAGES"),
        ]
        for type in Inspection.pageTypes { parts.append(.item("\(type.code)", type.name)) }
        parts.append(.heading("STRUCTURES"))
        for layout in Inspection.layouts {
            parts += [.subheading(layout.name), .text(layout.text)]
            for field in layout.fields {
                let place = "\(field.offset)" + (field.byteCount > 1 ? ", \(field.byteCount) bytes" : ", 1 byte")
                parts.append(.item("\(place): \(field.name)", meaning(field)))
            }
        }
        parts += textOfRows
        parts += [.heading("SEE ALSO"), .text("redoubt(1)")]
        return Manual(
            name: "redoubt-format",
            section: 5,
            summary: "files of a database of redoubt",
            source: "redoubt \(version)",
            parts: parts
        )
    }

    /// The files of a database, and those of a backup.
    private static var files: [Part] {
        [
            .heading("FILES"),
            .item("redoubt.lock", "locked while a process has the database open; holds the number of the process"),
            .item("redoubt.stats", "what a process that has the database open says about itself"),
            .item("catalog.ibd", "space 1: the names of keyspaces and their files"),
            .item("catalog.new", "a catalog that is being made, for a database that is not one yet"),
            .item("catalog.restored", "the catalog, while a backup is restored and not all other files are there yet"),
            .item("NAME-N.ibd", "the keyspace created as NAME with space id N; a rename does not change it"),
            .item("redo/redo_N.log", "redo files, used in turn; the heads tell their order"),
            .item("doublewrite/dw_N", "copies of pages that are being written, to repair those that a crash tore"),
            .item("pool.dump", "which pages were in memory, to read them again at the next opening"),
            .item("pool.dump.incomplete", "the same, while it is written"),
            .item(
                "upgrade.journal",
                "the pages 0 that an upgrade of the format writes, until they are in place; `redoubt upgrade` ends one "
                    + "that was interrupted"
            ),
            .item("backup.request", "what `redoubt backup` asks of the process that has the database open"),
            .item("backup.request.new", "a request that is being written"),
            .item("backup.request.lock", "locked by who asks, until the answer is there"),
            .item("backup.result.TOKEN", "the answer to one request; locked while the backup is made"),
            .heading("FILES OF A BACKUP"),
            .text("`redoubt restore` makes a database of them; none is opened as it is."),
            .item("backup.manifest", "names every file with its size and checksum; without it there is no backup"),
            .item("backup.manifest.new", "the same, while it is written"),
            .item("catalog.ibd.copy, NAME-N.ibd.copy", "the pages of a file, as they were when they were read"),
            .item("redo.copy", "the redo that makes them those of one moment"),
        ]
    }

    /// The forms of rows in text files.
    private static var textOfRows: [Part] {
        [
            .heading("TEXT OF ROWS"),
            .text("What `redoubt dump` writes and `redoubt load` reads, by --format:"),
            .item(
                "db",
                "the text of db_dump and mdb_dump: the lines VERSION=3, format=bytevalue or format=print, "
                    + "database=NAME with --all, type=btree, HEADER=END; then a line for each key and each value by "
                    + "turns, which begins with a space; then DATA=END. bytevalue: a byte is two digits. "
                    + "print: a byte from space to tilde as it is, others, and backslash, by a backslash and digits; "
                    + "two backslashes are read as one."
            ),
            .item(
                "json",
                "an object a line: {\"key\":\"...\",\"value\":\"...\"}; what is not UTF-8 is {\"hex\":\"...\"} instead "
                    + "of a string. Other fields are skipped."
            ),
            .item(
                "tsv",
                "key, tab, value, line feed, which the last row may lack; in both, \\t is a tab, \\n a line feed, \\r "
                    + "a carriage return, \\\\ a backslash, and \\xNN any byte; --raw turns that off."
            ),
            .item(
                "csv",
                "as RFC 4180: key, comma, value; a column with a comma, a quote or the end of a line, and an empty "
                    + "one, stands in double quotes, and a quote in it is doubled. Other bytes are as they are. A byte "
                    + "order mark before the first row is skipped."
            ),
        ]
    }

    private static func meaning(_ field: StructureLayout.Field) -> String {
        switch field.kind {
        case .named(let names) where names.count < 10:
            let list = names.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            return "\(field.text): \(list)"
        case .named: return "\(field.text): see TYPES OF PAGES"
        case .list: return "list: \(field.text)"
        case .address: return "page and offset: \(field.text)"
        default: return field.text
        }
    }
}
