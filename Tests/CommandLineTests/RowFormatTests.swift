import RedoubtCommands
import RedoubtCore
import TestSupport
import Testing

/// Goal: rows that a dump writes are read as the same rows, byte for byte, in every form. Method: random rows of the
/// bytes that forms give a meaning, read in pieces of several sizes; and the words of each form one by one.
@Suite(.timeLimit(.minutes(20))) struct RowFormatTests {
    struct Row: Equatable {
        let key: [UInt8]
        let value: [UInt8]
    }

    static let ways: [[String]] = [
        ["--format", "tsv"], ["--format", "tsv", "--separator", ";"], ["--format", "tsv", "--header"],
        ["--format", "csv"], ["--format", "csv", "--separator", ";", "--header"], ["--format", "json"],
        ["--format", "db"], ["--format", "db", "--print"], ["--format", "db", "--map-size", "64M"],
    ]

    private static func arguments(_ words: [String], _ options: [Command.Option]) throws -> Arguments {
        let command = Command(name: "x", summary: "", operands: [], options: options) { _ in .success }
        let known = words.enumerated().filter { index, word in
            let name = String(word.hasPrefix("--") ? word.dropFirst(2) : words[index - 1].dropFirst(2))
            return options.contains { $0.name == name }
        }
        return try Arguments(known.map(\.element), of: command)
    }

    static func text(_ rows: [Row], _ words: [String]) throws -> [UInt8] {
        let writer = try RowWriter(arguments(words, RowWriter.options))
        var text: [UInt8] = []
        writer.begin(nil, to: &text)
        for row in rows { try writer.write(row.key, row.value, to: &text) }
        writer.end(to: &text)
        return text
    }

    static func rows(_ file: [UInt8], _ words: [String], pieceByteCount: Int = 4096) throws -> [Row] {
        var position = 0
        let bytes = InputBytes(pieceByteCount: pieceByteCount) { (piece) throws(CommandFailure) in
            let part = file[position..<min(file.count, position + piece.count)]
            piece.replaceSubrange(0..<part.count, with: part)
            position += part.count
            return part.count
        }
        var items = try LoadFormat(arguments(words, LoadFormat.options)).items(of: bytes)
        var rows: [Row] = []
        while let item = try items.next() {
            if case .row(let key, let value) = item { rows.append(Row(key: key, value: value)) }
        }
        return rows
    }

    @Test("any bytes come back from every form", arguments: ways)
    func roundTrip(_ words: [String]) throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        let meaningful =
            Array("\t\n\r\\\";,x\" {}[]:nutrb0\u{0}\u{7F}VERSION=3\nDATA=END".utf8) + [0x80, 0xC3, 0xA4, 0xFF]
        func bytes(_ least: Int) -> [UInt8] {
            let anything = random.below(3) == 0
            return (0..<least + random.below(12)).map { _ in
                anything ? UInt8(random.below(256)) : meaningful[random.below(meaningful.count)]
            }
        }
        for round in 0..<200 {
            var rows: [Row] = []
            for number in 0..<random.below(6) {
                // Neighbours with one key would be duplicates.
                rows.append(Row(key: [UInt8(number)] + bytes(0), value: bytes(0)))
            }
            let file = try Self.text(rows, words)
            for pieceByteCount in [1, 2, 7, file.count + 1] {
                let found = try Self.rows(file, words, pieceByteCount: pieceByteCount)
                #expect(found == rows, "seed \(seed), round \(round), pieces of \(pieceByteCount)")
                if found != rows { return }
            }
        }
    }

    @Test("every byte comes back alone, as key and as value", arguments: ways)
    func everyByte(_ words: [String]) throws {
        let rows = (0...255).map { Row(key: [UInt8($0)], value: [UInt8($0)]) } + [Row(key: [1, 2], value: [])]
        #expect(try Self.rows(Self.text(rows, words), words) == rows)
    }

    @Test("TSV without escapes keeps backslashes, and refuses what it cannot hold")
    func raw() throws {
        let words = ["--format", "tsv", "--raw"]
        let rows = [Row(key: Array("a\\t".utf8), value: Array("C:\\temp\tmore".utf8))]
        #expect(try Self.rows(Self.text(rows, words), words) == rows)
        for (key, value) in [("a\tb", ""), ("a\n", ""), ("a", "x\ny"), ("a", "x\r")] {
            let row = Row(key: Array(key.utf8), value: Array(value.utf8))
            #expect(throws: CommandFailure.self) { try Self.text([row], words) }
        }
        #expect(throws: CommandFailure.self) { try Self.rows(Array("a\tC:\\dir\n".utf8), ["--format", "tsv"]) }
    }

    @Test("a file without a name is taken for a dump by its first line only")
    func sniffing() throws {
        let dump = try Self.text([Row(key: [1], value: [2])], ["--format", "db"])
        for pieceByteCount in 1...12 {
            #expect(try Self.rows(dump, [], pieceByteCount: pieceByteCount) == [Row(key: [1], value: [2])])
            let other = Array("VERSION=2\tx\n".utf8)
            let row = Row(key: Array("VERSION=2".utf8), value: Array("x".utf8))
            #expect(try Self.rows(other, [], pieceByteCount: pieceByteCount) == [row])
        }
        #expect(try Self.rows([], []).isEmpty)
    }

    @Test("JSON is read as others write it: spaces, escapes, other fields, numbers")
    func json() throws {
        let text = #"""
            { "id": 7, "key" : "a\u00e4\ud83d\ude00\n", "tags": [1, {"x": "]}"}], "value": {"hex":"00Ff"} }
            {"value":12.5e3,"key":true,"other":null}{"key":"","value":"x"}
            """#
        let rows = try Self.rows(Array(text.utf8), ["--format", "json"])
        #expect(rows.map(\.key) == [Array("a\u{e4}\u{1F600}\n".utf8), Array("true".utf8), []])
        #expect(rows.map(\.value) == [[0, 255], Array("12.5e3".utf8), Array("x".utf8)])
        let named = try Self.rows(
            Array(#"{"id":"a","doc":"b"}"#.utf8),
            ["--format", "json", "--key", "id", "--value", "doc"]
        )
        #expect(named == [Row(key: Array("a".utf8), value: Array("b".utf8))])
        for wrong in [
            "[", "{", #"{"key":"a"}"#, #"{"key":null,"value":""}"#, #"{"key":"a","value":"b""#,
            #"{"key":"\ud800","value":""}"#,
            #"{"key":"a","value":{"hex":"0"}}"#, #"{"key":"a" "value":"b"}"#, #"{"key":{"x":1},"value":""}"#, "x",
            #"{"key":"a","value":"\q"}"#, #"{"a":{"b":[}"#,
        ] {
            #expect(throws: CommandFailure.self, "\(wrong)") { try Self.rows(Array(wrong.utf8), ["--format", "json"]) }
        }
    }

    @Test("a dump that is cut off anywhere, foreign, or with two values of a key is refused")
    func wrongDumps() throws {
        let rows = [Row(key: Array("a\\b".utf8), value: [0, 10]), Row(key: Array("c".utf8), value: [])]
        for words in [["--format", "db"], ["--format", "db", "--print"]] {
            let whole = try Self.text(rows, words)
            // Without its last line feed it is whole too.
            for count in 1..<whole.count - 1 {
                #expect(throws: CommandFailure.self, "\(count)") {
                    try Self.rows(Array(whole[..<count]), ["--format", "db"])
                }
            }
        }
        // The first of these is three bytes to some versions of mdb_dump, and one to others.
        for (header, value) in [("maxreaders=126\n", "\\ab"), ("", "x\\yz")] {
            let lone = "VERSION=3\nformat=print\ntype=btree\n\(header)HEADER=END\n a\n \(value)\nDATA=END\n"
            do {
                _ = try Self.rows(Array(lone.utf8), ["--format", "db"])
                Issue.record("a lone backslash was read")
            } catch let error as CommandFailure {
                #expect(error.message.contains("without -p"))
            }
        }
        let head = "VERSION=3\nformat=bytevalue\ntype=btree\n"
        for wrong in [
            head + "HEADER=END\n 61\n 62\n 61\n 63\nDATA=END\n", head + "HEADER=END\n 6\n 62\nDATA=END\n",
            head + "HEADER=END\n 61\nDATA=END\n", "VERSION=3\nformat=bytevalue\ntype=recno\nHEADER=END\nDATA=END\n",
            "VERSION=3\ntype=btree\nHEADER=END\nDATA=END\n", head + "keys=0\nHEADER=END\nDATA=END\n",
            head + "nonsense\nHEADER=END\nDATA=END\n", head + "HEADER=END\nx\nDATA=END\n", "VERSION=4\n",
        ] {
            #expect(throws: CommandFailure.self, "\(wrong)") { try Self.rows(Array(wrong.utf8), ["--format", "db"]) }
        }
    }

    @Test("any bytes are rows or a complaint, never a trap")
    func garbage() throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for _ in 0..<3000 {
            let words = Self.ways[random.below(Self.ways.count)]
            var file = try Self.text([Row(key: [97], value: [0, 92, 34]), Row(key: [98], value: [])], words)
            for _ in 0...random.below(4) { file[random.below(file.count)] = UInt8(random.below(256)) }
            do { _ = try Self.rows(file, words, pieceByteCount: 1 + random.below(9)) } catch is CommandFailure {}
        }
    }

    @Test("how far a walk is never goes back, and ends at its ends")
    func progress() throws {
        let keys = (0..<1000).map { Array("order/\(10_000 + $0 * 7)".utf8) }
        let separators = stride(from: 0, to: 1000, by: 10).map { keys[$0] }
        let progress = KeyProgress(separators: separators)
        let shares = try keys.map { try #require(progress.share(at: $0)) }
        #expect(try #require(shares.first) <= 0.01 && shares.last == 1)
        #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 <= $1 })
        let part = KeyProgress(separators: separators, from: keys[200], to: keys[400])
        #expect(part.share(at: keys[300]).map { abs($0 - 0.5) < 0.1 } == true)
        #expect(KeyProgress(separators: []).share(at: [1]) == nil)
    }
}
