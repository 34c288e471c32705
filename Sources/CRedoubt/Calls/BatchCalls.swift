public import CRedoubtHeader
import Redoubt
import RedoubtCore

/// What a handle of a batch is of.
struct HeldBatch: ~Copyable {
    /// The database that it will be written to.
    let database: Database
    /// The changes collected.
    var batch = WriteBatch()

    init(_ database: Database) {
        self.database = database
    }

    /// Gives the changes collected away, and begins again.
    mutating func take() -> WriteBatch {
        var taken = WriteBatch()
        swap(&taken, &batch)
        return taken
    }
}

/// Creates a batch.
@c
@implementation
public func redoubt_batch_create(
    _ database: OpaquePointer?,
    _ batch: UnsafeMutablePointer<OpaquePointer?>?
) -> redoubt_status {
    unsafe withDatabase(database) { (content, _) throws(RedoubtError) in
        let place = unsafe try Arguments.place(batch, "`batch`")
        unsafe place.pointee = nil
        unsafe place.pointee = try HeldTable.add(.batch, HeldBatch(content.database)).pointer
        return Status.ok
    }
}

/// Adds a put to a batch.
@c
@implementation
public func redoubt_batch_put(
    _ batch: OpaquePointer?,
    _ keyspace: OpaquePointer?,
    _ key: UnsafeRawPointer?,
    _ keyLength: Int,
    _ value: UnsafeRawPointer?,
    _ valueLength: Int
) -> redoubt_status {
    unsafe HeldTable.use(batch, .batch, HeldBatch.self) { (held) throws(RedoubtError) in
        unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
            let key = unsafe try Arguments.bytes(key, keyLength, "the key")
            let value = unsafe try Arguments.bytes(value, valueLength, "the value")
            try Arguments.checkKey(key.count)
            try Arguments.checkValue(value.count)
            unsafe try checkDatabase(keyspace, held.pointee.database)
            unsafe try held.pointee.batch.put(bytes: key, value, in: keyspace)
            return Status.ok
        }
    }
}

/// Adds a removal to a batch.
@c
@implementation
public func redoubt_batch_delete(
    _ batch: OpaquePointer?,
    _ keyspace: OpaquePointer?,
    _ key: UnsafeRawPointer?,
    _ keyLength: Int
) -> redoubt_status {
    unsafe HeldTable.use(batch, .batch, HeldBatch.self) { (held) throws(RedoubtError) in
        unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
            let key = unsafe try Arguments.bytes(key, keyLength, "the key")
            try Arguments.checkKey(key.count)
            unsafe try checkDatabase(keyspace, held.pointee.database)
            unsafe try held.pointee.batch.delete(bytes: key, in: keyspace)
            return Status.ok
        }
    }
}

private func checkDatabase(_ keyspace: Keyspace, _ database: Database) throws(RedoubtError) {
    if keyspace.database === database { return }
    throw RedoubtError(.mixedFiles, "the keyspace \"\(keyspace.name)\" belongs to another database than the batch")
}

/// Forgets the changes of a batch.
@c
@implementation
public func redoubt_batch_clear(_ batch: OpaquePointer?) -> redoubt_status {
    unsafe HeldTable.use(batch, .batch, HeldBatch.self) { (held) throws(RedoubtError) in
        _ = unsafe held.pointee.take()
        return Status.ok
    }
}

/// Stores the size of a batch.
@c
@implementation
public func redoubt_batch_count(
    _ batch: OpaquePointer?,
    _ count: UnsafeMutablePointer<Int>?,
    _ bytes: UnsafeMutablePointer<Int>?
) -> redoubt_status {
    unsafe HeldTable.use(batch, .batch, HeldBatch.self) { (held) throws(RedoubtError) in
        if let place = unsafe count { unsafe place.pointee = held.pointee.batch.count }
        if let place = unsafe bytes { unsafe place.pointee = held.pointee.batch.byteCount }
        return Status.ok
    }
}

/// Writes a batch.
@c
@implementation
public func redoubt_batch_write(_ batch: OpaquePointer?, _ how: redoubt_how) -> redoubt_status {
    unsafe HeldTable.use(batch, .batch, HeldBatch.self) { (held) throws(RedoubtError) in
        let changes = unsafe held.pointee.take()
        let (durability, slowdown) = try Arguments.how(how)
        unsafe try held.pointee.database.write(changes, durability: durability, slowdown: slowdown)
        return Status.ok
    }
}

/// Closes a batch.
@c
@implementation
public func redoubt_batch_close(_ batch: OpaquePointer?) -> redoubt_status {
    unsafe HeldTable.close(batch, .batch, HeldBatch.self)
}
