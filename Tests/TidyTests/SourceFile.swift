import Foundation

/// One text file of the repository: its text, its lines, and its code without comments and literals.
struct SourceFile {
    /// The path from the root of the repository, with "/" between components.
    let path: String
    /// The text as bytes.
    let bytes: [UInt8]
    /// The bytes with comments, string literals and character literals replaced by spaces; lines stay where they are.
    let code: [UInt8]

    /// Takes `text` as the content of `path`.
    init(path: String, text: String) {
        self.path = path
        bytes = Array(text.utf8)
        code = path.hasSuffix(".swift") ? blanked(bytes) : bytes
    }

    /// The name of the file.
    var name: String { String(path.split(separator: "/").last ?? "") }
    /// Whether it is Swift.
    var isSwift: Bool { path.hasSuffix(".swift") }
    /// The components of the path.
    var components: [String] { path.split(separator: "/").map(String.init) }
    /// The lines of the text.
    var lines: [[UInt8]] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
    }
    /// The lines of ``code``, as strings without the spaces around them.
    var codeLines: [String] {
        code.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespaces)
        }
    }
    /// The lines of the text, as strings without the spaces around them.
    var textLines: [String] {
        lines.map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespaces) }
    }

    /// The words of ``code`` with the number of the line each stands in and its offset.
    var words: [Word] {
        var result: [Word] = []
        var line = 1
        var start: Int?
        for index in 0...code.count {
            let byte = index < code.count ? code[index] : UInt8(ascii: "\n")
            if isWordByte(byte) {
                if start == nil { start = index }
                continue
            }
            if let first = start {
                let text = String(decoding: code[first..<index], as: UTF8.self)
                result.append(Word(text: text, line: line, offset: first))
                start = nil
            }
            if byte == UInt8(ascii: "\n") { line += 1 }
        }
        return result
    }

    /// A word of the code.
    struct Word {
        /// The word.
        let text: String
        /// The number of its line, from 1.
        let line: Int
        /// The offset of its first byte.
        let offset: Int
    }
}

/// Whether `byte` can be part of a name.
func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
    default:
        false
    }
}

/// Returns `text` with comments and literals replaced by spaces; interpolations go with their literal.
private func blanked(_ text: [UInt8]) -> [UInt8] {
    var result = text
    var index = 0
    while index < text.count {
        let end: Int
        if starts(text, at: index, "//") {
            end = text[index...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
        } else if starts(text, at: index, "/*") {
            end = endOfBlockComment(text, from: index)
        } else if text[index] == UInt8(ascii: "\"") {
            end = endOfLiteral(text, from: index)
        } else {
            index += 1
            continue
        }
        for position in index..<end where text[position] != UInt8(ascii: "\n") { result[position] = UInt8(ascii: " ") }
        index = end
    }
    return result
}

private func starts(_ text: [UInt8], at index: Int, _ pattern: StaticString) -> Bool {
    let count = pattern.utf8CodeUnitCount
    guard index + count <= text.count else { return false }
    for offset in 0..<count where unsafe text[index + offset] != pattern.utf8Start[offset] { return false }
    return true
}

private func endOfBlockComment(_ text: [UInt8], from start: Int) -> Int {
    var index = start + 2
    while index < text.count, !starts(text, at: index, "*/") { index += 1 }
    return min(index + 2, text.count)
}

private func endOfLiteral(_ text: [UInt8], from start: Int) -> Int {
    let isLong = starts(text, at: start, "\"\"\"")
    var hashes = 0
    while start - hashes > 0, text[start - hashes - 1] == UInt8(ascii: "#") { hashes += 1 }
    var index = start + (isLong ? 3 : 1)
    var depth = 0
    while index < text.count {
        if hashes == 0, text[index] == UInt8(ascii: "\\") {
            if index + 1 < text.count, text[index + 1] == UInt8(ascii: "(") { depth += 1 }
            index += 2
            continue
        }
        if depth > 0 {
            if text[index] == UInt8(ascii: "(") { depth += 1 }
            if text[index] == UInt8(ascii: ")") { depth -= 1 }
            index += 1
            continue
        }
        if isLong ? starts(text, at: index, "\"\"\"") : text[index] == UInt8(ascii: "\"") {
            return index + (isLong ? 3 : 1)
        }
        if !isLong, text[index] == UInt8(ascii: "\n") { return index }
        index += 1
    }
    return text.count
}
