/// Bytes of TSV that would end a column or a row, as a backslash and what stands for them.
///
/// `\t` tab, `\n` line feed, `\r` carriage return, `\\` backslash, `\xNN` any byte by two hexadecimal digits; when
/// reading also `\0`, `\b`, `\f` and `\v`, which other programs write.
package enum TextEscape {
    private static let names: [(letter: UInt8, byte: UInt8)] = [
        (UInt8(ascii: "t"), 9), (UInt8(ascii: "n"), 10), (UInt8(ascii: "r"), 13), (UInt8(ascii: "\\"), 92),
        (UInt8(ascii: "0"), 0), (UInt8(ascii: "b"), 8), (UInt8(ascii: "f"), 12), (UInt8(ascii: "v"), 11),
    ]

    /// What is no part of a text at its beginning.
    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Appends `bytes` to `text`; what cannot stand between two `separator`s becomes an escape.
    package static func write(_ bytes: [UInt8], separator: UInt8, to text: inout [UInt8]) {
        var bytes = bytes[...]
        if bytes.starts(with: byteOrderMark) { text += Array("\\x\(Hexadecimal.text([bytes.removeFirst()]))".utf8) }
        for byte in bytes {
            switch byte {
            case 9: text += [92, UInt8(ascii: "t")]
            case 10: text += [92, UInt8(ascii: "n")]
            case 13: text += [92, UInt8(ascii: "r")]
            case 92: text += [92, 92]
            case separator: text += Array("\\x\(Hexadecimal.text([byte]))".utf8)
            default: text.append(byte)
            }
        }
    }

    /// Returns the byte that the escape stands for whose backslash was taken from `bytes`.
    ///
    /// - Throws: `.usage` if it is none, naming `place`; what the reading of the file throws.
    package static func read(_ bytes: InputBytes, place: String) throws(CommandFailure) -> UInt8 {
        let letter = try bytes.next()
        if let name = names.first(where: { $0.letter == letter }) { return name.byte }
        if letter == UInt8(ascii: "x"), let high = try digit(bytes), let low = try digit(bytes) {
            return high << 4 | low
        }
        let shown = letter.map { (33...126).contains($0) ? String(Character(Unicode.Scalar($0))) : "" } ?? ""
        throw .usage(
            "\(place): \"\\\(shown)\" is no escape; expected \\t, \\n, \\r, \\\\ or \\xNN, "
                + "or --raw if backslashes stand for themselves"
        )
    }

    /// Takes a hexadecimal digit; nil if something else, or nothing, comes next.
    static func digit(_ bytes: InputBytes) throws(CommandFailure) -> UInt8? {
        guard let byte = try bytes.peek(), let value = Hexadecimal.value(ofDigit: byte) else { return nil }
        _ = try bytes.next()
        return value
    }
}
