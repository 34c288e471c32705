/// Which part of a value a closure is given.
@frozen
public struct ValuePart: Sendable, Hashable {
    /// Where the part begins in the value, in bytes.
    public let offset: Int
    /// The length of the whole value in bytes.
    public let totalByteCount: Int

    @usableFromInline
    init(offset: Int, totalByteCount: Int) {
        self.offset = offset
        self.totalByteCount = totalByteCount
    }
}
