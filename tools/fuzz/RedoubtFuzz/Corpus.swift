/// Inputs as text, so that they can be read and kept: a line each, a name and the bytes in hexadecimal.
package enum Corpus {
    /// An input with its name.
    package struct Entry: Sendable {
        /// The name; no other input of the target has it.
        package let name: String
        /// The bytes.
        package let input: [UInt8]
    }

    private static let digits = Array("0123456789abcdef".utf8)

    /// Returns the inputs that the lines of `text` are, or nil if one is none.
    ///
    /// Lines that begin with "#" are remarks.
    package static func entries(_ text: String) -> [Entry]? {
        var entries: [Entry] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            guard let name = words.first, words.count <= 2, let input = bytes(words.count == 2 ? words[1] : "") else {
                return nil
            }
            entries.append(Entry(name: String(name), input: input))
        }
        return entries
    }

    /// The line of an input.
    package static func line(_ name: String, _ input: [UInt8]) -> String {
        name + " " + String(decoding: input.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        let values = text.utf8.map { digits.firstIndex(of: $0) }
        guard values.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: values.count, by: 2) {
            guard let high = values[index], let low = values[index + 1] else { return nil }
            bytes.append(UInt8(high << 4 | low))
        }
        return bytes
    }
}
