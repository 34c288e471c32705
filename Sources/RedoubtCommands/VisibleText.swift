/// Text that a terminal shows and does not obey: names and lines come from files that anybody may have made.
package enum VisibleText {
    /// `text` with every control character, and every other one that changes how text around it is shown, as an escape.
    ///
    /// Those in `kept` stay as they are.
    package static func of(_ text: String, keeping kept: String = "") -> String {
        // Most texts have none: bytes are quicker to look at than scalars.
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0xC2 || $0 == 0xE2 }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if !isObeyed(scalar) || kept.unicodeScalars.contains(scalar) {
                result.unicodeScalars.append(scalar)
            } else if scalar == "\n" {
                result += "\\n"
            } else if scalar.value < 0x80 {
                result += "\\x" + Hexadecimal.text([UInt8(scalar.value)])
            } else {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return result
    }

    /// Whether a terminal does something else with it than showing a sign.
    static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0: true
        // Ends of lines and of paragraphs, and marks that turn the direction.
        case 0x2028, 0x2029, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
