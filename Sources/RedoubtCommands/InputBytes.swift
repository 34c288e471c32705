/// The bytes of a file from beginning to end, taken one at a time and fetched a piece at a time.
package final class InputBytes {
    /// Overwrites the first bytes of the piece it is given, which keeps its length; returns how many, 0 at the end.
    package typealias Refill = (inout [UInt8]) throws(CommandFailure) -> Int

    private let refill: Refill
    private var piece: [UInt8]
    private var position = 0
    private var end = 0
    /// The bytes fetched so far.
    package private(set) var byteCount = 0

    /// Creates the bytes that `refill` fetches, at most `pieceByteCount` at once.
    package init(pieceByteCount: Int = 1 << 18, _ refill: @escaping Refill) {
        precondition(pieceByteCount > 0, "a piece of \(pieceByteCount) bytes")
        self.refill = refill
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

    /// Returns everything up to the end.
    ///
    /// - Throws: what the fetching of a piece throws.
    package func readAll() throws(CommandFailure) -> [UInt8] {
        var bytes = Array(piece[position..<end])
        while try fetch() { bytes += piece[0..<end] }
        return bytes
    }

    private func fetch() throws(CommandFailure) -> Bool {
        let count = try refill(&piece)
        precondition(count >= 0 && count <= piece.count, "\(count) bytes in a piece of \(piece.count)")
        position = 0
        end = count
        byteCount += count
        return count > 0
    }
}
