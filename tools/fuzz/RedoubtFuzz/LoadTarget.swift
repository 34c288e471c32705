import RedoubtCommands

/// Reads a file as `load` does, in pieces of several sizes, and writes its rows down again.
enum LoadTarget {
    private static let command = Command(
        name: "load",
        summary: "",
        operands: [Command.Operand(name: "FILE", text: "")],
        options: LoadFormat.options
    ) { (_) throws(CommandFailure) in .success }

    /// The rows of a file, and why reading it ended before its end.
    private struct Rows: Equatable {
        var rows: [[[UInt8]]] = []
        var message: String?
    }

    static func run(_ input: [UInt8]) throws(FuzzFinding) -> FuzzTarget.Depth {
        var feed = ByteFeed(input)
        let choice = feed.byte()
        let isCSV = choice & 1 != 0
        let separator = choice & 2 == 0 ? nil : feed.byte()
        let pieceByteCount = 1 + feed.byte() % 8
        var words = ["--format", isCSV ? "csv" : "tsv", "--key=\(feed.byte() % 4)"]
        if !isCSV { words.append("--raw") }
        if choice & 4 != 0 { words.append("--value=\(feed.byte() % 4)") }
        if let separator { words += ["--separator", String(Character(Unicode.Scalar(UInt8(separator))))] }
        let format: LoadFormat
        do throws(CommandFailure) {
            format = try LoadFormat(Arguments(words + ["--", "file"], of: command))
        } catch {
            return .shallow
        }
        let file = feed.rest()
        let found = read(file, format, pieceByteCount)
        let whole = read(file, format, file.count + 1)
        guard found == whole else { throw FuzzFinding("in pieces of \(pieceByteCount) bytes other rows are read") }
        let byte = UInt8(separator ?? Int(UInt8(ascii: isCSV ? "," : "\t")))
        let written = found.rows.reduce(into: []) { $0 += line($1, separator: byte, quotes: isCSV) }
        guard read(written, format, pieceByteCount) == Rows(rows: found.rows, message: nil) else {
            throw FuzzFinding("rows that were written down are read as others: \(found.rows)")
        }
        for (index, row) in found.rows.enumerated() {
            do throws(CommandFailure) { _ = try format.keyAndValue(of: row, line: index + 1) } catch {}
        }
        return isDeep(found.rows, byte) ? .deep : .shallow
    }

    /// Deep is a column with everything in it that only quotes allow, in a file of some rows.
    private static func isDeep(_ rows: [[[UInt8]]], _ separator: UInt8) -> Bool {
        rows.count > 2
            && rows.contains { row in
                row.contains { $0.contains(UInt8(ascii: "\"")) && $0.contains(separator) && $0.contains(10) }
            }
    }

    private static func read(_ file: [UInt8], _ format: LoadFormat, _ pieceByteCount: Int) -> Rows {
        var position = 0
        let bytes = InputBytes(pieceByteCount: pieceByteCount) { (piece) throws(CommandFailure) in
            let part = file[position..<min(file.count, position + piece.count)]
            piece.replaceSubrange(0..<part.count, with: part)
            position += part.count
            return part.count
        }
        var reader = format.rows(of: bytes)
        var found = Rows()
        do throws(CommandFailure) {
            while let row = try reader.next() { found.rows.append(row) }
        } catch {
            found.message = error.message
        }
        return found
    }

    /// A row as a file has it: with every column quoted, if there are quotes.
    private static func line(_ row: [[UInt8]], separator: UInt8, quotes: Bool) -> [UInt8] {
        var line: [UInt8] = []
        for (index, column) in row.enumerated() {
            if index > 0 { line.append(separator) }
            guard quotes else {
                line += column
                continue
            }
            line.append(UInt8(ascii: "\""))
            for byte in column { line += byte == UInt8(ascii: "\"") ? [byte, byte] : [byte] }
            line.append(UInt8(ascii: "\""))
        }
        return line + Array("\r\n".utf8)
    }
}
