package import RedoubtCore
import RedoubtEngine

/// Calls with bytes in memory, for the C interface: the public ones are generic, and so run unspecialised when another
/// module calls them.
///
/// Those called "held" do not enter the gate: their caller keeps the database open until they return.
extension Keyspace {
    /// What no rename changes.
    package var spaceID: SpaceID { tree.space.id }

    /// Copies the value of `key` from its byte `offset` on, as far as it fits into `memory`; returns the length of the
    /// whole value, or -1 if there is none.
    ///
    /// Waits if a page must be read. The database must be kept open by the caller.
    ///
    /// - Throws: as ``get(_:)`` but for `.closed` and `.reentered`, which the caller looks after.
    package func heldCopy(
        of key: UnsafeRawBufferPointer,
        from offset: Int,
        to memory: UnsafeMutableRawBufferPointer
    ) throws(RedoubtError) -> Int {
        unsafe try tree.copyValue(of: key, from: offset, to: memory)
    }

    /// Lends each row from `lower` up to and without `upper` (nil: no bound) to `body` until it returns false: key,
    /// value (empty if it stands outside its page), and the length of the value.
    ///
    /// Waits. The database must be kept open by the caller. The page is latched while `body` runs.
    ///
    /// - Throws: as ``heldCopy(of:from:to:)``, and what `body` throws.
    package func heldScan(
        _ lower: UnsafeRawBufferPointer?,
        _ upper: UnsafeRawBufferPointer?,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, Int) throws(RedoubtError) -> Bool
    ) throws(RedoubtError) {
        try ThreadBorrow.during { () throws(RedoubtError) in unsafe try tree.scan(from: lower, to: upper, body) }
    }

    /// Gives `key` the value `value`; see ``put(_:_:durability:slowdown:)``.
    ///
    /// Waits.
    package func put(
        bytes key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer,
        _ durability: Durability?,
        _ slowdown: Slowdown
    ) throws(RedoubtError) {
        unsafe try putBytes(key, value, durability, slowdown)
    }

    /// Removes `key`; see ``delete(_:durability:slowdown:)``.
    ///
    /// Waits.
    package func delete(
        bytes key: UnsafeRawBufferPointer,
        _ durability: Durability?,
        _ slowdown: Slowdown
    ) throws(RedoubtError) -> Bool {
        unsafe try deleteBytes(key, durability, slowdown)
    }

    /// Changes the value of `key` if it is `expected`; see ``compareAndPut(_:expected:new:durability:slowdown:)``.
    ///
    /// Waits.
    package func compareAndPut(
        bytes key: UnsafeRawBufferPointer,
        _ expected: UnsafeRawBufferPointer?,
        _ new: UnsafeRawBufferPointer?,
        _ durability: Durability?,
        _ slowdown: Slowdown
    ) throws(RedoubtError) -> Bool {
        try database.call(slowdown) { () throws(RedoubtError) in
            let result = unsafe try tree.compareAndPut(key, expected: expected, new: new)
            try database.settle(result.end, durability)
            return result.isApplied
        }
    }

    /// Removes the rows from `lower` up to and without `upper`; see ``deleteRange(_:durability:)``.
    ///
    /// Waits.
    package func deleteRange(
        bytes lower: UnsafeRawBufferPointer?,
        _ upper: UnsafeRawBufferPointer?,
        _ durability: Durability?
    ) throws(RedoubtError) -> Int {
        try database.call { () throws(RedoubtError) in
            let result = unsafe try tree.deleteRange(from: lower, to: upper)
            try database.settle(result.end, durability)
            return result.count
        }
    }
}

extension WriteBatch {
    /// Adds: set the value of `key` in `keyspace`; see ``put(_:_:in:)``.
    package mutating func put(
        bytes key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer,
        in keyspace: Keyspace
    ) throws(RedoubtError) {
        unsafe addPut(key, value, keyspace)
    }

    /// Adds: remove `key` from `keyspace`; see ``delete(_:in:)``.
    package mutating func delete(
        bytes key: UnsafeRawBufferPointer,
        in keyspace: Keyspace
    ) throws(RedoubtError) {
        unsafe addDelete(key, keyspace)
    }
}

extension SortedLoad {
    /// Adds a row; see ``add(_:_:)``.
    ///
    /// Waits for pages and room in the log.
    package mutating func add(
        bytes key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer
    ) throws(RedoubtError) {
        unsafe try addBytes(key, value)
    }
}
