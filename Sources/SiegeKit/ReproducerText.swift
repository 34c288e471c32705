import RedoubtSimulation

/// The lines of a reproducer that are operations.
enum ReproducerText {
    // MARK: Printing

    /// Returns the line of `operation`.
    static func line(_ operation: Workload.Operation) -> String {
        switch operation {
        case .checkpoint: return "checkpoint"
        case .deleteRange(let keyspace, let from, let to):
            return "range \(quoted(keyspace)) \(bytes(from)) \(bytes(to))"
        case .structure(let change):
            switch change {
            case .createKeyspace, .dropKeyspace, .renameKeyspace: return words(change)
            case .put, .delete: return "structure \(words(change))"
            }
        case .write(let changes):
            if changes.count == 1 {
                switch changes[0] {
                case .put, .delete: return words(changes[0])
                case .createKeyspace, .dropKeyspace, .renameKeyspace: break
                }
            }
            return (["batch"] + [changes.map(words).joined(separator: "; ")]).filter { !$0.isEmpty }
                .joined(separator: " ")
        }
    }

    private static func words(_ change: ReferenceModel.Change) -> String {
        switch change {
        case .put(let keyspace, let key, let value): "put \(quoted(keyspace)) \(bytes(key)) \(bytes(value))"
        case .delete(let keyspace, let key): "delete \(quoted(keyspace)) \(bytes(key))"
        case .createKeyspace(let name): "create \(quoted(name))"
        case .dropKeyspace(let name): "drop \(quoted(name))"
        case .renameKeyspace(let name, let newName): "rename \(quoted(name)) \(quoted(newName))"
        }
    }

    private static func quoted(_ text: String) -> String { quoted(Array(text.utf8)[...]) }

    private static func quoted(_ bytes: ArraySlice<UInt8>) -> String {
        var text = "\""
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""): text += "\\\""
            case UInt8(ascii: "\\"): text += "\\\\"
            case 32..<127: text.append(Character(UnicodeScalar(byte)))
            default: text += "\\x" + hexadecimal(byte)
            }
        }
        return text + "\""
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }

    /// Returns quoted text and runs of equal bytes, joined.
    static func bytes(_ bytes: [UInt8]) -> String {
        var parts: [String] = []
        var plain = 0
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex { $0 != bytes[start] } ?? bytes.count
            if end - start >= runMinimum {
                if plain < start { parts.append(quoted(bytes[plain..<start])) }
                parts.append("\(end - start)x\(hexadecimal(bytes[start]))")
                plain = end
            }
            start = end
        }
        if plain < bytes.count || parts.isEmpty { parts.append(quoted(bytes[plain...])) }
        return parts.joined(separator: "+")
    }

    /// So many equal bytes are a run.
    private static let runMinimum = 12

    // MARK: Parsing

    /// Reads the operation in `line`; `room` is what keys and values may still take in memory.
    static func operation(
        _ line: Substring,
        number: Int,
        room: inout Int
    ) throws(ReproducerError) -> Workload.Operation {
        var reader = ReproducerReader(line, number: number, room: room)
        defer { room = reader.room }
        let word = try reader.word()
        let operation: Workload.Operation
        switch word {
        case "checkpoint": operation = .checkpoint
        case "range":
            operation = .deleteRange(keyspace: try reader.name(), from: try reader.bytes(), to: try reader.bytes())
        case "batch":
            var changes: [ReferenceModel.Change] = []
            while !reader.isAtEnd {
                if !changes.isEmpty { try reader.semicolon() }
                changes.append(try change(try reader.word(), &reader))
            }
            operation = .write(changes)
        case "structure": operation = .structure(try change(try reader.word(), &reader))
        case "put", "delete": operation = .write([try change(word, &reader)])
        default: operation = .structure(try change(word, &reader))
        }
        guard reader.isAtEnd else { throw reader.error("has more than it should") }
        return operation
    }

    private static func change(
        _ word: String,
        _ reader: inout ReproducerReader
    ) throws(ReproducerError) -> ReferenceModel.Change {
        switch word {
        case "put": .put(keyspace: try reader.name(), key: try reader.bytes(), value: try reader.bytes())
        case "delete": .delete(keyspace: try reader.name(), key: try reader.bytes())
        case "create": .createKeyspace(try reader.name())
        case "drop": .dropKeyspace(try reader.name())
        case "rename": .renameKeyspace(try reader.name(), to: try reader.name())
        default: throw reader.error("\"\(word.prefix(20))\" is no operation")
        }
    }
}

/// Reads the words of a line.
private struct ReproducerReader {
    private let text: [UInt8]
    private var position = 0
    private let number: Int
    private(set) var room: Int

    init(_ line: Substring, number: Int, room: Int) {
        text = Array(line.utf8)
        self.number = number
        self.room = room
    }

    func error(_ message: String) -> ReproducerError { ReproducerError(line: number, message) }

    private var next: UInt8? { position < text.count ? text[position] : nil }

    var isAtEnd: Bool { text[position...].allSatisfy { $0 == UInt8(ascii: " ") } }

    private mutating func skipSpaces() {
        while next == UInt8(ascii: " ") { position += 1 }
    }

    mutating func word() throws(ReproducerError) -> String {
        skipSpaces()
        let start = position
        while let byte = next, byte >= UInt8(ascii: "a"), byte <= UInt8(ascii: "z") { position += 1 }
        guard position > start else { throw error("a word is missing") }
        return String(decoding: text[start..<position], as: UTF8.self)
    }

    mutating func semicolon() throws(ReproducerError) {
        skipSpaces()
        guard next == UInt8(ascii: ";") else { throw error("a semicolon is missing") }
        position += 1
    }

    mutating func name() throws(ReproducerError) -> String {
        guard let name = String(validating: try bytes(), as: UTF8.self) else { throw error("a name that is not UTF-8") }
        return name
    }

    mutating func bytes() throws(ReproducerError) -> [UInt8] {
        skipSpaces()
        var result: [UInt8] = []
        while true {
            if next == UInt8(ascii: "\"") { try quoted(&result) } else { try run(&result) }
            guard next == UInt8(ascii: "+") else { return result }
            position += 1
        }
    }

    private mutating func take(_ count: Int) throws(ReproducerError) {
        guard count <= room else { throw error("keys and values are too long") }
        room -= count
    }

    private mutating func quoted(_ result: inout [UInt8]) throws(ReproducerError) {
        position += 1
        while let byte = next {
            position += 1
            if byte == UInt8(ascii: "\"") { return }
            try take(1)
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            switch next {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                result.append(text[position])
                position += 1
            case UInt8(ascii: "x"):
                position += 1
                result.append(try hexadecimal())
            default: throw error("an escape that is not \\\\, \\\" or \\xHH")
            }
        }
        throw error("a quote is missing")
    }

    /// A count, "x" and a byte.
    private mutating func run(_ result: inout [UInt8]) throws(ReproducerError) {
        let start = position
        while let byte = next, byte >= 48, byte <= 57, position - start < 9 { position += 1 }
        guard let count = Int(String(decoding: text[start..<position], as: UTF8.self)), next == UInt8(ascii: "x") else {
            throw error("bytes are missing: text in quotes, or a run such as 20x2E")
        }
        position += 1
        let byte = try hexadecimal()
        try take(count)
        result += [UInt8](repeating: byte, count: count)
    }

    private mutating func hexadecimal() throws(ReproducerError) -> UInt8 {
        guard position + 2 <= text.count,
            text[position..<position + 2].allSatisfy({ ($0 >= 48 && $0 <= 57) || ($0 >= 65 && $0 <= 70) }),
            let byte = UInt8(String(decoding: text[position..<position + 2], as: UTF8.self), radix: 16)
        else { throw error("two digits of 0-9 and A-F are missing") }
        position += 2
        return byte
    }
}
