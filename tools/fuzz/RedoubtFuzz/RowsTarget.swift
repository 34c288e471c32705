import RedoubtCommands

/// Reads a file as `load` does with JSON lines, with the text of `db_dump`, and with a form that the file itself tells;
/// writes the rows down in every form of `dump`, and reads those.
enum RowsTarget {
    private struct Row: Equatable {
        let key: [UInt8]
        let value: [UInt8]
    }

    /// What a file holds, and why reading it ended before its end.
    private struct Contents: Equatable {
        var rows: [Row] = []
        var databaseCount = 0
        var message: String?
    }

    private static let loading = command("load", LoadFormat.options)
    private static let dumping = command("dump", RowWriter.options)
    private static let dumps = [
        ["--format", "json"], ["--format", "db"], ["--format", "db", "--print"], ["--format", "csv"],
        ["--format", "tsv"], ["--format", "csv", "--separator", ";", "--header"], ["--format", "tsv", "--raw"],
    ]

    private static func command(_ name: String, _ options: [Command.Option]) -> Command {
        Command(name: name, summary: "", operands: [Command.Operand(name: "FILE", text: "")], options: options) {
            (_) throws(CommandFailure) in .success
        }
    }

    static func run(_ input: [UInt8]) throws(FuzzFinding) -> FuzzTarget.Depth {
        var feed = ByteFeed(input)
        let choice = feed.byte()
        let pieceByteCount = 1 + feed.byte() % 8
        let file = prologue(choice) + feed.rest()
        let words = [["--format", "json"], ["--format", "db"], []][choice % 3]
        let found = read(file, words, pieceByteCount)
        guard found == read(file, words, file.count + 1) else {
            throw FuzzFinding("in pieces of \(pieceByteCount) bytes other rows are read")
        }
        try write(found.rows, dumps[(choice >> 2) % dumps.count], pieceByteCount)
        return isDeep(found, choice % 3) ? .deep : .shallow
    }

    /// What some inputs begin with, so that the fuzzer need not find it.
    private static func prologue(_ choice: Int) -> [UInt8] {
        guard choice & 128 != 0 else { return [] }
        let format = choice & 64 != 0 ? "print" : "bytevalue"
        return Array((choice % 3 == 0 ? "{\"key\":" : "VERSION=3\nformat=\(format)\ntype=btree\nHEADER=END\n").utf8)
    }

    /// Deep is what several parts of a reader had to agree on: two databases with rows, or text of escapes.
    private static func isDeep(_ found: Contents, _ form: Int) -> Bool {
        guard found.rows.count > 1, found.message == nil else { return false }
        if form == 1 { return found.databaseCount > 1 }
        return found.rows.contains { $0.key.count > 1 && $0.value.contains { $0 < 32 || $0 > 126 } }
    }

    private static func write(_ rows: [Row], _ words: [String], _ pieceByteCount: Int) throws(FuzzFinding) {
        var text: [UInt8] = []
        var count = 0
        do throws(CommandFailure) {
            let writer = try RowWriter(Arguments(words + ["--", "file"], of: dumping))
            writer.begin(nil, to: &text)
            for row in rows {
                try writer.write(row.key, row.value, to: &text)
                count += 1
            }
            writer.end(to: &text)
        } catch {
            guard words.contains("--raw") else { throw FuzzFinding("\(words) does not write a row: \(error.message)") }
        }
        let again = read(text, words.filter { $0 != "--print" }, pieceByteCount)
        // What db_dump could not have written is refused where it is read: a key twice in a row.
        let expected = Array(rows.prefix(count))
        if words.contains("db"), zip(expected, expected.dropFirst()).contains(where: { $0.key == $1.key }) { return }
        guard again.message == nil, again.rows == expected else {
            throw FuzzFinding("\(words): \(expected) were written and read as \(again)")
        }
    }

    private static func read(_ file: [UInt8], _ words: [String], _ pieceByteCount: Int) -> Contents {
        var position = 0
        let bytes = InputBytes(pieceByteCount: pieceByteCount) { (piece) throws(CommandFailure) in
            let part = file[position..<min(file.count, position + piece.count)]
            piece.replaceSubrange(0..<part.count, with: part)
            position += part.count
            return part.count
        }
        var contents = Contents()
        do throws(CommandFailure) {
            var items = try LoadFormat(Arguments(words + ["--", "file"], of: loading)).items(of: bytes)
            while let item = try items.next() {
                switch item {
                case .database: contents.databaseCount += 1
                case .row(let key, let value): contents.rows.append(Row(key: key, value: value))
                }
            }
        } catch {
            contents.message = error.message
        }
        return contents
    }
}
