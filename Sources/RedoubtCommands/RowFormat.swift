/// The forms in which rows stand in text files.
package enum RowFormat: String, Sendable, CaseIterable {
    /// Columns between tabs.
    case tsv
    /// Columns between commas, some of them quoted.
    case csv
    /// One JSON object a line.
    case json
    /// The text of `db_dump` and `mdb_dump`.
    case db

    /// The form that the name of a file tells; nil if it tells none.
    package init?(fileName: String) {
        let endings: [(String, RowFormat)] = [
            (".tsv", .tsv), (".tab", .tsv), (".csv", .csv), (".json", .json), (".jsonl", .json), (".ndjson", .json),
            (".db", .db), (".dump", .db),
        ]
        guard let format = endings.first(where: { fileName.hasSuffix($0.0) })?.1 else { return nil }
        self = format
    }

    /// All forms, for help and complaints.
    package static var list: String { "tsv, csv, json or db" }

    /// Reads the option "format".
    ///
    /// - Throws: `.usage` if it is there and names no form.
    package init?(_ arguments: Arguments) throws(CommandFailure) {
        guard let name = arguments.option("format") else { return nil }
        guard let format = RowFormat(rawValue: name) else {
            throw .usage("--format is \"\(name)\"; it must be \(Self.list)")
        }
        self = format
    }

    /// Reads the option "separator": what stands between columns instead of a tab or a comma.
    ///
    /// - Throws: `.usage` if it is there and cannot stand between columns.
    func separator(_ arguments: Arguments, escapes: Bool) throws(CommandFailure) -> UInt8? {
        guard let text = arguments.option("separator") else { return nil }
        guard self == .tsv || self == .csv else {
            throw .usage("--separator goes with --format tsv or csv; \(rawValue) has no columns")
        }
        // What ends a row or quotes a column cannot also stand between columns.
        guard let byte = text.utf8.first, text.utf8.count == 1, !Array("\n\r\"".utf8).contains(byte), byte < 128,
            byte != UInt8(ascii: "\\") || !escapes
        else {
            throw .usage(
                "--separator must be one ASCII character, and no quote, no end of a line and no backslash of an escape"
            )
        }
        return byte
    }
}
