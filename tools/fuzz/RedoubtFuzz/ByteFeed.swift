/// Takes the bytes of an input apart; behind the end there are zeros.
struct ByteFeed {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position == bytes.count }

    /// The next byte as a number from 0 to 255.
    mutating func byte() -> Int {
        guard position < bytes.count else { return 0 }
        position += 1
        return Int(bytes[position - 1])
    }

    /// The next two bytes as a number from 0 to 65535.
    mutating func word() -> Int { byte() | byte() << 8 }

    /// The next `count` bytes, or what is left of them.
    mutating func take(_ count: Int) -> [UInt8] {
        let end = min(bytes.count, position + count)
        defer { position = end }
        return Array(bytes[position..<end])
    }

    /// What is left.
    mutating func rest() -> [UInt8] { take(bytes.count) }
}
