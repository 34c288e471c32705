/// The rows of a file of JSON objects, one a line as a rule, each with a field for the key and one for the value.
///
///     {"key":"apple","value":"red"}
///     {"key":{"hex":"00ff"},"value":{"hex":""}}
///
/// A string stands for its UTF-8, an object `{"hex":"..."}` for the bytes that its digits spell, and a number, true or
/// false for its text. Other fields may hold anything that is JSON, and are skipped.
package struct JSONRowReader {
    private var scanner: JSONScanner
    private let keyName: [UInt8]
    private let valueName: [UInt8]
    private var isAtStart = true

    /// Reads `bytes`, whose objects have the fields `key` and `value`.
    package init(_ bytes: InputBytes, key: String = "key", value: String = "value") {
        scanner = JSONScanner(bytes)
        keyName = Array(key.utf8)
        valueName = Array(value.utf8)
    }

    /// The number of the line, from 1, in which the object that was read last begins.
    package var lineNumber: Int { scanner.lineNumber }

    /// Returns key and value of the next object, or nil at the end.
    ///
    /// - Throws: `.usage` if it is no object with both fields, each once and no longer than it can be; what the reading
    ///   of the file throws.
    package mutating func next() throws(CommandFailure) -> (key: [UInt8], value: [UInt8])? {
        if isAtStart { try scanner.bytes.skipByteOrderMark() }
        isAtStart = false
        guard try scanner.peek() != nil else { return nil }
        scanner.lineNumber = scanner.bytes.lineNumber
        guard try scanner.peek() != UInt8(ascii: "[") else {
            throw .usage(
                "line \(lineNumber) begins with [ and must be an object; `jq -c .[]` makes objects of an array"
            )
        }
        try scanner.take("{", "an object")
        var key: [UInt8]?
        var value: [UInt8]?
        if try !scanner.takes("}") {
            repeat {
                let name = try readName()
                try scanner.take(":", "a colon behind the name of a field")
                if name == keyName {
                    guard key == nil else { throw twice(name) }
                    key = try readValue(of: name, upTo: RowBounds.keyByteCount)
                } else if name == valueName {
                    guard value == nil else { throw twice(name) }
                    value = try readValue(of: name, upTo: RowBounds.valueByteCount)
                } else {
                    try scanner.skipValue()
                }
            } while try scanner.takes(",")
            try scanner.take("}", "a comma or the end of the object")
        }
        guard let key else { throw missing(keyName, "--key") }
        guard let value else { throw missing(valueName, "--value") }
        return (key, value)
    }

    private func missing(_ name: [UInt8], _ option: String) -> CommandFailure {
        .usage("line \(lineNumber) has no field \(shown(name)); \(option) names another one")
    }

    private func twice(_ name: [UInt8]) -> CommandFailure {
        .usage("line \(lineNumber) has the field \(shown(name)) twice, and nobody can know which counts; remove one")
    }

    private func shown(_ name: [UInt8]) -> String { "\"\(String(decoding: name, as: UTF8.self))\"" }

    /// Takes the name of a field; returns as much of it as tells it apart from others.
    private func readName() throws(CommandFailure) -> [UInt8] {
        let limit = max(keyName.count, valueName.count, 3)
        var name: [UInt8] = []
        try scanner.readString { (byte) throws(CommandFailure) in
            if name.count <= limit { name.append(byte) }
        }
        return name
    }

    /// Takes the value of the field `name`; returns the bytes that it stands for, at most `limit`.
    private func readValue(of name: [UInt8], upTo limit: Int) throws(CommandFailure) -> [UInt8] {
        switch try scanner.peek() {
        case UInt8(ascii: "\""):
            return try readString(upTo: limit, limit)
        case UInt8(ascii: "{"):
            return try readDigits(of: name, upTo: limit)
        case UInt8(ascii: "["):
            throw unsuitable(name)
        default:
            let word = try scanner.readWord()
            guard word != Array("null".utf8) else { throw unsuitable(name) }
            return word
        }
    }

    private func unsuitable(_ name: [UInt8]) -> CommandFailure {
        .usage("line \(lineNumber): \(shown(name)) must be a string, a number, or {\"hex\":\"...\"} for any bytes")
    }

    /// Takes a string of at most `count` bytes, which stands for something of at most `limit`.
    private func readString(upTo count: Int, _ limit: Int) throws(CommandFailure) -> [UInt8] {
        var result: [UInt8] = []
        try scanner.readString { (byte) throws(CommandFailure) in
            result.append(byte)
            guard result.count <= count else {
                throw limit == RowBounds.keyByteCount
                    ? RowBounds.keyTooLong(line: lineNumber) : RowBounds.valueTooLong(line: lineNumber)
            }
        }
        return result
    }

    /// Takes an object `{"hex":"..."}`; returns the bytes that its digits spell.
    private func readDigits(of name: [UInt8], upTo limit: Int) throws(CommandFailure) -> [UInt8] {
        _ = try scanner.takes("{")
        guard try scanner.peek() == UInt8(ascii: "\""), try readName() == Array("hex".utf8), try scanner.takes(":"),
            try scanner.peek() == UInt8(ascii: "\"")
        else { throw unsuitable(name) }
        let digits = try readString(upTo: 2 * limit, limit)
        guard try scanner.takes("}") else { throw unsuitable(name) }
        guard let result = Hexadecimal.bytes(String(decoding: digits, as: UTF8.self)) else {
            throw .usage("line \(lineNumber): \"hex\" must hold an even number of 0-9 and a-f")
        }
        return result
    }
}
