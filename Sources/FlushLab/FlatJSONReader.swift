/// Takes a line of JSON apart for ``FlatJSON``.
struct FlatJSONReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int
    private let place: FlatJSON.Place
    private let skipsObjects: Bool

    /// The bytes of the longest number; those of a Double have at most 24.
    private static let numberByteCountMaximum = 40

    init(_ bytes: ArraySlice<UInt8>, at place: FlatJSON.Place, skipsObjects: Bool = false) {
        self.skipsObjects = skipsObjects
        self.bytes = bytes
        self.place = place
        position = bytes.startIndex
    }

    /// Takes the whole line.
    mutating func fields() throws(ScenarioProblem) -> [(name: String, value: FlatJSON.Value)] {
        var fields: [(name: String, value: FlatJSON.Value)] = []
        try take("{")
        if !takes("}") {
            repeat {
                let name = try string()
                try take(":")
                if skipsObjects && takes("{") {
                    try skipObject()
                } else {
                    fields.append((name, try value()))
                }
            } while takes(",")
            try take("}")
        }
        skipSpaces()
        if position < bytes.endIndex { throw failure("there is more behind the last brace") }
        return fields
    }

    /// Takes the rest of an object that holds no other.
    private mutating func skipObject() throws(ScenarioProblem) {
        if takes("}") { return }
        repeat {
            _ = try string()
            try take(":")
            _ = try value()
        } while takes(",")
        try take("}")
    }

    private func failure(_ message: String) -> ScenarioProblem {
        place.problem("\(message), in column \(position - bytes.startIndex + 1)")
    }

    private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    private mutating func skipSpaces() {
        while let next, next == 32 || next == 9 || next == 13 { position += 1 }
    }

    private mutating func takes(_ sign: Unicode.Scalar) -> Bool {
        skipSpaces()
        guard next == UInt8(ascii: sign) else { return false }
        position += 1
        return true
    }

    private mutating func take(_ sign: Unicode.Scalar) throws(ScenarioProblem) {
        guard takes(sign) else { throw failure("\"\(sign)\" is missing") }
    }

    // MARK: Values

    private mutating func value() throws(ScenarioProblem) -> FlatJSON.Value {
        skipSpaces()
        if next == UInt8(ascii: "\"") { return .text(try string()) }
        let start = position
        while let next, isOfWord(next), position - start <= Self.numberByteCountMaximum { position += 1 }
        let word = bytes[start..<position]
        if word.elementsEqual("true".utf8) { return .flag(true) }
        if word.elementsEqual("false".utf8) { return .flag(false) }
        guard word.count <= Self.numberByteCountMaximum, Self.isNumber(word) else {
            position = start
            throw failure("a text in double quotes, a number, true or false should be here")
        }
        return .number(String(decoding: word, as: UTF8.self))
    }

    private func isOfWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        case UInt8(ascii: "E"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."): true
        default: false
        }
    }

    /// Whether `word` is a number: a sign, digits without a needless zero, decimals, an exponent.
    private static func isNumber(_ word: ArraySlice<UInt8>) -> Bool {
        var rest = word
        func dropDigits() -> Int {
            let digits = rest.prefix { (48...57).contains($0) }
            rest = rest.dropFirst(digits.count)
            return digits.count
        }
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let isZero = rest.first == UInt8(ascii: "0")
        let wholeCount = dropDigits()
        if wholeCount == 0 || isZero && wholeCount > 1 { return false }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            if dropDigits() == 0 { return false }
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
            if dropDigits() == 0 { return false }
        }
        return rest.isEmpty
    }

    // MARK: Strings

    private mutating func string() throws(ScenarioProblem) -> String {
        try take("\"")
        var content: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else { throw failure("a text is no UTF-8") }
                return text
            case UInt8(ascii: "\\"): content += try escape()
            case 0..<32: throw failure("a control character stands in a text")
            default: content.append(byte)
            }
        }
        throw failure("a text has no end")
    }

    /// Takes what stands behind a backslash.
    private mutating func escape() throws(ScenarioProblem) -> [UInt8] {
        guard let letter = next else { throw failure("a text has no end") }
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [letter]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "u"):
            var code = try fourDigits()
            if (0xD800..<0xDC00).contains(code), next == UInt8(ascii: "\\") {
                position += 1
                guard next == UInt8(ascii: "u") else { throw failure("a pair of escapes lacks its other half") }
                position += 1
                let low = try fourDigits()
                guard (0xDC00..<0xE000).contains(low) else { throw failure("a pair of escapes lacks its other half") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure("a pair of escapes lacks its other half") }
            return Array(String(Character(scalar)).utf8)
        default: throw failure("a backslash begins no escape")
        }
    }

    private mutating func fourDigits() throws(ScenarioProblem) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let next, let digit = Character(Unicode.Scalar(next)).hexDigitValue, next < 128 else {
                throw failure("four hexadecimal digits are missing")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
