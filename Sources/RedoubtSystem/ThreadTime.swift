import CRedoubtShims
import Glibc
import RedoubtCore

/// What a thread did with its time, in nanoseconds; as a reading of clocks, or as the difference of two.
///
/// What is neither ``onCPU`` nor ``queued`` it spent asleep. A simulated thread has wall time only.
package struct ThreadTime: Sendable, Hashable {
    /// The time that passed.
    package var wall: UInt64 = 0
    /// The time that it ran on a processor.
    package var onCPU: UInt64 = 0
    /// The time that it could have run, but others did: the second figure of `schedstat`.
    package var queued: UInt64 = 0

    /// No time.
    package init() {}

    /// Returns the difference of two readings.
    package static func - (left: Self, right: Self) -> Self {
        var difference = Self()
        difference.wall = left.wall &- right.wall
        difference.onCPU = left.onCPU &- right.onCPU
        difference.queued = left.queued &- right.queued
        return difference
    }

    /// Returns the sum of two differences.
    package static func + (left: Self, right: Self) -> Self {
        var sum = Self()
        sum.wall = left.wall &+ right.wall
        sum.onCPU = left.onCPU &+ right.onCPU
        sum.queued = left.queued &+ right.queued
        return sum
    }
}

/// The clocks of the thread that opened them.
final class ThreadClocks {
    private let descriptor: Int32

    /// Opens the clocks of the calling thread.
    ///
    /// - Throws: `.systemCallFailed` if the kernel keeps no such figures.
    init() throws(RedoubtError) {
        if Scheduling.isSimulated {
            descriptor = -1
            return
        }
        // The link leads to the directory of the thread that opens it, and stays there.
        let path = "/proc/thread-self/schedstat"
        let opened = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else {
            throw RedoubtError(.systemCallFailed, "the times of a thread cannot be read", path: path, errno: errno)
        }
        descriptor = opened
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// The present reading, on the thread that opened the clocks.
    func read() -> ThreadTime {
        var time = ThreadTime()
        if descriptor >= 0 { _ = unsafe redoubt_thread_times(descriptor, &time.onCPU, &time.queued) }
        time.wall = Scheduling.now().nanoseconds
        return time
    }
}
