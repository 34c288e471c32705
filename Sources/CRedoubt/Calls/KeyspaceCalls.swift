public import CRedoubtHeader
import Redoubt
import RedoubtCore

/// Stores the handle of a keyspace.
@c
@implementation
public func redoubt_keyspace_open(
    _ database: OpaquePointer?,
    _ name: UnsafePointer<CChar>?,
    _ create: Int32,
    _ keyspace: UnsafeMutablePointer<OpaquePointer?>?
) -> redoubt_status {
    unsafe withDatabase(database) { (content, handle) throws(RedoubtError) in
        let place = unsafe try Arguments.place(keyspace, "`keyspace`")
        unsafe place.pointee = nil
        guard create == 0 || create == 1 else { throw Arguments.invalid("`create` is \(create); it must be 0 or 1") }
        let name = unsafe try Arguments.text(name, "the name")
        let found = try content.database.keyspace(named: name, createIfMissing: create == 1)
        unsafe place.pointee = handle.keyspace(at: try content.index(of: found)).pointer
        return Status.ok
    }
}

/// Creates a keyspace.
@c
@implementation
public func redoubt_keyspace_create(
    _ database: OpaquePointer?,
    _ name: UnsafePointer<CChar>?,
    _ keyspace: UnsafeMutablePointer<OpaquePointer?>?
) -> redoubt_status {
    unsafe withDatabase(database) { (content, handle) throws(RedoubtError) in
        if let place = unsafe keyspace { unsafe place.pointee = nil }
        let name = unsafe try Arguments.text(name, "the name")
        let created = try content.database.createKeyspace(name)
        if let place = unsafe keyspace {
            unsafe place.pointee = handle.keyspace(at: try content.index(of: created)).pointer
        }
        return Status.ok
    }
}

/// Removes a keyspace.
@c
@implementation
public func redoubt_keyspace_drop(_ database: OpaquePointer?, _ name: UnsafePointer<CChar>?) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        try content.database.dropKeyspace(unsafe try Arguments.text(name, "the name"))
        return Status.ok
    }
}

/// Gives a keyspace another name.
@c
@implementation
public func redoubt_keyspace_rename(
    _ database: OpaquePointer?,
    _ name: UnsafePointer<CChar>?,
    _ newName: UnsafePointer<CChar>?
) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        let name = unsafe try Arguments.text(name, "the name")
        try content.database.renameKeyspace(name, to: unsafe try Arguments.text(newName, "the new name"))
        return Status.ok
    }
}

/// Stores the names of all keyspaces.
@c
@implementation
public func redoubt_keyspace_names(
    _ database: OpaquePointer?,
    _ text: UnsafeMutablePointer<UnsafePointer<CChar>?>?,
    _ count: UnsafeMutablePointer<Int>?
) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        let place = unsafe try Arguments.place(text, "`text`")
        let countPlace = unsafe try Arguments.place(count, "`count`")
        let names = try content.database.keyspaceNames()
        unsafe try Arguments.answer(names.map { $0 + "\0" }.joined(), in: place)
        unsafe countPlace.pointee = names.count
        return Status.ok
    }
}
