/// The bytes of a file from beginning to end, taken one at a time and fetched a piece at a time.
package final class InputBytes {
    /// Overwrites the first bytes of the piece it is given, which keeps its length; returns how many, 0 at the end.
    package typealias Refill = (inout [UInt8]) throws(CommandFailure) -> Int

    private let refill: Refill
    private let pieceByteCount: Int
    private var piece: [UInt8]
    private var position = 0
    private var end = 0
    /// The bytes fetched so far.
    package private(set) var byteCount = 0
    /// The number of the line, from 1, that the next byte stands in.
    package private(set) var lineNumber = 1

    /// Creates the bytes that `refill` fetches, at most `pieceByteCount` at once.
    package init(pieceByteCount: Int = 1 << 18, _ refill: @escaping Refill) {
        precondition(pieceByteCount > 0, "a piece of \(pieceByteCount) bytes")
        self.refill = refill
        self.pieceByteCount = pieceByteCount
        piece = [UInt8](repeating: 0, count: pieceByteCount)
    }

    /// Returns the next byte, or nil at the end.
    ///
    /// - Throws: what the fetching of a piece throws.
    @inline(__always)
    package func next() throws(CommandFailure) -> UInt8? {
        if position == end {
            guard try fetch() else { return nil }
        }
        let byte = piece[position]
        position += 1
        if byte == 10 { lineNumber += 1 }
        return byte
    }

    /// Returns the next byte without taking it, or nil at the end.
    ///
    /// - Throws: what the fetching of a piece throws.
    package func peek() throws(CommandFailure) -> UInt8? {
        if position == end {
            guard try fetch() else { return nil }
        }
        return piece[position]
    }

    /// Whether the bytes that come next are those of `text`, behind `offset` others; none of them is taken.
    ///
    /// - Throws: what the fetching of a piece throws.
    package func begins(with text: StaticString, behind offset: Int = 0) throws(CommandFailure) -> Bool {
        let wanted = Array("\(text)".utf8)
        try look(ahead: offset + wanted.count)
        return piece[min(position + offset, end)..<end].starts(with: wanted)
    }

    /// The number of spaces, tabs and ends of lines that come next, behind `offset` other bytes; none of them is taken.
    ///
    /// Of more than 4096 the others are not counted.
    ///
    /// - Throws: what the fetching of a piece throws.
    func blankByteCount(behind offset: Int) throws(CommandFailure) -> Int {
        let limit = 4096
        var count = 0
        while count < limit {
            try look(ahead: offset + count + 1)
            let index = position + offset + count
            guard index < end, [9, 10, 13, 32].contains(piece[index]) else { break }
            count += 1
        }
        return count
    }

    /// Fetches pieces until `count` bytes are there, or all that come.
    private func look(ahead count: Int) throws(CommandFailure) {
        while end - position < count {
            let rest = Array(piece[position..<end])
            guard try fetch() else {
                (piece, position, end) = (rest, 0, rest.count)
                break
            }
            // Both pieces stay, one behind the other.
            piece = rest + piece[0..<end]
            (position, end) = (0, piece.count)
        }
    }

    /// Takes the byte order mark that comes next, if one does.
    ///
    /// - Throws: what the fetching of a piece throws.
    func skipByteOrderMark() throws(CommandFailure) {
        if try begins(with: "\u{FEFF}") { position += 3 }
    }

    /// Returns everything up to the end.
    ///
    /// - Throws: what the fetching of a piece throws.
    package func readAll() throws(CommandFailure) -> [UInt8] {
        var bytes = Array(piece[position..<end])
        while try fetch() { bytes += piece[0..<end] }
        return bytes
    }

    private func fetch() throws(CommandFailure) -> Bool {
        if piece.count != pieceByteCount { piece = [UInt8](repeating: 0, count: pieceByteCount) }
        let count = try refill(&piece)
        precondition(count >= 0 && count <= piece.count, "\(count) bytes in a piece of \(piece.count)")
        position = 0
        end = count
        byteCount += count
        return count > 0
    }
}
