import CRedoubtShims
import RedoubtCore
import RedoubtSystem
import Synchronization

/// Counts the calls that are inside the engine, so that closing can wait for them and refuse the rest.
///
/// One shared counter would be written by every read on every processor; so each thread counts on a line of its own,
/// and only closing adds them up.
///
/// ## Concurrency
/// ``enter()`` adds to its line, then loads `isClosed`; ``close()`` stores `isClosed`, then loads the lines. All four
/// are sequentially consistent, so a call that ``close()`` did not count sees that it is closed.
@safe
final class CallGate: @unchecked Sendable {
    /// The number of lines, a power of two.
    private static var lineCount: Int { 64 }
    /// The counters in one line; only the first is used.
    private static var lineStride: Int { IsolatedMemory.granule / MemoryLayout<Atomic<Int>>.stride }

    private let counts: UnsafeMutablePointer<Atomic<Int>>
    private let isClosed = CacheIsolated(Atomic<Bool>(false))
    private let left = Event()

    init() {
        let count = Self.lineCount * Self.lineStride
        unsafe counts = IsolatedMemory.allocate(Atomic<Int>.self, count: count)
        for index in 0..<count { unsafe (counts + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe counts.deinitialize(count: Self.lineCount * Self.lineStride)
        unsafe IsolatedMemory.free(counts)
    }

    /// Counts a call until ``leave(_:)`` is given the result.
    ///
    /// - Throws: `.closed`, `.reentered`.
    @inline(__always)
    func enter() throws(RedoubtError) -> Int {
        try ThreadBorrow.check()
        let line = (Int(redoubt_thread_ordinal()) & (Self.lineCount &- 1)) &* Self.lineStride
        unsafe counts[line].wrappingAdd(1, ordering: .sequentiallyConsistent)
        if isClosed.value.load(ordering: .sequentiallyConsistent) {
            leave(line)
            throw Self.closed()
        }
        return line
    }

    @inline(never)
    private static func closed() -> RedoubtError { RedoubtError(.closed, "the database was closed") }

    /// Ends the call that ``enter()`` counted.
    func leave(_ line: Int) {
        unsafe counts[line].wrappingSubtract(1, ordering: .sequentiallyConsistent)
        if isClosed.value.load(ordering: .sequentiallyConsistent) { left.signal() }
    }

    /// Lets no more calls in and waits for those inside.
    ///
    /// Returns false if it was closed before.
    func close() -> Bool {
        if isClosed.value.exchange(true, ordering: .sequentiallyConsistent) { return false }
        while true {
            let ticket = left.ticket
            if isEmpty { return true }
            left.wait(ticket)
        }
    }

    private var isEmpty: Bool {
        var total = 0
        for line in 0..<Self.lineCount {
            total += unsafe counts[line * Self.lineStride].load(ordering: .sequentiallyConsistent)
        }
        return total == 0
    }
}
