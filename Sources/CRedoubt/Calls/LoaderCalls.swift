public import CRedoubtHeader
import Redoubt
import RedoubtCore

/// What a handle of a loader is of.
struct HeldLoader: ~Copyable {
    private let keyspace: Keyspace
    private let fillPercent: Int
    /// The rows since the last finish.
    var load: SortedLoad

    init(_ keyspace: Keyspace, fillPercent: Int) {
        self.keyspace = keyspace
        self.fillPercent = fillPercent
        load = keyspace.sortedLoad(fillPercent: fillPercent)
    }

    /// Gives the rows since the last finish away, and begins again.
    mutating func take() -> SortedLoad {
        var taken = keyspace.sortedLoad(fillPercent: fillPercent)
        swap(&taken, &load)
        return taken
    }
}

/// Creates a loader.
@c
@implementation
public func redoubt_loader_create(
    _ keyspace: OpaquePointer?,
    _ fillPercent: Int32,
    _ loader: UnsafeMutablePointer<OpaquePointer?>?
) -> redoubt_status {
    unsafe withKeyspace(keyspace) { (keyspace) throws(RedoubtError) in
        let place = unsafe try Arguments.place(loader, "`loader`")
        unsafe place.pointee = nil
        guard fillPercent == 0 || (10...100).contains(fillPercent) else {
            throw Arguments.invalid("`fill_percent` is \(fillPercent); it must be 10 to 100, or 0")
        }
        let held = HeldLoader(keyspace, fillPercent: fillPercent == 0 ? 94 : Int(fillPercent))
        unsafe place.pointee = try HeldTable.add(.loader, held).pointer
        return Status.ok
    }
}

/// Adds a row.
@c
@implementation
public func redoubt_loader_add(
    _ loader: OpaquePointer?,
    _ key: UnsafeRawPointer?,
    _ keyLength: Int,
    _ value: UnsafeRawPointer?,
    _ valueLength: Int
) -> redoubt_status {
    unsafe HeldTable.use(loader, .loader, HeldLoader.self) { (held) throws(RedoubtError) in
        let key = unsafe try Arguments.bytes(key, keyLength, "the key")
        let value = unsafe try Arguments.bytes(value, valueLength, "the value")
        unsafe try held.pointee.load.add(bytes: key, value)
        return Status.ok
    }
}

/// Writes what is left.
@c
@implementation
public func redoubt_loader_finish(_ loader: OpaquePointer?, _ how: redoubt_how) -> redoubt_status {
    unsafe HeldTable.use(loader, .loader, HeldLoader.self) { (held) throws(RedoubtError) in
        let durability = try Arguments.durability(how)
        let load = unsafe held.pointee.take()
        try load.finish(durability: durability)
        return Status.ok
    }
}

/// Closes a loader.
@c
@implementation
public func redoubt_loader_close(_ loader: OpaquePointer?) -> redoubt_status {
    unsafe HeldTable.close(loader, .loader, HeldLoader.self)
}
