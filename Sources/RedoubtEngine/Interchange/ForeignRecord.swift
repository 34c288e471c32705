import RedoubtCore

/// Where the parts of a foreign record lie, for a table of one ``RowShape``.
struct ForeignRecord {
    /// The offset of the key.
    let origin: Int
    /// The bytes of the key.
    let keyByteCount: Int
    /// The bytes of the value in the page.
    let valueByteCount: Int
    /// Whether the last 20 of them are a reference to the rest.
    let isOffPage: Bool
    /// Whether there is no value.
    let isNull: Bool
    /// Whether the record is a leftover of a delete.
    let isDeleted: Bool
    /// All bytes of the record.
    let byteCount: Int
    /// The origin of the next record.
    let next: Int

    /// Information bits that only MySQL sets, after a column was added or dropped at once.
    static let alteredAtOnce: UInt8 = 0xC0
    /// The status of a record that MariaDB has changed the form of, likewise.
    static let alteredStatus: UInt16 = 4

    /// The bytes of an off-page value in its row: the reference, behind 768 bytes of the value in the format COMPACT.
    private static let offPageByteCounts = [Record.referenceByteCount, 768 + Record.referenceByteCount]

    /// Why there is no record of the shape at an offset.
    enum Fault: Error {
        /// It lies outside the heap, or is of another kind.
        case misplaced
        /// It has the form that an instant ALTER left.
        case altered
    }

    /// Reads the record at `origin` of `page`; nothing outside the page is touched, whatever is there.
    init(_ page: IndexPage, at origin: Int, shape: RowShape, isNode: Bool) throws(Fault) {
        let bytes = page.bytes
        let bits = bytes.u8(at: origin &- 5)
        let status = bytes.u16(at: origin &- 4) & 7
        guard origin > IndexPage.heapStart, origin < IndexPage.directoryEnd else { throw .misplaced }
        if bits & Self.alteredAtOnce != 0 || status == Self.alteredStatus { throw .altered }
        guard status == (isNode ? UInt16(Record.nodeStatus) : UInt16(Record.leafStatus)) else { throw .misplaced }
        // Lengths lie before the header, the first column's nearest to it.
        var start = origin - Record.headerByteCount
        func take() -> Int {
            start -= 1
            return Int(bytes.u8(at: start))
        }
        var isCanonical = true
        func length(_ form: RowShape.Length) -> (count: Int, isOffPage: Bool) {
            switch form {
            case .fixed(let count): return (count, false)
            case .short: return (take(), false)
            case .long:
                let near = take()
                if near < 0x80 { return (near, false) }
                let count = (near & 0x3F) << 8 | take()
                let isOffPage = near & 0x40 != 0
                // Servers write two bytes from 128 on only: else one of them belongs to the record before.
                if !(isOffPage ? Self.offPageByteCounts.contains(count) : count >= 0x80) { isCanonical = false }
                return (count, isOffPage)
            }
        }
        let nullBits = shape.isNullable ? take() : 0
        isNull = nullBits == 1
        let key = length(shape.key)
        let value = isNode || isNull ? (count: 0, isOffPage: false) : length(shape.value)
        let body = isNode ? key.count + Record.childByteCount : key.count + Record.systemByteCount + value.count
        // More than one bit is in use where more than one column may be NULL.
        guard isCanonical, nullBits <= 1, !key.isOffPage, start >= IndexPage.heapStart,
            origin + body <= min(page.heapTop, IndexPage.directoryEnd)
        else { throw .misplaced }
        self.origin = origin
        keyByteCount = key.count
        valueByteCount = value.count
        isOffPage = value.isOffPage
        isDeleted = bits & Record.Bits.deleted != 0
        byteCount = origin - start + body
        next = Record(page: bytes, origin: origin).next
    }

    /// Whether the 13 bytes that stand `count` bytes behind the record's origin can be its system columns: six bytes
    /// that number a transaction, and seven that point to its undo record, or say that there is none.
    func hasSystemColumns(_ page: IndexPage, behind count: Int) -> Bool {
        let bytes = page.bytes
        let start = origin + count
        // No server has begun 2 to the power of 40 transactions.
        guard start + Record.systemByteCount <= IndexPage.directoryEnd, bytes.u8(at: start) == 0 else { return false }
        let segment = bytes.u8(at: start + 6)
        let undoPage = bytes.u32(at: start + 7)
        let undoOffset = Int(bytes.u16(at: start + 11))
        // The top bit tells that a row was inserted; without undo it stands alone, or not even that.
        if undoPage == 0 { return segment & 0x7F == 0 && undoOffset == 0 }
        return undoPage != .max && (PageBytes.Offset.body..<PageBytes.Offset.trailer).contains(undoOffset)
    }
}
