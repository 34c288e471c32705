/// The rows of a TSV or CSV file.
///
/// TSV: columns between tabs, rows between line feeds, nothing quoted; with escapes, a backslash and what follows it
/// stand for a byte, see ``TextEscape``. CSV as RFC 4180: columns between commas, a column in double quotes may hold
/// commas, line feeds and doubled quotes. A carriage return at the end of a row is dropped, unless it stands in quotes.
package struct RowReader {
    /// The form of the file.
    package enum Format: String, Sendable {
        /// Columns between tabs.
        case tsv
        /// Columns between commas, some of them quoted.
        case csv
    }

    private let bytes: InputBytes
    private let separator: UInt8
    private let quotes: Bool
    private let escapes: Bool
    /// The number of the row that was read last, from 1.
    package private(set) var rowNumber = 0

    /// Reads `bytes` as `format`, or with another separator; `escapes` counts for TSV only.
    package init(_ bytes: InputBytes, format: Format, separator: UInt8?, escapes: Bool = false) {
        self.bytes = bytes
        self.separator = separator ?? UInt8(ascii: format == .tsv ? "\t" : ",")
        quotes = format == .csv
        self.escapes = escapes && format == .tsv
    }

    /// Returns the columns of the next row that is not empty, or nil at the end.
    ///
    /// - Throws: `.usage` if a quoted column does not end, or a backslash begins no escape; what the reading of the
    ///   file throws.
    package mutating func next() throws(CommandFailure) -> [[UInt8]]? {
        while try bytes.peek() != nil {
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
        // Whether the last byte of the column is a carriage return that no quotes protect.
        var endsInReturn = false
        while let byte = try bytes.next() {
            if isQuoted {
                endsInReturn = false
                guard byte == UInt8(ascii: "\"") else {
                    column.append(byte)
                    continue
                }
                isQuoted = try bytes.peek() == UInt8(ascii: "\"")
                if isQuoted, let quote = try bytes.next() { column.append(quote) }
            } else if quotes, byte == UInt8(ascii: "\""), column.isEmpty {
                isQuoted = true
            } else if escapes, byte == UInt8(ascii: "\\") {
                column.append(try TextEscape.read(bytes, place: "row \(rowNumber)"))
                endsInReturn = false
            } else if byte == separator {
                row.append(column)
                column.removeAll(keepingCapacity: true)
                endsInReturn = false
            } else if byte == UInt8(ascii: "\n") {
                break
            } else {
                column.append(byte)
                endsInReturn = byte == UInt8(ascii: "\r")
            }
        }
        if isQuoted {
            throw .usage("row \(rowNumber): a column begins with a double quote and does not end")
        }
        if endsInReturn { column.removeLast() }
        row.append(column)
        return row
    }
}
