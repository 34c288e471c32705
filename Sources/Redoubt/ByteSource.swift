public import RedoubtCore

/// Anything whose bytes can be a key or a value: `[UInt8]`, `ArraySlice<UInt8>`, `String` (as UTF-8), `RawSpan`,
/// `UnsafeRawBufferPointer`.
///
/// Bytes compare unsigned, from the first on; a key that is the beginning of another comes before it.
public protocol ByteSource: ~Escapable {
    /// Calls `body` with the bytes, which are valid only inside it.
    func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> Result
}

extension Array: ByteSource where Element == UInt8 {
    /// Calls `body` with the elements.
    @inlinable
    public func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> Result {
        unsafe try span.bytes.withBytes(body)
    }
}

extension ArraySlice: ByteSource where Element == UInt8 {
    /// Calls `body` with the elements.
    @inlinable
    public func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> Result {
        unsafe try span.bytes.withBytes(body)
    }
}

extension String: ByteSource {
    /// Calls `body` with the UTF-8 code units.
    @inlinable
    public func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> Result {
        unsafe try utf8.span.bytes.withBytes(body)
    }
}

extension UnsafeRawBufferPointer: @unsafe ByteSource {
    /// Calls `body` with the buffer.
    @inlinable
    public func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> Result {
        unsafe try body(self)
    }
}

extension RawSpan: ByteSource {
    /// Calls `body` with the bytes of the span.
    @inlinable
    public func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws(RedoubtError) -> Result
    ) throws(RedoubtError) -> Result {
        // Carried out of the closure, because `withUnsafeBytes` is not generic over every kind of result here.
        let buffer = unsafe withUnsafeBytes { unsafe UnsafeRawBufferPointer(start: $0.baseAddress, count: $0.count) }
        return unsafe try body(buffer)
    }
}
