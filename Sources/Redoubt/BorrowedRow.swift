import RedoubtCore
import RedoubtEngine

/// A row while its page is latched; cannot leave the closure that it is lent to.
@safe
public struct BorrowedRow: ~Copyable {
    private let keyBytes: UnsafeRawBufferPointer
    private let valueBytes: UnsafeRawBufferPointer

    /// The length of the value in bytes.
    public let valueByteCount: Int

    init(_ key: UnsafeRawBufferPointer, _ value: TreeValue) {
        unsafe keyBytes = key
        unsafe valueBytes = value.inlineBytes
        valueByteCount = value.count
    }

    /// Whether the value stands in the page, so that ``withBytes(_:)`` lends it.
    public var isInline: Bool { unsafe valueBytes.count == valueByteCount }

    /// Lends the key and the value; the value is empty if it stands outside the page.
    public borrowing func withBytes<Result>(_ body: (_ key: RawSpan, _ value: RawSpan) -> Result) -> Result {
        unsafe body(RawSpan(_unsafeBytes: keyBytes), RawSpan(_unsafeBytes: valueBytes))
    }
}

extension Keyspace {
    /// Lends `value` to `body`, in parts, with the thread marked.
    func lend(
        _ value: TreeValue,
        to body: (RawSpan, ValuePart) throws(RedoubtError) -> Void
    ) throws(RedoubtError) {
        let total = value.count
        if value.isInline {
            let bytes = unsafe value.inlineBytes
            return try ThreadBorrow.during { () throws(RedoubtError) in
                unsafe try body(RawSpan(_unsafeBytes: bytes), ValuePart(offset: 0, totalByteCount: total))
            }
        }
        var offset = 0
        unsafe try value.forEachChunk { (chunk) throws(RedoubtError) in
            try ThreadBorrow.during { () throws(RedoubtError) in
                unsafe try body(RawSpan(_unsafeBytes: chunk), ValuePart(offset: offset, totalByteCount: total))
            }
            offset += chunk.count
            return true
        }
    }

    /// Walks over `range`; see ``forEach(_:_:)``.
    func walk(
        _ range: KeyRange,
        _ body: (borrowing BorrowedRow) throws(RedoubtError) -> Bool
    ) throws(RedoubtError) {
        var goesOn = true
        func visit(_ key: UnsafeRawBufferPointer, _ value: TreeValue) throws(RedoubtError) {
            if let upper = range.upper, unsafe Cursor.compare(key, upper) >= 0 {
                goesOn = false
                return
            }
            let row = unsafe BorrowedRow(key, value)
            try ThreadBorrow.during { () throws(RedoubtError) in goesOn = try body(row) }
        }
        var cursor = RedoubtEngine.Cursor(tree)
        var isOnRow = unsafe try withOptionalBytes(range.lower) { (lower) throws(RedoubtError) in
            if let lower = unsafe lower { return unsafe try cursor.seek(.greaterOrEqual, lower, visit) }
            return unsafe try cursor.first(visit)
        }
        while isOnRow, goesOn { isOnRow = unsafe try cursor.next(visit) }
    }
}
