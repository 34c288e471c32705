/// The rows of a TSV or CSV file.
///
/// TSV: columns between tabs, rows between line feeds, nothing quoted; with escapes, a backslash and what follows it
/// stand for a byte, see ``TextEscape``. CSV as RFC 4180: columns between commas, a column in double quotes may hold
/// commas, line feeds and doubled quotes. A carriage return at the end of a row is dropped, unless it stands in quotes;
/// a byte order mark at the beginning too, unless every byte stands for itself. The last row may lack its line feed.
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
    private let keyColumn: Int?
    private var isAtStart = true
    /// The number of the line, from 1, in which the row that was read last begins.
    package private(set) var lineNumber = 1

    /// Reads `bytes` as `format`, or with another separator; `escapes` counts for TSV only.
    ///
    /// Column `keyColumn`, from 0, must not be longer than a key.
    package init(
        _ bytes: InputBytes,
        format: Format,
        separator: UInt8?,
        escapes: Bool = false,
        keyColumn: Int? = nil
    ) {
        self.bytes = bytes
        self.separator = separator ?? UInt8(ascii: format == .tsv ? "\t" : ",")
        self.keyColumn = keyColumn
        quotes = format == .csv
        self.escapes = escapes && format == .tsv
    }

    /// Returns the columns of the next row that is not empty, or nil at the end.
    ///
    /// - Throws: `.usage` if a quoted column does not end or goes on behind its end, a backslash begins no escape, or a
    ///   column is longer than it can be; what the reading of the file throws.
    package mutating func next() throws(CommandFailure) -> [[UInt8]]? {
        if isAtStart, quotes || escapes { try bytes.skipByteOrderMark() }
        isAtStart = false
        while try bytes.peek() != nil {
            lineNumber = bytes.lineNumber
            let row = try readRow()
            if row.count > 1 || row.first?.isEmpty == false { return row }
        }
        return nil
    }

    private func readRow() throws(CommandFailure) -> [[UInt8]] {
        var row: [[UInt8]] = []
        var column: [UInt8] = []
        var left = RowBounds.valueByteCount
        // Whether the last byte of the column is a carriage return that no quotes protect.
        var endsInReturn = false
        func append(_ byte: UInt8) throws(CommandFailure) {
            if row.count == keyColumn, column.count == RowBounds.keyByteCount {
                // A carriage return may be the first half of the row's end.
                let next = byte == 13 ? try bytes.peek() : nil
                guard byte == 13, next == nil || next == 10 else { throw RowBounds.keyTooLong(line: lineNumber) }
            }
            guard left > 0 else { throw RowBounds.valueTooLong(line: lineNumber) }
            left -= 1
            column.append(byte)
        }
        while let byte = try bytes.next() {
            if byte == separator {
                row.append(column)
                column.removeAll(keepingCapacity: true)
                endsInReturn = false
            } else if byte == 10 {
                break
            } else if quotes, byte == UInt8(ascii: "\""), column.isEmpty {
                while let byte = try nextQuoted() { try append(byte) }
                try requireEndOfColumn()
                endsInReturn = false
            } else if escapes, byte == UInt8(ascii: "\\") {
                try append(TextEscape.read(bytes, place: "line \(lineNumber)"))
                endsInReturn = false
            } else {
                try append(byte)
                endsInReturn = byte == 13
            }
        }
        if endsInReturn { column.removeLast() }
        row.append(column)
        return row
    }

    /// Takes the next byte of a quoted column; nil for its end.
    private func nextQuoted() throws(CommandFailure) -> UInt8? {
        guard let byte = try bytes.next() else {
            throw .usage("line \(lineNumber): a column begins with a double quote and does not end")
        }
        guard byte == UInt8(ascii: "\"") else { return byte }
        return try bytes.peek() == byte ? try bytes.next() : nil
    }

    /// Sees to it that nothing follows the quote that ends a column but the end of the column; takes a carriage return.
    private func requireEndOfColumn() throws(CommandFailure) {
        var byte = try bytes.peek()
        if byte == 13 {
            _ = try bytes.next()
            byte = try bytes.peek()
            if byte == nil || byte == 10 { return }
        } else if byte == nil || byte == 10 || byte == separator {
            return
        }
        throw .usage(
            "line \(lineNumber): something follows the double quote that ends a column; double the quotes that belong "
                + "to the column, or name the form with --format"
        )
    }
}
