import RedoubtCommands
import Testing

/// Goal: `load` puts what is in the file. Method: files as bytes, in pieces of every size up to their own.
@Suite struct RowReaderTests {
    private func rows(_ text: String, _ format: RowReader.Format) throws -> [[String]] {
        let file = Array(text.utf8)
        var results: [[[UInt8]]] = []
        for pieceByteCount in 1...max(1, file.count) {
            var position = 0
            let bytes = InputBytes(pieceByteCount: pieceByteCount) { (piece) throws(CommandFailure) in
                let part = file[position..<min(file.count, position + piece.count)]
                piece.replaceSubrange(0..<part.count, with: part)
                position += part.count
                return part.count
            }
            var reader = RowReader(bytes, format: format, separator: nil)
            var found: [[UInt8]] = []
            while let row = try reader.next() { found += row + [[0]] }
            results.append(found)
        }
        for result in results { #expect(result == results[0]) }
        return results[0].split(separator: [0]).map { $0.map { String(decoding: $0, as: UTF8.self) } }
    }

    @Test("a carriage return in quotes belongs to its column, also at the end of a row")
    func returnInQuotes() throws {
        let file = "k,\"a\r\"\nl,\"b\r\n\"\r\nm,c\r\nn,\"\r\""
        let expected = [["k", "a\r"], ["l", "b\r\n"], ["m", "c"], ["n", "\r"]]
        #expect(try rows(file, .csv) == expected)
        #expect(try rows("k\ta\r\nl\tb\r\r\n", .tsv) == [["k", "a"], ["l", "b\r"]])
    }

    @Test("quotes stand for themselves within a column, and doubled in quotes")
    func quotes() throws {
        #expect(try rows("a\"b,\"c\"\"d\",\"e,f\"\n", .csv) == [["a\"b", "c\"d", "e,f"]])
        #expect(try rows("\"a\tb\"\n", .tsv) == [["\"a", "b\""]])
        #expect(throws: CommandFailure.self) { try rows("a,\"b\n", .csv) }
    }

    @Test("what ends a row or quotes a column cannot stand between columns", arguments: ["\n", "\r", "\"", "", "ab"])
    func separators(_ separator: String) throws {
        let command = Command(name: "load", summary: "", operands: [], options: LoadFormat.options) { _ in .success }
        let arguments = try Arguments(["--format", "csv", "--separator", separator], of: command)
        #expect(throws: CommandFailure.self) { try LoadFormat(arguments) }
        _ = try LoadFormat(try Arguments(["--separator", ";"], of: command))
    }
}
