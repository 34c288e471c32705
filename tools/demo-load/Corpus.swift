/// Real data of this machine: the Unicode character database, and the packages that are installed.
struct Corpus: Sendable {
    /// A row.
    struct Row: Sendable {
        /// The key.
        let key: [UInt8]
        /// The value.
        let value: [UInt8]
    }

    /// One source of rows.
    struct Source: Sendable {
        /// The name of the keyspace.
        let name: String
        /// Where the rows come from.
        let path: String
        /// The rows, in the order of their keys, each key once.
        let rows: [Row]
    }

    /// The sources found.
    let sources: [Source]

    /// Reads what the machine has.
    static func read() throws -> Corpus {
        var sources: [Source] = []
        let unicode = "/usr/share/unicode/UnicodeData.txt"
        if let text = content(of: unicode) {
            sources.append(Source(name: "unicode", path: unicode, rows: unique(unicodeRows(text))))
        }
        let packages = "/var/lib/dpkg/status"
        if let text = content(of: packages) {
            sources.append(Source(name: "packages", path: packages, rows: unique(packageRows(text))))
        }
        for words in ["/usr/share/dict/words", "/usr/share/dict/american-english"] {
            guard let text = content(of: words) else { continue }
            let rows = text.split(separator: 10).map { Row(key: Array($0), value: [UInt8]("\($0.count)".utf8)) }
            sources.append(Source(name: "words", path: words, rows: unique(rows)))
            break
        }
        guard !sources.isEmpty else { throw Failure("there is no data to load; run tools/setup --demo") }
        return Corpus(sources: sources)
    }

    /// The rows of all sources.
    var rowCount: Int { sources.reduce(0) { $0 + $1.rows.count } }
    /// The bytes of all rows.
    var byteCount: Int {
        sources.reduce(0) { sum, source in sum + source.rows.reduce(0) { $0 + $1.key.count + $1.value.count } }
    }

    /// One row a line: the code point, padded so that byte order is numeric order, and the other fields.
    private static func unicodeRows(_ text: [UInt8]) -> [Row] {
        text.split(separator: 10).compactMap { line in
            guard let end = line.firstIndex(of: UInt8(ascii: ";")) else { return nil }
            let point = Array(line[line.startIndex..<end])
            let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: max(0, 6 - point.count))
            return Row(key: zeros + point, value: Array(line[(end + 1)...]))
        }
    }

    /// One row a paragraph: the name after "Package: ", and the whole paragraph.
    private static func packageRows(_ text: [UInt8]) -> [Row] {
        let prefix = Array("Package: ".utf8)
        var rows: [Row] = []
        var paragraph: [UInt8] = []
        for line in text.split(separator: 10, omittingEmptySubsequences: false) {
            if !line.isEmpty {
                paragraph += line + [10]
                continue
            }
            if paragraph.starts(with: prefix), let end = paragraph.firstIndex(of: 10) {
                rows.append(Row(key: Array(paragraph[prefix.count..<end]), value: paragraph))
            }
            paragraph = []
        }
        return rows
    }

    private static func unique(_ rows: [Row]) -> [Row] {
        let sorted = rows.filter { !$0.key.isEmpty }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        var result: [Row] = []
        for row in sorted where result.last?.key != row.key { result.append(row) }
        return result
    }
}
