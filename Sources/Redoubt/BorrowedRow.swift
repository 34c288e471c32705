import RedoubtCore

/// A row while its page is latched; cannot leave the closure that it is lent to.
@safe
@frozen
public struct BorrowedRow: ~Copyable {
    @usableFromInline let keyBytes: UnsafeRawBufferPointer
    @usableFromInline let valueBytes: UnsafeRawBufferPointer

    /// The length of the value in bytes.
    public let valueByteCount: Int

    init(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ valueByteCount: Int) {
        unsafe keyBytes = key
        unsafe valueBytes = value
        self.valueByteCount = valueByteCount
    }

    /// Whether the value stands in the page, so that ``withBytes(_:)`` lends it.
    @inlinable public var isInline: Bool { unsafe valueBytes.count == valueByteCount }

    /// Lends the key and the value; the value is empty if it stands outside the page.
    @inlinable
    public borrowing func withBytes<Result>(_ body: (_ key: RawSpan, _ value: RawSpan) -> Result) -> Result {
        unsafe body(RawSpan(_unsafeBytes: keyBytes), RawSpan(_unsafeBytes: valueBytes))
    }
}

extension Keyspace {
    /// Walks over `range`; see ``forEach(_:_:)``.
    func walk(
        _ range: KeyRange,
        _ body: (borrowing BorrowedRow) throws(RedoubtError) -> Bool
    ) throws(RedoubtError) {
        unsafe try withOptionalBytes(range.lower) { (lower) throws(RedoubtError) in
            unsafe try withOptionalBytes(range.upper) { (upper) throws(RedoubtError) in
                unsafe try heldScan(lower, upper) { (key, value, byteCount) throws(RedoubtError) in
                    unsafe try body(BorrowedRow(key, value, byteCount))
                }
            }
        }
    }
}
