import CRedoubtShims
package import RedoubtCore

extension Scheduling {
    /// By how much threads of the engine are preferred to those that use it, as nice(2) counts.
    ///
    /// They need little of a processor, and every writer may be waiting for what they do next. Where processors are
    /// scarce, a page cleaner of no higher priority waits longer for its turn than it works, and the device idles.
    ///
    /// InnoDB: the priority of -20 of its page cleaners.
    package static let backgroundPreference: Int32 = 10

    /// Starts a thread of the engine itself, whose waits hold up nobody's call and are not written down.
    ///
    /// A preferred one runs before other threads of the process if that has the right (CAP_SYS_NICE, or RLIMIT_NICE);
    /// if not, it has their priority. As ``start(_:_:)`` otherwise.
    package static func startBackground(
        _ name: String,
        isPreferred: Bool = true,
        _ body: @escaping @Sendable () -> Void
    ) throws(RedoubtError) -> EngineThread {
        try start(name) {
            unsafe redoubt_thread_waits().pointee.is_background = 1
            if isPreferred && current == nil { preferThread() }
            body()
        }
    }

    /// Raises the priority of the calling thread by ``backgroundPreference``, if the process may.
    package static func preferThread() { redoubt_raise_thread_priority(backgroundPreference) }

    /// The nice value of the calling thread.
    package static var niceness: Int32 { redoubt_thread_nice() }

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
