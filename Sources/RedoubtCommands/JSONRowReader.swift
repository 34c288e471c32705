/// The rows of a file of JSON objects, one a line as a rule, each with a field for the key and one for the value.
///
///     {"key":"apple","value":"red"}
///     {"key":{"hex":"00ff"},"value":{"hex":""}}
///
/// A string stands for its UTF-8, an object `{"hex":"..."}` for the bytes that its digits spell, and a number, true or
/// false for its text. Other fields are skipped.
package struct JSONRowReader {
    private let bytes: InputBytes
    private let keyName: [UInt8]
    private let valueName: [UInt8]
    /// The number of the object that was read last, from 1.
    package private(set) var rowNumber = 0

    /// Reads `bytes`, whose objects have the fields `key` and `value`.
    package init(_ bytes: InputBytes, key: String = "key", value: String = "value") {
        self.bytes = bytes
        keyName = Array(key.utf8)
        valueName = Array(value.utf8)
    }

    /// Returns key and value of the next object, or nil at the end.
    ///
    /// - Throws: `.usage` if it is no object with both fields; what the reading of the file throws.
    package mutating func next() throws(CommandFailure) -> (key: [UInt8], value: [UInt8])? {
        guard try peekBehindSpace() != nil else { return nil }
        rowNumber += 1
        guard try bytes.peek() != UInt8(ascii: "[") else {
            throw .usage("row \(rowNumber) begins with [ and must be an object; `jq -c .[]` makes objects of an array")
        }
        try take("{", "an object")
        var key: [UInt8]?
        var value: [UInt8]?
        var isFirst = true
        while try peekBehindSpace() != UInt8(ascii: "}") || isFirst {
            if isFirst, try peekBehindSpace() == UInt8(ascii: "}") { break }
            if !isFirst { try take(",", "a comma or the end of the object") }
            isFirst = false
            let name = try readString()
            try take(":", "a colon behind the name of a field")
            let found = try readValue(as: name == keyName || name == valueName ? name : nil)
            if name == keyName { key = found }
            if name == valueName { value = found }
        }
        try take("}", "the end of the object")
        guard let key else { throw missing(keyName, "--key") }
        guard let value else { throw missing(valueName, "--value") }
        return (key, value)
    }

    private func missing(_ name: [UInt8], _ option: String) -> CommandFailure {
        .usage(
            "row \(rowNumber) has no field \"\(String(decoding: name, as: UTF8.self))\"; \(option) names another one"
        )
    }

    // MARK: Bytes

    private func peekBehindSpace() throws(CommandFailure) -> UInt8? {
        while let byte = try bytes.peek() {
            guard byte == 32 || (9...13).contains(byte) else { return byte }
            _ = try bytes.next()
        }
        return nil
    }

    private func take(_ wanted: Unicode.Scalar, _ what: String) throws(CommandFailure) {
        let found = try peekBehindSpace()
        guard found == UInt8(ascii: wanted) else { throw unexpected(found, what) }
        _ = try bytes.next()
    }

    private func unexpected(_ byte: UInt8?, _ what: String) -> CommandFailure {
        guard let byte else { return .usage("row \(rowNumber) is cut off: expected \(what)") }
        let shown =
            (33...126).contains(byte) ? String(Character(Unicode.Scalar(byte))) : "\\x\(Hexadecimal.text([byte]))"
        return .usage("row \(rowNumber) has \"\(shown)\" where \(what) should be")
    }

    // MARK: Values

    /// Takes a value; returns its bytes if `field` names a field that must have some.
    private func readValue(as field: [UInt8]?) throws(CommandFailure) -> [UInt8]? {
        let first = try peekBehindSpace()
        switch first {
        case UInt8(ascii: "\""): return try readString()
        case UInt8(ascii: "{"):
            _ = try bytes.next()
            if let digits = try readDigits() {
                guard let result = Hexadecimal.bytes(String(decoding: digits, as: UTF8.self)) else {
                    throw .usage("row \(rowNumber): \"hex\" must hold an even number of 0-9 and a-f")
                }
                return result
            }
            try skipNested()
        case UInt8(ascii: "["):
            _ = try bytes.next()
            try skipNested()
        default:
            let word = try readWord()
            guard !word.isEmpty else { throw unexpected(first, "a value") }
            if word != Array("null".utf8) { return word }
        }
        guard let field else { return nil }
        let name = String(decoding: field, as: UTF8.self)
        throw .usage("row \(rowNumber): \"\(name)\" must be a string, a number, or {\"hex\":\"...\"} for any bytes")
    }

    /// Behind the beginning of an object: takes `"hex":"..."}` and returns the string; nil if something else comes,
    /// with as much taken as was looked at.
    private func readDigits() throws(CommandFailure) -> [UInt8]? {
        guard try peekBehindSpace() == UInt8(ascii: "\""), try readString() == Array("hex".utf8),
            try peekBehindSpace() == UInt8(ascii: ":")
        else { return nil }
        _ = try bytes.next()
        guard try peekBehindSpace() == UInt8(ascii: "\"") else { return nil }
        let digits = try readString()
        guard try peekBehindSpace() == UInt8(ascii: "}") else { return nil }
        _ = try bytes.next()
        return digits
    }

    /// Takes what is left of an object or an array, of whose brackets one is open.
    private func skipNested() throws(CommandFailure) {
        var depth = 1
        while depth > 0 {
            guard let byte = try bytes.peek() else { throw unexpected(nil, "the end of a field") }
            if byte == UInt8(ascii: "\"") {
                _ = try readString()
                continue
            }
            _ = try bytes.next()
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") { depth += 1 }
            if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") { depth -= 1 }
        }
    }

    /// Takes a number, true, false or null.
    private func readWord() throws(CommandFailure) -> [UInt8] {
        var word: [UInt8] = []
        while let byte = try bytes.peek(), word.count < 64 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"),
                UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "E"):
                word.append(byte)
            default: return word
            }
            _ = try bytes.next()
        }
        return word
    }

    /// Takes a string; returns what it stands for, as UTF-8.
    private func readString() throws(CommandFailure) -> [UInt8] {
        try take("\"", "a string")
        var result: [UInt8] = []
        while let byte = try bytes.next() {
            switch byte {
            case UInt8(ascii: "\""): return result
            case UInt8(ascii: "\\"): result += try readEscape()
            default: result.append(byte)
            }
        }
        throw unexpected(nil, "the end of a string")
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
                guard try bytes.next() == UInt8(ascii: "\\"), try bytes.next() == UInt8(ascii: "u") else {
                    throw .usage("row \(rowNumber) has half of a pair of \\u escapes")
                }
                let low = try readUnit()
                guard (0xDC00...0xDFFF).contains(low) else {
                    throw .usage("row \(rowNumber) has half of a pair of \\u escapes")
                }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else {
                throw .usage("row \(rowNumber) has half of a pair of \\u escapes")
            }
            return Array(String(Character(scalar)).utf8)
        default: throw unexpected(letter, "one of \"\\/bfnrtu behind a backslash")
        }
    }

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
