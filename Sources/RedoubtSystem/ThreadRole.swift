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

    /// Runs `body`, in which the calling thread behaves as `manner` says while writers are being slowed down.
    package static func with<Result: ~Copyable, Failure: Error>(
        _ manner: SlowdownManner,
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let before = unsafe redoubt_thread_waits().pointee.slowdown
        unsafe redoubt_thread_waits().pointee.slowdown = manner.rawValue
        defer { unsafe redoubt_thread_waits().pointee.slowdown = before }
        return try body()
    }

    /// What the calling thread does while writers are being slowed down.
    package static var slowdownManner: SlowdownManner {
        SlowdownManner(rawValue: unsafe redoubt_thread_waits().pointee.slowdown) ?? .waits
    }
}

/// What a thread does while writers are being slowed down.
package enum SlowdownManner: UInt32, Sendable {
    /// It takes its turn.
    case waits = 0
    /// It fails rather than wait.
    case fails = 1
    /// It goes on, because it gives back what a call had taken; what it adds slows the others.
    case goesOn = 2
}
