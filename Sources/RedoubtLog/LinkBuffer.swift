package import RedoubtCore
import RedoubtSystem
import Synchronization

/// Tracks how far a stream of ranges, finished concurrently and in any order, is finished without a hole.
///
/// Mini-transactions reserve adjacent ranges of the redo stream in order but finish them in any order. A finished range
/// leaves its end in the slot of its start; following these links from the tail leads to the first hole. Here `12 ..<
/// 16` is still being filled, so the tail stays at 12 although `16 ..< 24` is done:
///
///     position   8      12      16      24
///     slot       12 --> (8)     24 ---> (20)
///                       ^ tail
///
/// Slots are never cleared. What a slot holds from an earlier turn of the ring is the end of a range that lies wholly
/// before the position that the slot stands for now, and an end that does not lie after the position is no link.
///
/// ## Invariants
/// 1. Every position below `tail` lies in a finished range, and `tail` never decreases.
/// 2. Ranges are adjacent and at least ``granule`` bytes long, so two starts within `window` never share a slot.
///
/// ## Concurrency
/// All members may be called from any thread. ``addLink(_:)`` and ``hasSpace(at:)`` take no lock; ``advanceTail()``
/// lets one thread at a time follow links, and the others take the tail as it is. Who sees the tail pass a range sees
/// the bytes written before it was linked.
///
/// ## References
/// MySQL 8.0: `Link_buf`, where a slot stands for one byte, not four.
@safe
package struct LinkBuffer: ~Copyable, @unchecked Sendable {
    /// The shortest range; one slot stands for as many bytes.
    package static let granule: UInt64 = 4

    /// How far beyond the tail a range may start.
    package let window: UInt64
    private let mask: Int
    private let links: UnsafeMutablePointer<Atomic<UInt64>>
    private let tailPosition: CacheIsolated<Atomic<UInt64>>
    private let isAdvancing: CacheIsolated<Atomic<Bool>>

    /// Creates a buffer without links, whose tail is at `origin`.
    ///
    /// `window` is a power of two.
    package init(window: Int, origin: LogSequenceNumber) {
        precondition(window >= 8 && window & (window - 1) == 0, "window \(window) is not a power of two")
        let slotCount = window / Int(Self.granule)
        // One granule less: the start need not be aligned.
        self.window = UInt64(window) - Self.granule
        mask = slotCount - 1
        unsafe links = IsolatedMemory.allocate(Atomic<UInt64>.self, count: slotCount)
        for slot in 0..<slotCount { unsafe (links + slot).initialize(to: Atomic(0)) }
        tailPosition = CacheIsolated(Atomic(origin.rawValue))
        isAdvancing = CacheIsolated(Atomic(false))
    }

    deinit {
        unsafe links.deinitialize(count: mask + 1)
        unsafe IsolatedMemory.free(links)
    }

    /// The memory that a buffer with this window takes.
    package static func memoryByteCount(window: Int) -> Int { window / Int(granule) * 8 }

    /// The position of the first hole, as last found by ``advanceTail()``.
    package var tail: LogSequenceNumber {
        LogSequenceNumber(rawValue: tailPosition.value.load(ordering: .acquiring))
    }

    /// Returns whether the range that starts at `start` may be linked; a yes stays valid until it is linked.
    package func hasSpace(at start: LogSequenceNumber) -> Bool {
        start.rawValue &- tail.rawValue <= window
    }

    /// Reports `range` finished.
    ///
    /// - Precondition: The range was never linked before, and ``hasSpace(at:)`` holds for its start.
    package func addLink(_ range: LogRange) {
        precondition(
            range.end.rawValue >= range.start.rawValue + Self.granule,
            "a link from \(range.start) to \(range.end) is too short"
        )
        precondition(hasSpace(at: range.start), "the slot of \(range.start) may still be in use, tail \(tail)")
        Scheduling.atomicStep()
        unsafe links[slot(of: range.start.rawValue)].store(range.end.rawValue, ordering: .releasing)
    }

    /// Follows links from the tail to the first hole, unless another thread does, and returns the tail.
    @discardableResult
    package func advanceTail() -> LogSequenceNumber {
        Scheduling.atomicStep()
        if isAdvancing.value.load(ordering: .relaxed) || isAdvancing.value.exchange(true, ordering: .acquiring) {
            return tail
        }
        let start = tailPosition.value.load(ordering: .relaxed)
        var position = start
        for _ in 0...mask {
            Scheduling.atomicStep()
            let end = unsafe links[slot(of: position)].load(ordering: .acquiring)
            if end <= position { break }
            position = end
        }
        if position != start { tailPosition.value.store(position, ordering: .releasing) }
        isAdvancing.value.store(false, ordering: .releasing)
        return LogSequenceNumber(rawValue: position)
    }

    private func slot(of position: UInt64) -> Int {
        Int(truncatingIfNeeded: position / Self.granule) & mask
    }
}
