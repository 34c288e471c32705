internal import CRedoubtShims
package import RedoubtCore

/// Marks the calling thread while a closure of the user borrows a page.
///
/// The page's latch is held meanwhile: a call into the engine could wait for the same latch, or for a thread that does.
/// So every call first asks ``check()``.
package enum ThreadBorrow {
    /// Throws `.reentered` if the calling thread is inside a closure that borrows a page.
    @inline(__always)
    package static func check() throws(RedoubtError) {
        if redoubt_thread_borrows() != 0 { throw reentered() }
    }

    /// Runs `body` with the calling thread marked.
    @inline(__always)
    static func during<Result>(_ body: () throws(RedoubtError) -> Result) throws(RedoubtError) -> Result {
        redoubt_set_thread_borrows(1)
        defer { redoubt_set_thread_borrows(0) }
        return try body()
    }

    @inline(never)
    private static func reentered() -> RedoubtError {
        RedoubtError(
            .reentered,
            "the engine was called from a closure that borrows a page; copy the bytes out, return, then call"
        )
    }
}
