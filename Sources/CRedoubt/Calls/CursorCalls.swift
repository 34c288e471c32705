public import CRedoubtHeader
import Redoubt
import RedoubtCore

/// Creates a cursor.
@c
@implementation
public func redoubt_cursor_open(
    _ keyspace: OpaquePointer?,
    _ cursor: UnsafeMutablePointer<OpaquePointer?>?
) -> redoubt_status {
    unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
        let place = unsafe try Arguments.place(cursor, "`cursor`")
        unsafe place.pointee = nil
        unsafe place.pointee = try HeldTable.add(.cursor, RowCursor(keyspace)).pointer
        return Status.ok
    }
}

/// Runs a step of a cursor and stores the row that it reached.
@inline(__always)
private func step(
    _ cursor: OpaquePointer?,
    _ row: UnsafeMutablePointer<redoubt_row>?,
    _ body: (inout RowCursor) throws(RedoubtError) -> Bool
) -> redoubt_status {
    unsafe HeldTable.use(cursor, .cursor, RowCursor.self) { (held) throws(RedoubtError) in
        if unsafe try !body(&held.pointee) { return Status.notFound }
        if let place = unsafe row { unsafe store(held, place) }
        return Status.ok
    }
}

@inline(__always)
private func store(_ cursor: UnsafeMutablePointer<RowCursor>, _ row: UnsafeMutablePointer<redoubt_row>) {
    let (key, value) = unsafe cursor.pointee.bytes
    unsafe row.pointee = redoubt_row(
        key: key.baseAddress,
        key_length: key.count,
        value: value.baseAddress,
        value_length: value.count
    )
}

/// Goes to a row by its key.
@c
@implementation
public func redoubt_cursor_seek(
    _ cursor: OpaquePointer?,
    _ bound: redoubt_bound,
    _ key: UnsafeRawPointer?,
    _ keyLength: Int,
    _ row: UnsafeMutablePointer<redoubt_row>?
) -> redoubt_status {
    unsafe step(cursor, row) { (cursor) throws(RedoubtError) in
        let key = unsafe try Arguments.bytes(key, keyLength, "the key")
        try Arguments.checkKey(key.count)
        let direction: Cursor.Bound
        switch Int(bound) {
        case REDOUBT_AT_LEAST: direction = .atLeast
        case REDOUBT_ABOVE: direction = .above
        case REDOUBT_AT_MOST: direction = .atMost
        case REDOUBT_BELOW: direction = .below
        default: throw Arguments.invalid("`bound` is \(bound); it must be one of REDOUBT_AT_LEAST to REDOUBT_BELOW")
        }
        return unsafe try cursor.seek(direction, key)
    }
}

/// Goes to the first row.
@c
@implementation
public func redoubt_cursor_first(_ cursor: OpaquePointer?, _ row: UnsafeMutablePointer<redoubt_row>?) -> redoubt_status
{
    unsafe step(cursor, row) { (cursor) throws(RedoubtError) in try cursor.first() }
}

/// Goes to the last row.
@c
@implementation
public func redoubt_cursor_last(_ cursor: OpaquePointer?, _ row: UnsafeMutablePointer<redoubt_row>?) -> redoubt_status {
    unsafe step(cursor, row) { (cursor) throws(RedoubtError) in try cursor.last() }
}

/// Goes to the next row.
@c
@implementation
public func redoubt_cursor_next(_ cursor: OpaquePointer?, _ row: UnsafeMutablePointer<redoubt_row>?) -> redoubt_status {
    unsafe step(cursor, row) { (cursor) throws(RedoubtError) in try cursor.next() }
}

/// Goes to the row before.
@c
@implementation
public func redoubt_cursor_previous(
    _ cursor: OpaquePointer?,
    _ row: UnsafeMutablePointer<redoubt_row>?
) -> redoubt_status {
    unsafe step(cursor, row) { (cursor) throws(RedoubtError) in try cursor.previous() }
}

/// Stores the row that a cursor is on.
@c
@implementation
public func redoubt_cursor_row(_ cursor: OpaquePointer?, _ row: UnsafeMutablePointer<redoubt_row>?) -> redoubt_status {
    unsafe HeldTable.use(cursor, .cursor, RowCursor.self) { (held) throws(RedoubtError) in
        let place = unsafe try Arguments.place(row, "`row`")
        guard unsafe held.pointee.isOnRow else { return Status.notFound }
        unsafe store(held, place)
        return Status.ok
    }
}

/// Closes a cursor.
@c
@implementation
public func redoubt_cursor_close(_ cursor: OpaquePointer?) -> redoubt_status {
    unsafe HeldTable.close(cursor, .cursor, RowCursor.self)
}
