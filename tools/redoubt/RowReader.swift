/// The rows of a TSV or CSV file.
///
/// TSV: columns between tabs, rows between line feeds, nothing quoted. CSV as RFC 4180: columns between commas, a
/// column in double quotes may hold commas, line feeds and doubled quotes. A carriage return before a line feed is
/// dropped.
struct RowReader {
    /// The form of the file.
    enum Format: String {
        case tsv
        case csv
    }

    private let file: InputFile
    private let separator: UInt8
    private let quotes: Bool
    /// The number of the row that was read last, from 1.
    private(set) var rowNumber = 0

    /// Reads `file` as `format`, or with another separator.
    init(_ file: InputFile, format: Format, separator: UInt8?) {
        self.file = file
        self.separator = separator ?? UInt8(ascii: format == .tsv ? "\t" : ",")
        quotes = format == .csv
    }

    /// Returns the columns of the next row that is not empty, or nil at the end.
    mutating func next() throws(CommandFailure) -> [[UInt8]]? {
        while try file.peek() != nil {
            rowNumber += 1
            let row = try readRow()
            if row.count > 1 || row.first?.isEmpty == false { return row }
        }
        return nil
    }

    private func readRow() throws(CommandFailure) -> [[UInt8]] {
        var row: [[UInt8]] = []
        var column: [UInt8] = []
        var isQuoted = false
        while let byte = try file.next() {
            if isQuoted {
                guard byte == UInt8(ascii: "\"") else {
                    column.append(byte)
                    continue
                }
                isQuoted = try file.peek() == UInt8(ascii: "\"")
                if isQuoted, let quote = try file.next() { column.append(quote) }
            } else if quotes, byte == UInt8(ascii: "\""), column.isEmpty {
                isQuoted = true
            } else if byte == separator {
                row.append(column)
                column.removeAll(keepingCapacity: true)
            } else if byte == UInt8(ascii: "\n") {
                break
            } else {
                column.append(byte)
            }
        }
        if isQuoted {
            throw .usage("row \(rowNumber): a column begins with a double quote and does not end")
        }
        if column.last == UInt8(ascii: "\r") { column.removeLast() }
        row.append(column)
        return row
    }
}
