import CRedoubtHeader
import CRedoubtShims
import Redoubt
import RedoubtCore

/// The error for a handle that is not open, or not of `kind`.
@inline(never)
func invalidHandle(_ handle: Handle, _ kind: Handle.Kind) -> RedoubtError {
    let digits = String(handle.number, radix: 16)
    return RedoubtError(.invalidHandle, "0x\(digits) is no handle of an open \(kind.name)")
}

/// Throws `.reentered` if the calling thread is inside a visitor.
@inline(__always)
func checkBorrow() throws(RedoubtError) {
    // Asked here as well, because the other is not inlined into this module.
    if redoubt_thread_borrows() != 0 { try ThreadBorrow.check() }
}

/// Runs `body` with the database that `pointer` is a handle of, which stays open meanwhile.
@inline(__always)
func withDatabase(
    _ pointer: OpaquePointer?,
    _ body: (OpenDatabase, Handle) throws(RedoubtError) -> redoubt_status
) -> redoubt_status {
    Status.of { () throws(RedoubtError) in
        try checkBorrow()
        let handle = unsafe Handle(pointer)
        guard let call = DatabaseTable.enter(handle) else { throw invalidHandle(handle, .database) }
        defer { call.leave() }
        guard let content = unsafe call.content else { throw invalidHandle(handle, .database) }
        return unsafe try body(content.takeUnretainedValue(), handle)
    }
}

/// Runs `body` with the keyspace that `pointer` is a handle of; its database stays open meanwhile.
///
/// Without reference counting: the slot of the database keeps both.
@inline(__always)
func withKeyspace(
    _ pointer: OpaquePointer?,
    _ body: (Keyspace) throws(RedoubtError) -> redoubt_status
) -> redoubt_status {
    Status.of { () throws(RedoubtError) in
        try checkBorrow()
        let handle = unsafe Handle(pointer)
        guard handle.isOf(.keyspace), let call = DatabaseTable.enter(handle.databaseOfKeyspace)
        else { throw invalidHandle(handle, .keyspace) }
        defer { call.leave() }
        guard let content = unsafe call.content,
            let keyspace = unsafe content._withUnsafeGuaranteedRef({ unsafe $0.keyspace(at: handle.keyspaceIndex) })
        else { throw invalidHandle(handle, .keyspace) }
        return unsafe keyspace._withUnsafeGuaranteedRef { keyspace in
            Status.of { () throws(RedoubtError) in try body(keyspace) }
        }
    }
}
