import RedoubtCore
import RedoubtSystem
import Synchronization

/// Finds the frame of a page: buckets of frame numbers, chained through the frames.
///
/// ``find(_:)`` takes no lock. A frame that leaves its chain while a search stands on it may lead the search astray, so
/// a hit says only that the frame held the page at some moment (latch it and look again), and a miss must be confirmed
/// by ``insert(_:)``, which searches again under the lock of the bucket's shard.
@safe
struct PageTable: @unchecked Sendable {
    private let buckets: UnsafeMutablePointer<Atomic<UInt32>>
    private let mask: UInt64
    private let controls: UnsafeMutableRawPointer
    private let locks: UnsafeMutableRawPointer
    // Kept by the pool; counted here, each search would count.
    private let waits: Unmanaged<WaitLedger>?
    /// A search gives up after so many frames; only one that was led astray gets there.
    private static var chainLimit: Int { 1024 }
    private static var shardCount: Int { 64 }
    private static var lockStride: Int { 64 }

    /// Creates a table of `bucketCount` buckets (a power of two) for the frames whose control blocks start at
    /// `controls`.
    ///
    /// Foreground threads wait for its locks as `.engineLock` in `waits`, which outlives the table.
    init(bucketCount: Int, controls: UnsafeMutableRawPointer, waits: WaitLedger? = nil) {
        unsafe self.waits = waits.map { unsafe Unmanaged.passUnretained($0) }
        unsafe buckets = .allocate(capacity: bucketCount)
        for index in 0..<bucketCount {
            unsafe (buckets + index).initialize(to: Atomic(FrameState.noFrame))
        }
        mask = UInt64(bucketCount - 1)
        unsafe self.controls = unsafe controls
        unsafe locks = .allocate(byteCount: Self.shardCount * Self.lockStride, alignment: Self.lockStride)
        for index in 0..<Self.shardCount {
            unsafe (locks + index * Self.lockStride).bindMemory(to: Lock.self, capacity: 1).initialize(to: Lock())
        }
    }

    /// Frees the table.
    func deallocate() {
        unsafe buckets.deallocate()
        unsafe locks.deallocate()
    }

    /// The bucket of a page.
    ///
    /// Consecutive pages get distant buckets.
    @inline(__always)
    private func bucketNumber(_ packed: UInt64) -> Int {
        let mixed = (packed ^ (packed >> 32)) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: (mixed >> 20) & mask)
    }

    @inline(__always)
    private func frame(_ index: UInt32) -> Frame {
        unsafe Frame(control: controls + Int(index) &* Frame.controlByteCount)
    }

    private func take(_ lock: UnsafeMutablePointer<Lock>) {
        if unsafe lock.tryLock() { return }
        guard let waits = unsafe waits else { return unsafe lock.lock() }
        unsafe lock.waitForLock(.engineLock, in: waits.takeUnretainedValue())
    }

    private func lock(ofBucket bucket: Int) -> UnsafeMutablePointer<Lock> {
        unsafe (locks + (bucket & (Self.shardCount - 1)) * Self.lockStride).assumingMemoryBound(to: Lock.self)
    }

    /// Returns a frame that held `page` a moment ago, or nil if none was found.
    @inline(__always)
    func find(_ page: PageID) -> Frame? {
        let packed = page.packed
        var index = unsafe buckets[bucketNumber(packed)].load(ordering: .acquiring)
        var steps = 0
        while index != FrameState.noFrame && steps < Self.chainLimit {
            let candidate = frame(index)
            if candidate.packedPageID == packed { return candidate }
            index = unsafe candidate.state.pointee.tableNext.load(ordering: .acquiring)
            steps &+= 1
        }
        return nil
    }

    /// Makes `page` the page of the exclusively latched free frame `new`, unless a frame holds it already: that frame
    /// is returned then, and `new` stays free.
    func insert(_ page: PageID, into new: Frame) -> Frame? {
        let packed = page.packed
        let bucket = bucketNumber(packed)
        let lock = unsafe lock(ofBucket: bucket)
        unsafe take(lock)
        defer { unsafe lock.unlock() }
        let first = unsafe buckets[bucket].load(ordering: .acquiring)
        var index = first
        while index != FrameState.noFrame {
            let candidate = frame(index)
            if candidate.packedPageID == packed { return candidate }
            index = unsafe candidate.state.pointee.tableNext.load(ordering: .relaxed)
        }
        unsafe new.state.pointee.tableNext.store(first, ordering: .relaxed)
        unsafe new.state.pointee.pageID.store(packed, ordering: .releasing)
        unsafe buckets[bucket].store(new.index, ordering: .releasing)
        return nil
    }

    /// Takes the exclusively latched `frame` out; it holds no page afterwards.
    func remove(_ frame: Frame) {
        let packed = frame.packedPageID
        precondition(packed != 0, "frame \(frame.index) holds no page")
        let bucket = bucketNumber(packed)
        let lock = unsafe lock(ofBucket: bucket)
        unsafe take(lock)
        defer { unsafe lock.unlock() }
        let next = unsafe frame.state.pointee.tableNext.load(ordering: .relaxed)
        var index = unsafe buckets[bucket].load(ordering: .relaxed)
        if index == frame.index {
            unsafe buckets[bucket].store(next, ordering: .releasing)
        } else {
            while true {
                precondition(index != FrameState.noFrame, "frame \(frame.index) is not in the chain of its page")
                let candidate = self.frame(index)
                index = unsafe candidate.state.pointee.tableNext.load(ordering: .relaxed)
                if index == frame.index {
                    unsafe candidate.state.pointee.tableNext.store(next, ordering: .releasing)
                    break
                }
            }
        }
        unsafe frame.state.pointee.pageID.store(0, ordering: .releasing)
    }
}
