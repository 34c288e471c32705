public import CRedoubtHeader
import Redoubt
import RedoubtCore

/// Copies a value.
@c
@implementation
public func redoubt_get(
    _ keyspace: OpaquePointer?,
    _ key: UnsafeRawPointer?,
    _ keyLength: Int,
    _ buffer: UnsafeMutableRawPointer?,
    _ capacity: Int,
    _ valueLength: UnsafeMutablePointer<Int>?
) -> redoubt_status {
    unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
        let key = unsafe try Arguments.bytes(key, keyLength, "the key")
        let memory = unsafe try Arguments.memory(buffer, capacity, "the buffer")
        let count = unsafe try keyspace.heldCopy(of: key, from: 0, to: memory)
        if count < 0 { return Status.notFound }
        if let place = unsafe valueLength { unsafe place.pointee = count }
        return count <= capacity ? Status.ok : Status.bufferTooSmall
    }
}

/// Copies a part of a value.
@c
@implementation
public func redoubt_get_part(
    _ keyspace: OpaquePointer?,
    _ key: UnsafeRawPointer?,
    _ keyLength: Int,
    _ offset: UInt64,
    _ buffer: UnsafeMutableRawPointer?,
    _ capacity: Int,
    _ copied: UnsafeMutablePointer<Int>?,
    _ valueLength: UnsafeMutablePointer<Int>?
) -> redoubt_status {
    unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
        let key = unsafe try Arguments.bytes(key, keyLength, "the key")
        let memory = unsafe try Arguments.memory(buffer, capacity, "the buffer")
        let start = Int(clamping: offset)
        let count = unsafe try keyspace.heldCopy(of: key, from: start, to: memory)
        if count < 0 { return Status.notFound }
        if let place = unsafe copied { unsafe place.pointee = min(max(count - start, 0), capacity) }
        if let place = unsafe valueLength { unsafe place.pointee = count }
        return Status.ok
    }
}

/// Stores the length of a value.
@c
@implementation
public func redoubt_get_length(
    _ keyspace: OpaquePointer?,
    _ key: UnsafeRawPointer?,
    _ keyLength: Int,
    _ valueLength: UnsafeMutablePointer<Int>?
) -> redoubt_status {
    unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
        let key = unsafe try Arguments.bytes(key, keyLength, "the key")
        let count = unsafe try keyspace.heldCopy(
            of: key,
            from: 0,
            to: UnsafeMutableRawBufferPointer(start: nil, count: 0)
        )
        if count < 0 { return Status.notFound }
        if let place = unsafe valueLength { unsafe place.pointee = count }
        return Status.ok
    }
}

/// Lends rows to a visitor.
@c
@implementation
public func redoubt_scan(
    _ keyspace: OpaquePointer?,
    _ lower: UnsafeRawPointer?,
    _ lowerLength: Int,
    _ upper: UnsafeRawPointer?,
    _ upperLength: Int,
    _ visitor: redoubt_visitor?,
    _ context: UnsafeMutableRawPointer?
) -> redoubt_status {
    unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
        guard let visitor = unsafe visitor else { throw Arguments.invalid("`visitor` is NULL") }
        guard let range = unsafe try Arguments.range(lower, lowerLength, upper, upperLength) else { return Status.ok }
        unsafe try keyspace.heldScan(range.lower, range.upper) { (key, value, byteCount) throws(RedoubtError) in
            var row = unsafe redoubt_row(
                key: key.baseAddress,
                key_length: key.count,
                value: value.count == byteCount ? value.baseAddress : nil,
                value_length: byteCount
            )
            return unsafe visitor(context, &row) == 0
        }
        return Status.ok
    }
}
