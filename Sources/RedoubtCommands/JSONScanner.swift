/// Takes JSON apart, token by token; every complaint names the line in which the object begins.
struct JSONScanner {
    let bytes: InputBytes
    /// The number of the line, from 1, in which the object begins.
    var lineNumber = 1

    /// The deepest nesting of what is skipped.
    private static let depthMaximum = 512
    /// The bytes of the longest number.
    private static let wordByteCountMaximum = 1024

    init(_ bytes: InputBytes) { self.bytes = bytes }

    /// The first byte that is no space, which is not taken; nil at the end.
    func peek() throws(CommandFailure) -> UInt8? {
        while let byte = try bytes.peek() {
            guard byte == 32 || (9...13).contains(byte) else { return byte }
            _ = try bytes.next()
        }
        return nil
    }

    /// Takes `wanted`, if it comes next.
    func takes(_ wanted: Unicode.Scalar) throws(CommandFailure) -> Bool {
        guard try peek() == UInt8(ascii: wanted) else { return false }
        _ = try bytes.next()
        return true
    }

    /// Takes `wanted`, which stands there for `what`.
    func take(_ wanted: Unicode.Scalar, _ what: String) throws(CommandFailure) {
        guard try takes(wanted) else { throw unexpected(try peek(), what) }
    }

    /// The failure of `byte`, or the end, standing where `what` should be.
    func unexpected(_ byte: UInt8?, _ what: String) -> CommandFailure {
        guard let byte else { return .usage("line \(lineNumber) is cut off: expected \(what)") }
        let shown =
            (33...126).contains(byte) ? String(Character(Unicode.Scalar(byte))) : "\\x\(Hexadecimal.text([byte]))"
        return .usage("line \(lineNumber) has \"\(shown)\" where \(what) should be")
    }

    // MARK: Values

    /// Takes a value of any kind, and keeps nothing of it.
    func skipValue(depth: Int = 0) throws(CommandFailure) {
        guard depth < Self.depthMaximum else {
            throw .usage("line \(lineNumber) nests its fields more than \(Self.depthMaximum) deep")
        }
        if try takes("{") {
            if try takes("}") { return }
            repeat {
                try readString { (_) throws(CommandFailure) in }
                try take(":", "a colon behind the name of a field")
                try skipValue(depth: depth + 1)
            } while try takes(",")
            try take("}", "a comma or the end of an object")
        } else if try takes("[") {
            if try takes("]") { return }
            repeat { try skipValue(depth: depth + 1) } while try takes(",")
            try take("]", "a comma or the end of an array")
        } else if try peek() == UInt8(ascii: "\"") {
            try readString { (_) throws(CommandFailure) in }
        } else {
            _ = try readWord()
        }
    }

    /// Takes a number, true, false or null; returns its text.
    func readWord() throws(CommandFailure) -> [UInt8] {
        let first = try peek()
        var word: [UInt8] = []
        while let byte = try bytes.peek(), word.count < Self.wordByteCountMaximum, Self.isOfWord(byte) {
            word.append(byte)
            _ = try bytes.next()
        }
        guard !word.isEmpty else { throw unexpected(first, "a value") }
        guard Self.isNumber(word) || ["true", "false", "null"].contains(where: { Array($0.utf8) == word }) else {
            let shown = String(decoding: word.prefix(40), as: UTF8.self)
            throw .usage("line \(lineNumber) has \"\(shown)\" where a value should be; a text stands in double quotes")
        }
        return word
    }

    private static func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// Whether `word` is a number of JSON.
    private static func isNumber(_ word: [UInt8]) -> Bool {
        var rest = word[...]
        func takes(_ bytes: String) -> Bool {
            guard let first = rest.first, bytes.utf8.contains(first) else { return false }
            rest = rest.dropFirst()
            return true
        }
        func takesDigits() -> Bool {
            guard takes("0123456789") else { return false }
            while takes("0123456789") {}
            return true
        }
        _ = takes("-")
        guard takes("0") || takesDigits() else { return false }
        if takes("."), !takesDigits() { return false }
        if takes("eE") {
            _ = takes("+-")
            guard takesDigits() else { return false }
        }
        return rest.isEmpty
    }

    // MARK: Strings

    /// Takes a string; calls `body` with the bytes that it stands for, as UTF-8, one at a time.
    ///
    /// - Throws: `.usage` if it does not end, or holds what no string of JSON does: a control character, or bytes that
    ///   are no UTF-8.
    func readString(_ body: (UInt8) throws(CommandFailure) -> Void) throws(CommandFailure) {
        try take("\"", "a string")
        var judge = UTF8Judge()
        while let byte = try bytes.next() {
            guard judge.takes(byte) else { throw foreignBytes }
            switch byte {
            case UInt8(ascii: "\""): return
            case UInt8(ascii: "\\"): for part in try readEscape() { try body(part) }
            case 0..<32:
                throw .usage(
                    "line \(lineNumber) has the control character \\x\(Hexadecimal.text([byte])) within a string; "
                        + "write it as an escape, such as \\n, or see whether a double quote is missing"
                )
            default: try body(byte)
            }
        }
        throw unexpected(nil, "the end of a string")
    }

    private var foreignBytes: CommandFailure {
        .usage("line \(lineNumber) has bytes in a string that are no UTF-8; write them as {\"hex\":\"...\"}")
    }

    private func readEscape() throws(CommandFailure) -> [UInt8] {
        let letter = try bytes.next()
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return letter.map { [$0] } ?? []
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "u"):
            var code = try readUnit()
            if (0xD800...0xDBFF).contains(code) {
                guard try bytes.next() == UInt8(ascii: "\\"), try bytes.next() == UInt8(ascii: "u") else { throw half }
                let low = try readUnit()
                guard (0xDC00...0xDFFF).contains(low) else { throw half }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw half }
            return Array(String(Character(scalar)).utf8)
        default: throw unexpected(letter, "one of \"\\/bfnrtu behind a backslash")
        }
    }

    private var half: CommandFailure { .usage("line \(lineNumber) has half of a pair of \\u escapes") }

    /// Takes four hexadecimal digits.
    private func readUnit() throws(CommandFailure) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = try TextEscape.digit(bytes) else {
                throw unexpected(try bytes.peek(), "four hexadecimal digits behind \\u")
            }
            code = code << 4 | UInt32(digit)
        }
        return code
    }
}
