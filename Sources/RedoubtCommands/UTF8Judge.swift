/// Tells whether bytes that are given to it one after the other are UTF-8, without keeping them.
struct UTF8Judge {
    /// The bytes that are still to come of the character that has begun.
    private var due = 0
    /// What the next one of them can be.
    private var range: ClosedRange<UInt8> = 0x80...0xBF

    /// Whether `byte` may follow those before it; what ends a string may not within a character.
    mutating func takes(_ byte: UInt8) -> Bool {
        if due > 0 {
            guard range.contains(byte) else { return false }
            due -= 1
            range = 0x80...0xBF
            return true
        }
        // Not what a shorter form has, a half of a pair, or beyond the last one.
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: (due, range) = (1, 0x80...0xBF)
        case 0xE0: (due, range) = (2, 0xA0...0xBF)
        case 0xED: (due, range) = (2, 0x80...0x9F)
        case 0xE1...0xEF: (due, range) = (2, 0x80...0xBF)
        case 0xF0: (due, range) = (3, 0x90...0xBF)
        case 0xF1...0xF3: (due, range) = (3, 0x80...0xBF)
        case 0xF4: (due, range) = (3, 0x80...0x8F)
        default: return false
        }
        return true
    }
}
