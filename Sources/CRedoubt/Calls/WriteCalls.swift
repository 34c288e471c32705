public import CRedoubtHeader
import Redoubt
import RedoubtCore

/// Gives a key a value.
@c
@implementation
public func redoubt_put(
    _ keyspace: OpaquePointer?,
    _ key: UnsafeRawPointer?,
    _ keyLength: Int,
    _ value: UnsafeRawPointer?,
    _ valueLength: Int,
    _ how: redoubt_how
) -> redoubt_status {
    unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
        let key = unsafe try Arguments.bytes(key, keyLength, "the key")
        let value = unsafe try Arguments.bytes(value, valueLength, "the value")
        let (durability, slowdown) = try Arguments.how(how)
        unsafe try keyspace.put(bytes: key, value, durability, slowdown)
        return Status.ok
    }
}

/// Removes a row.
@c
@implementation
public func redoubt_delete(
    _ keyspace: OpaquePointer?,
    _ key: UnsafeRawPointer?,
    _ keyLength: Int,
    _ how: redoubt_how
) -> redoubt_status {
    unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
        let key = unsafe try Arguments.bytes(key, keyLength, "the key")
        let (durability, slowdown) = try Arguments.how(how)
        return unsafe try keyspace.delete(bytes: key, durability, slowdown) ? Status.ok : Status.notFound
    }
}

/// Changes a value if it is what is expected.
@c
@implementation
public func redoubt_compare_and_put(
    _ keyspace: OpaquePointer?,
    _ key: UnsafeRawPointer?,
    _ keyLength: Int,
    _ expected: UnsafeRawPointer?,
    _ expectedLength: Int,
    _ value: UnsafeRawPointer?,
    _ valueLength: Int,
    _ how: redoubt_how,
    _ applied: UnsafeMutablePointer<Int32>?
) -> redoubt_status {
    unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
        let place = unsafe try Arguments.place(applied, "`applied`")
        let key = unsafe try Arguments.bytes(key, keyLength, "the key")
        let expected = unsafe try Arguments.optionalBytes(expected, expectedLength, "the expected value")
        let value = unsafe try Arguments.optionalBytes(value, valueLength, "the value")
        let (durability, slowdown) = try Arguments.how(how)
        let isApplied = unsafe try keyspace.compareAndPut(bytes: key, expected, value, durability, slowdown)
        unsafe place.pointee = isApplied ? 1 : 0
        return Status.ok
    }
}

/// Removes the rows of a range.
@c
@implementation
public func redoubt_delete_range(
    _ keyspace: OpaquePointer?,
    _ lower: UnsafeRawPointer?,
    _ lowerLength: Int,
    _ upper: UnsafeRawPointer?,
    _ upperLength: Int,
    _ how: redoubt_how,
    _ removed: UnsafeMutablePointer<UInt64>?
) -> redoubt_status {
    unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
        let durability = try Arguments.durability(how)
        var count = 0
        if let range = unsafe try Arguments.range(lower, lowerLength, upper, upperLength) {
            count = unsafe try keyspace.deleteRange(bytes: range.lower, range.upper, durability)
        }
        if let place = unsafe removed { unsafe place.pointee = UInt64(count) }
        return Status.ok
    }
}
