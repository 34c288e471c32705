import Synchronization

/// Whether writes of the engine wait for space on the file system, and which tries of them were in vain.
///
/// A full disk is an operating condition and no failure: what found no space is written again later. Whoever waits for
/// such a write takes a ``mark`` first, and gives up when a try that began after it has failed: a try before says
/// nothing about now.
package final class DiskSpace: Sendable {
    /// A moment before which tries count for nothing.
    package struct Mark: Sendable {
        fileprivate let tries: UInt64
    }

    // Those whose writes wait.
    private let waiting = Atomic<Int>(0)
    private let begun = Atomic<UInt64>(0)
    private let lastVain = Atomic<UInt64>(0)
    // Taken on the way to an error only.
    private let cause = Mutex<RedoubtError?>(nil)

    /// Creates the state of a disk with room.
    package init() {}

    // MARK: Who waits for writes

    /// Whether any writes wait for space.
    package var isFull: Bool { waiting.load(ordering: .acquiring) > 0 }

    /// The present moment.
    package var mark: Mark { Mark(tries: begun.load(ordering: .acquiring)) }

    /// Throws `.diskFull` if writes wait for space.
    package func check() throws(RedoubtError) {
        if isFull { throw error() }
    }

    /// Throws `.diskFull` if writes wait for space, and a try that began after `mark` found none.
    package func check(since mark: Mark) throws(RedoubtError) {
        if isFull, lastVain.load(ordering: .acquiring) > mark.tries { throw error() }
    }

    /// The error that those get who wait for a write that finds no space.
    package func error() -> RedoubtError {
        let reason = cause.withLock { $0 }
        return RedoubtError(
            .diskFull,
            "what was written before finds no space on the disk (\(reason?.description ?? "unknown")); make room, and "
                + "it goes on by itself",
            path: reason?.path,
            errno: reason?.errno
        )
    }

    // MARK: Who writes

    /// Says that one more writer has writes that found no space, because of `error`.
    package func beginWaiting(_ error: RedoubtError) {
        cause.withLock { $0 = error }
        waiting.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    /// Says that the writes of one writer have found space, or are given up.
    package func endWaiting() {
        let left = waiting.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        precondition(left >= 0, "\(-left) writers more found space than looked for it")
    }

    /// Says that writes are tried again; returns the number of the try.
    package func beginTry() -> UInt64 { begun.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue }

    /// Says that the try `number` found no space.
    package func noteVain(_ number: UInt64) {
        var seen = lastVain.load(ordering: .relaxed)
        while seen < number {
            let exchange = lastVain.compareExchange(expected: seen, desired: number, ordering: .acquiringAndReleasing)
            if exchange.exchanged { return }
            seen = exchange.original
        }
    }
}
