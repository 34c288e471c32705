/// What is wrong with a text of the laboratory, where, and what would be right.
package struct ScenarioProblem: Error, CustomStringConvertible, Hashable, Sendable {
    /// The name of the text: that of its file, without the ending.
    package var file: String
    /// The line, from 1; 0 for the whole text.
    package var line: Int
    /// The key or section that it is about, "" if it is about none.
    package var key: String
    /// What is wrong, and what would be right; lower-case start, no trailing stop.
    package var message: String

    /// Creates a problem in line `line` of `file`.
    package init(file: String, line: Int, key: String, message: String) {
        (self.file, self.line, self.key, self.message) = (file, line, key, message)
    }

    /// Place and message in one line, such as `sawtooth:12: threads is "x", but must be a number`.
    package var description: String { line > 0 ? "\(file):\(line): \(message)" : "\(file): \(message)" }
}

/// A text of keys and values in sections, with the line that each stands in; scenarios and devices are such texts.
///
///     # What it shows, in as many lines as that takes.
///
///     title = What it is
///
///     [data]
///     size = 256 MiB
///
///     [phase steady]
///     seconds = 10 min
///
/// The comment that a text begins with is its notes, up to the first line that is none. Other lines that begin with
/// "#" are skipped; behind a value there is no comment. Keys are unique in their section, and the order of sections is
/// kept. What keys and values mean is the business of ``Key`` and ``Quantity``.
struct ScenarioText: Sendable {
    /// A key with its value.
    struct Entry: Sendable {
        let key: String
        let value: String
        let line: Int
    }

    /// A line in brackets, and the entries below it.
    struct Section: Sendable {
        /// The first word in the brackets; "" for what stands before the first section.
        let kind: String
        /// The rest of the brackets.
        let name: String
        let line: Int
        private(set) var entries: [Entry] = []
        private var indices: [String: Int] = [:]

        init(kind: String, name: String, line: Int) {
            (self.kind, self.name, self.line) = (kind, name, line)
        }

        /// The section in a message.
        var title: String { kind.isEmpty ? "the top" : "[\(ScenarioText.plain(kind))]" }

        /// Returns the entry with this key.
        func entry(_ key: String) -> Entry? { indices[key].map { entries[$0] } }

        /// Adds an entry, whose key must be new.
        mutating func add(_ entry: Entry) {
            indices[entry.key] = entries.count
            entries.append(entry)
        }
    }

    /// The name of the text.
    let file: String
    /// The comment that it begins with.
    private(set) var notes = ""
    /// The sections in order; the first is what stands before any.
    private(set) var sections = [Section(kind: "", name: "", line: 0)]
    /// All sections with their keys, to say where a key belongs that stands in the wrong one.
    var places: [(section: String, keys: [String])] = []

    /// The longest text that is read, in bytes.
    static let byteLimit = 1 << 20
    /// The longest notes, names and values, in bytes.
    static let notesLimit = 256 << 10
    /// See ``notesLimit``.
    static let nameLimit = 60
    /// See ``notesLimit``.
    static let valueLimit = 200

    /// Finds sections, keys and values in `text`, without asking what they mean.
    init(file: String, text: String) throws(ScenarioProblem) {
        self.file = file
        guard text.utf8.count <= Self.byteLimit else {
            throw problem(0, "", "the text has \(text.utf8.count) bytes; at most \(Self.byteLimit) are read")
        }
        // Some editors put a byte order mark before the text.
        let bytes = text.utf8.starts(with: [0xEF, 0xBB, 0xBF]) ? text.utf8.dropFirst(3) : text.utf8[...]
        var noteLines: [String] = []
        var isHead = true
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, raw) in lines.enumerated() {
            let line = Self.trimmed(raw)
            if let control = line.first(where: { ($0 < 32 && $0 != 9) || $0 == 127 }) {
                throw problem(index + 1, "", "there is the control character \(control) in it; write printable text")
            }
            switch line.first {
            case nil:
                isHead = isHead && noteLines.isEmpty
            case UInt8(ascii: "#"):
                if isHead { noteLines.append(Self.note(line)) }
            case UInt8(ascii: "["):
                isHead = false
                try beginSection(line, index + 1)
            default:
                isHead = false
                try addEntry(line, index + 1)
            }
        }
        notes = noteLines.joined(separator: "\n")
        guard notes.utf8.count <= Self.notesLimit else {
            throw problem(1, "", "the comment at the beginning is longer than \(Self.notesLimit) bytes; shorten it")
        }
    }

    /// Returns a problem in line `line`.
    func problem(_ line: Int, _ key: String, _ message: String) -> ScenarioProblem {
        ScenarioProblem(file: file, line: line, key: key, message: message)
    }

    /// Returns the first section of this kind.
    func section(_ kind: String) -> Section? { sections.first { $0.kind == kind } }

    /// Throws if there is a section that is neither in `once` nor in `many`, or more than one of a kind in `once`.
    func checkSections(once: [String], many: [String]) throws(ScenarioProblem) {
        var lines: [String: Int] = [:]
        for section in sections.dropFirst() {
            if many.contains(section.kind) { continue }
            guard once.contains(section.kind) else {
                let known = once.map { "[\($0)]" } + many.map { "[\($0) NAME]" }
                let what = "there is no section called \(Self.quoted(section.kind))"
                let remedy = known.isEmpty ? "write keys only" : "there is " + known.joined(separator: ", ")
                throw problem(section.line, section.kind, "\(what); \(remedy)")
            }
            guard section.name.isEmpty else {
                let message = "\(section.title) takes no name, but has \(Self.quoted(section.name)); leave it out"
                throw problem(section.line, section.kind, message)
            }
            if let line = lines[section.kind] {
                let message = "\(section.title) stands in line \(line) already; write its keys there"
                throw problem(section.line, section.kind, message)
            }
            lines[section.kind] = section.line
        }
    }

    private mutating func beginSection(_ line: Substring.UTF8View, _ number: Int) throws(ScenarioProblem) {
        guard line.last == UInt8(ascii: "]") else {
            throw problem(number, "", "\(Self.quoted(Self.string(line))) has no \"]\" at its end; write [data]")
        }
        let inner = Self.trimmed(line.dropFirst().dropLast())
        let kind = inner.prefix { $0 != 32 && $0 != 9 }
        let name = Self.string(Self.trimmed(inner.dropFirst(kind.count)))
        guard !kind.isEmpty else { throw problem(number, "", "a section has no name; write [data] or [phase steady]") }
        guard name.utf8.count <= Self.nameLimit else {
            let kind = Self.string(kind)
            let message = "the name in [\(Self.plain(kind)) ...] has more than \(Self.nameLimit) bytes; shorten it"
            throw problem(number, kind, message)
        }
        sections.append(Section(kind: Self.string(kind), name: name, line: number))
    }

    private mutating func addEntry(_ line: Substring.UTF8View, _ number: Int) throws(ScenarioProblem) {
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
            let message = "\(Self.quoted(Self.string(line))) has no \"=\"; write key = value, or # before a comment"
            throw problem(number, "", message)
        }
        let key = Self.string(Self.trimmed(line[..<equals]))
        let value = Self.string(Self.trimmed(line[line.index(after: equals)...]))
        guard !key.isEmpty else { throw problem(number, "", "there is no key before \"=\"; write key = value") }
        guard value.utf8.count <= Self.valueLimit else {
            let message = "\(Self.quoted(key)) has a value of more than \(Self.valueLimit) bytes; shorten it"
            throw problem(number, key, message)
        }
        let last = sections.count - 1
        if let first = sections[last].entry(key) {
            let message = "\(Self.quoted(key)) is set in line \(first.line) already; keep one of the two"
            throw problem(number, key, message)
        }
        sections[last].add(Entry(key: key, value: value, line: number))
    }

    /// The text of a line of the notes: without "#" and the blank behind it.
    private static func note(_ line: Substring.UTF8View) -> String {
        let rest = line.dropFirst()
        return string(rest.first == 32 ? rest.dropFirst() : rest)
    }

    private static func string(_ bytes: Substring.UTF8View) -> String { String(Substring(bytes)) }

    /// Returns `bytes` without the blanks at both ends.
    static func trimmed(_ bytes: Substring.UTF8View) -> Substring.UTF8View {
        func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 13 }
        var rest = bytes.drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest = rest.dropLast() }
        return rest
    }

    /// Returns `text` in quotes, as ``plain(_:)``.
    static func quoted(_ text: String) -> String { "\"\(plain(text))\"" }

    /// Returns `text` for a message: cut, and without anything that a terminal would obey.
    static func plain(_ text: String) -> String {
        var result = ""
        for (count, scalar) in text.unicodeScalars.enumerated() {
            if count == 60 { return result + "..." }
            result.unicodeScalars.append((32..<127).contains(scalar.value) ? scalar : "?")
        }
        return result
    }

    /// Returns `text` as it can stand behind "=" or in brackets: one line without blanks around it.
    static func oneLine(_ text: String) -> String {
        let bytes = text.utf8.map { ($0 < 32 && $0 != 9) || $0 == 127 ? 32 : $0 }
        return string(trimmed(String(decoding: bytes, as: UTF8.self).utf8[...]))
    }
}
