import CRedoubtShims
package import RedoubtCore

extension Scheduling {
    /// Starts a thread of the engine itself, whose waits hold up nobody's call and are not written down.
    ///
    /// As ``start(_:_:)`` otherwise.
    package static func startBackground(
        _ name: String,
        _ body: @escaping @Sendable () -> Void
    ) throws(RedoubtError) -> EngineThread {
        try start(name) {
            unsafe redoubt_thread_waits().pointee.is_background = 1
            body()
        }
    }

    /// Runs `body`, in which the calling thread fails rather than being slowed down.
    package static func refusingSlowdown<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe redoubt_thread_waits().pointee.refuses_slowdown = 1
        defer { unsafe redoubt_thread_waits().pointee.refuses_slowdown = 0 }
        return try body()
    }

    /// Whether the calling thread would rather fail than be slowed down.
    package static var refusesSlowdown: Bool { unsafe redoubt_thread_waits().pointee.refuses_slowdown != 0 }

    /// Runs `body`, which the calling thread must finish however slowly.
    package static func acceptingSlowdown(_ body: () -> Void) {
        let before = unsafe redoubt_thread_waits().pointee.refuses_slowdown
        unsafe redoubt_thread_waits().pointee.refuses_slowdown = 0
        defer { unsafe redoubt_thread_waits().pointee.refuses_slowdown = before }
        body()
    }
}
