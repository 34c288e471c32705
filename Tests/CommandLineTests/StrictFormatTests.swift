import RedoubtCommands
import RedoubtCore
import TestSupport
import Testing

/// Goal: what is not of its form is refused, with the line it stands in, and never loaded as something else. Method:
/// files that people and programs have, in pieces of several sizes.
@Suite(.timeLimit(.minutes(20))) struct StrictFormatTests {
    private typealias Row = RowFormatTests.Row

    private func row(_ key: String, _ value: String) -> Row { Row(key: Array(key.utf8), value: Array(value.utf8)) }

    private func rows(_ text: String, _ words: [String] = []) throws -> [Row] {
        let file = Array(text.utf8)
        let first = try RowFormatTests.rows(file, words, pieceByteCount: 1)
        for pieceByteCount in [2, 5, 1000] {
            #expect(try RowFormatTests.rows(file, words, pieceByteCount: pieceByteCount) == first)
        }
        return first
    }

    /// The complaint about a file; "" if there is none.
    private func complaint(_ text: String, _ words: [String] = []) -> String {
        do {
            _ = try RowFormatTests.rows(Array(text.utf8), words, pieceByteCount: 3)
            return ""
        } catch {
            return (error as? CommandFailure)?.message ?? "\(error)"
        }
    }

    @Test func `files of other forms are not taken for TSV`() throws {
        let dump = "VERSION=3\r\nformat=print\r\ntype=btree\r\nHEADER=END\r\n a\r\n b\r\nDATA=END\r\n"
        #expect(try rows(dump) == [row("a", "b")])
        #expect(try rows(#"{"key":"a","value":"b"}"#) == [row("a", "b")])
        #expect(try rows("\u{FEFF}{\"id\":\"a\",\"value\":\"b\"}", ["--key", "id"]) == [row("a", "b")])
        #expect(try rows("{x}\tb\n", ["--format", "tsv"]) == [row("{x}", "b")])
        #expect(complaint("{x}\tb\n").contains("see --format"))
        #expect(complaint("apple,red\npear,green\n").hasPrefix("line 1 has one column"))
        #expect(complaint("apple,red\npear,green\n").contains("--format"))
        #expect(try rows("apple\npear\n", ["--value", "1"]) == [row("apple", "apple"), row("pear", "pear")])
        #expect(complaint("a\tb\n", ["--key", "id"]).contains("--key is \"id\""))
        #expect(complaint(dump, ["--key", "2"]).contains("--key and --value go with"))
    }

    @Test func `JSON and dumps behind blanks were taken for TSV`() throws {
        for blanks in ["\n", "\r\n", " ", "\t", "\n\n \t\r\n", String(repeating: "\n", count: 3000)] {
            let json = blanks + #"{"key":"a","value":"b"}"# + "\t\n" + #"{"key":"c","value":"d"}"#
            #expect(try rows(json) == [row("a", "b"), row("c", "d")], "\(blanks.count)")
            #expect(try rows("\u{FEFF}" + json) == [row("a", "b"), row("c", "d")], "\(blanks.count)")
        }
        let dump = "VERSION=3\nformat=print\ntype=btree\nHEADER=END\n a\n b\nDATA=END\n"
        #expect(try rows("\n\r\n" + dump) == [row("a", "b")])
        // Rows of TSV may have empty lines before them, and keys that begin with blanks.
        #expect(try rows("\n\n a\tb\n") == [row(" a", "b")])
        #expect(complaint("\n\n{x}\tb\n").contains("see --format"))
        #expect(try rows("\n\n{x}\tb\n", ["--format", "tsv"]) == [row("{x}", "b")])
        #expect(complaint("{\"key\":\"a\",\"value\":\"b\"}\n{x}\n").hasPrefix("line 2 has \"x\""))
    }

    @Test func `a string of JSON held raw control characters and bytes that are no UTF-8`() throws {
        func complaint(_ bytes: [UInt8], _ field: String) -> String {
            let text = Array("\n{\"\(field)\":\"".utf8) + bytes + Array("\",\"value\":\"v\",\"key\":\"k\"}".utf8)
            do {
                _ = try RowFormatTests.rows(text, ["--format", "json"], pieceByteCount: 3)
                return ""
            } catch {
                return (error as? CommandFailure)?.message ?? "\(error)"
            }
        }
        for byte in UInt8(0)..<32 {
            #expect(complaint([97, byte, 98], "other").hasPrefix("line 2 has the control character"), "\(byte)")
        }
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for _ in 0..<20_000 {
            var bytes = Array("a\u{E9}\u{20AC}\u{1F600}\u{FFFF}\u{10FFFF}z".utf8)
            for _ in 0...random.below(3) {
                bytes[random.below(bytes.count)] = UInt8(128 + random.below(128))
                if random.below(3) == 0 { bytes.remove(at: random.below(bytes.count)) }
            }
            let isText = String(validating: bytes, as: UTF8.self) != nil
            let found = complaint(bytes, "other")
            #expect(found == (isText ? "" : found), "\(bytes), seed \(seed)")
            #expect(isText || found.hasPrefix("line 2 has bytes in a string that are no UTF-8"), "\(bytes) \(found)")
        }
        #expect(
            try rows("{\"key\":\"\u{7F}\u{2028}\\u0000\",\"value\":\"\u{1F600}\"}") == [
                row("\u{7F}\u{2028}\0", "\u{1F600}")
            ]
        )
    }

    @Test func `a complaint names the line in which the row begins`() {
        let csv = ["--format", "csv"]
        #expect(complaint("a,\"1\n2\n3\"\n\nb\n", csv).hasPrefix("line 5 has one column"))
        #expect(complaint("k,v\na,1\nb,\"x", csv + ["--header"]).hasPrefix("line 3: a column begins"))
        #expect(complaint("a\tb\n\n\nc\t\\q\n").hasPrefix("line 4: \"\\q\" is no escape"))
        let json = "{\"key\":\"a\",\n\"value\":\"b\"}\n\n{\"key\":\"c\",\n\n\"value\":nonsense}\n"
        #expect(complaint(json).hasPrefix("line 4 has \"nonsense\""))
        let head = "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n"
        #expect(complaint(head + " 61\n 62\n 61\n 63\nDATA=END\n").hasPrefix("line 7 has a second value"))
        #expect(complaint(head + " 61\n 6x\nDATA=END\n").hasPrefix("line 6 has something else"))
        #expect(complaint(head + " 61\n 62\n").contains("before line 7 without DATA=END"))
        #expect(complaint(head + " 61\nDATA=END\n").hasPrefix("line 5 has a key, and no value"))
    }

    @Test func `nothing follows the quote that ends a column of CSV`() throws {
        let csv = ["--format", "csv"]
        for wrong in ["\"x\"y,z\n", "\"x\" ,z\n", "\"\"\"\"a,z\n", "a,\"x\"\rb\n", "\"\"x,z\n"] {
            #expect(complaint(wrong, csv).hasPrefix("line 1: something follows"), "\(wrong)")
        }
        #expect(try rows("\"x\",\"\"\r\n\"y\"\"\",\"z\"", csv) == [row("x", ""), row("y\"", "z")])
    }

    @Test func `a byte order mark is no part of the first key, unless it was written as one`() throws {
        #expect(try rows("\u{FEFF}a,b\n", ["--format", "csv"]) == [row("a", "b")])
        #expect(try rows("\u{FEFF}\"a\",b\n", ["--format", "csv"]) == [row("a", "b")])
        #expect(try rows("\u{FEFF}a\tb\n") == [row("a", "b")])
        #expect(try rows("\u{FEFF}a\tb\n", ["--raw"]) == [row("\u{FEFF}a", "b")])
        #expect(try rows("\u{FEFF}{\"key\":\"a\",\"value\":\"b\"}", ["--format", "json"]) == [row("a", "b")])
        let marked = [row("\u{FEFF}a", "\u{FEFF}"), row("\u{FEFF}b", "")]
        for words in RowFormatTests.ways + [["--format", "tsv", "--raw"]] {
            let text = try RowFormatTests.text(marked, words)
            #expect(try RowFormatTests.rows(text, words) == marked, "\(words)")
        }
    }

    @Test func `only JSON is taken for JSON, and a field for what it is`() throws {
        let json = ["--format", "json"]
        let nested =
            #"{"other":{"hex":"zz"},"x":[{},[],"]",-0.5E+3,true,null,{"a":{"b":1}}],"key":"k","value":-1.5e-3}"#
        #expect(try rows(nested, json) == [row("k", "-1.5e-3")])
        for wrong in [
            "foo", "1.2.3-e", "01", "-", "1.", ".5", "1e", "+1", "[}", "[1,]", "{\"a\":}", "{\"a\" 1}", "{a:1}", "NaN",
            "TRUE", "\"x", "[", "{\"a\":{\"b\":[}", "",
        ] {
            #expect(complaint("{\"other\":\(wrong),\"key\":\"k\",\"value\":\"v\"}", json) != "", "\(wrong)")
            #expect(complaint("{\"key\":\"k\",\"value\":\(wrong)}", json) != "", "\(wrong)")
        }
        #expect(complaint(#"{"key":"k","value":"v","key":"l"}"#, json).contains("\"key\" twice"))
        #expect(complaint(#"{"key":"k","value":"v","value":"v"}"#, json).contains("\"value\" twice"))
        #expect(complaint(#"{"key":"k","value":"v",}"#, json) != "")
        #expect(complaint(#"{"key":{"hex":"00","x":1},"value":"v"}"#, json).contains("must be a string"))
        let deep = String(repeating: "[", count: 100_000)
        #expect(complaint("{\"other\":\(deep)", json).contains("deep"))
    }

    @Test func `a key that does not end is refused before it fills the memory`() throws {
        // Endless: a reader that went on would never come back.
        func complaint(_ start: String, _ words: [String]) -> String {
            var isFirst = true
            let bytes = InputBytes(pieceByteCount: 4096) { (piece) throws(CommandFailure) in
                for index in piece.indices { piece[index] = UInt8(ascii: "6") }
                if isFirst { piece.replaceSubrange(0..<start.utf8.count, with: Array(start.utf8)) }
                isFirst = false
                return piece.count
            }
            do throws(CommandFailure) {
                let command = Command(name: "x", summary: "", operands: [], options: LoadFormat.options) { _ in .success
                }
                var items = try LoadFormat(Arguments(words, of: command)).items(of: bytes)
                while try items.next() != nil {}
                return ""
            } catch {
                return error.message
            }
        }
        let head = "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n "
        for (start, words) in [
            ("a", ["--format", "tsv"]), ("\"", ["--format", "csv"]), ("v,\"", ["--format", "csv", "--key", "2"]),
            ("{\"key\":\"", ["--format", "json"]), ("{\"key\":{\"hex\":\"", ["--format", "json"]),
            (head, ["--format", "db"]),
        ] {
            let found = complaint(start, words)
            #expect(found.contains("longer than 3072 bytes"), "\(words): \(found)")
        }
        let longest = String(repeating: "k", count: 3072)
        for words in RowFormatTests.ways {
            let rows = [row(longest, "v")]
            #expect(try RowFormatTests.rows(RowFormatTests.text(rows, words), words) == rows)
        }
        #expect(try rows("v\t\(longest)\r\n", ["--key", "2"]) == [row(longest, "v")])
    }
}
