import RedoubtCore
import Synchronization

/// The totals of one thread, or of a few that share: for each reason 32 words, of which no other slot has a cache line.
@safe
struct WaitSlot {
    private let words: UnsafeMutablePointer<Atomic<UInt64>>

    private static let wordsPerReason = 4 + WaitTotals.bucketCount
    private static let wordCount = WaitReason.allCases.count * wordsPerReason

    /// Makes a slot of zeros.
    init() {
        unsafe words = IsolatedMemory.allocate(Atomic<UInt64>.self, count: Self.wordCount)
        for index in 0..<Self.wordCount { unsafe (words + index).initialize(to: Atomic(0)) }
    }

    /// The slot at `address`; nil for 0.
    init?(address: UInt) {
        guard let pointer = unsafe UnsafeMutablePointer<Atomic<UInt64>>(bitPattern: address) else { return nil }
        unsafe words = unsafe pointer
    }

    /// Where it is, for ``init(address:)``.
    var address: UInt { unsafe UInt(bitPattern: words) }

    /// Gives the memory back.
    func deallocate() {
        unsafe IsolatedMemory.free(words)
    }

    /// Counts a wait.
    func add(_ reason: WaitReason, nanoseconds: UInt64) {
        let base = unsafe words + reason.index * Self.wordsPerReason
        unsafe base[0].wrappingAdd(1, ordering: .relaxed)
        unsafe base[1].wrappingAdd(nanoseconds, ordering: .relaxed)
        var seen = unsafe base[2].load(ordering: .relaxed)
        while seen < nanoseconds {
            let exchange = unsafe base[2].compareExchange(expected: seen, desired: nanoseconds, ordering: .relaxed)
            if exchange.exchanged { break }
            seen = exchange.original
        }
        unsafe base[4 + WaitTotals.bucket(of: nanoseconds)].wrappingAdd(1, ordering: .relaxed)
    }

    /// Adds what was counted to `totals`.
    func read(_ reason: WaitReason, into totals: inout WaitTotals) {
        let base = unsafe words + reason.index * Self.wordsPerReason
        totals.count += unsafe base[0].load(ordering: .relaxed)
        totals.nanoseconds += unsafe base[1].load(ordering: .relaxed)
        totals.nanosecondsMaximum = unsafe max(totals.nanosecondsMaximum, base[2].load(ordering: .relaxed))
        for bucket in 0..<WaitTotals.bucketCount {
            totals.buckets[bucket] += unsafe base[4 + bucket].load(ordering: .relaxed)
        }
    }
}
