import RedoubtCore
import RedoubtLog
import RedoubtSystem
import Synchronization

/// The pages in memory: finds the frame of a page, reads the page in if it is not there, and makes room.
///
/// The pool knows how to find, read, evict and hand over pages, and decides no pace: who writes dirty pages, and when,
/// is decided above. See the README of this folder for the rules.
@safe
final class BufferPool: @unchecked Sendable {
    /// How the memory is divided.
    let plan: MemoryPlan
    /// The options that are looked at while pages are found.
    let options: PoolOptions
    /// The files of the tablespaces.
    let files: PageFileTable
    /// The redo log; the pool asks it for the current LSN only.
    let log: RedoLog
    /// Whether the engine is fenced.
    let health: EngineHealth
    /// Where foreground threads write down what they wait for.
    let waits: WaitLedger
    /// The parts.
    let instances: [PoolInstance]
    /// The counters.
    let statistics = PoolStatistics()
    /// The frames promised to mini-transactions.
    let credit: FrameCredit
    /// The requests for reading ahead.
    let readAhead: ReadAheadRing
    /// Signalled when free frames run low: wakes the page cleaner.
    let cleanerNeeded = Event()
    /// Signalled when frames became free.
    let framesFreed = Event()
    /// Signalled when page writes ended.
    let writesEnded = Event()

    let table: PageTable
    let controls: UnsafeMutableRawPointer
    /// How many frames there are, and are to be.
    let size: PoolSize
    private let live: LiveOptions
    private let memory: AlignedBuffer
    private let controlMemory: AlignedBuffer
    private let slabMemory: AlignedBuffer
    // Milliseconds since the pool was made, as of the last time that anybody looked; starts at 1.
    private let clock = CacheIsolated(Atomic<UInt32>(1))
    private let clockStart: EngineInstant
    // Makes room on the calling thread while there are no background threads.
    private let roomMaker = Mutex<(@Sendable (Scarcity) -> Void)?>(nil)

    private let lruFlushers = Atomic<Bool>(false)

    /// How long a thread waits for a free frame or for credit before `.poolExhausted`.
    let waitMilliseconds: Int

    /// Whether inner pages are read without a latch, validated by version; not under the thread sanitizer.
    #if REDOUBT_TSAN
    static let readsOptimistically = false
    #else
    static let readsOptimistically = true
    #endif

    /// Creates an empty pool.
    ///
    /// - Throws: `.invalidConfiguration` if the memory is too small; `.systemLimit` if there is not so much.
    init(
        options live: LiveOptions,
        files: PageFileTable,
        log: RedoLog,
        health: EngineHealth,
        waitMilliseconds: Int = 60_000
    ) throws(RedoubtError) {
        let configuration = live.current
        let plan = try MemoryPlan(configuration)
        self.plan = plan
        self.live = live
        options = PoolOptions(configuration.bufferPool)
        self.files = files
        self.log = log
        self.health = health
        self.waitMilliseconds = waitMilliseconds
        waits = log.waits
        // All pages of all threads may hash to one instance, which then must not run out of frames that come back.
        credit = FrameCredit(frameCount: plan.framesPerInstance, waits: log.waits)
        readAhead = ReadAheadRing()
        clockStart = Scheduling.now()
        size = PoolSize(frameCount: plan.frameCount, waits: log.waits)
        let canGrow = plan.frameCount < plan.frameCountMaximum
        let most = plan.frameCountMaximum
        // A read of 8 bytes may begin at the last byte of the last page.
        let huge = configuration.bufferPool.hugePages
        memory = try Self.map(most * pageByteCount + 4096, canGrow, huge)
        controlMemory = try AlignedBuffer(byteCount: most * Frame.controlByteCount, reservation: canGrow)
        let slabShare = plan.searchIndexByteCountMaximum
        let slabByteCount = slabShare * plan.instanceCount
        slabMemory = try Self.map(slabByteCount, canGrow, huge)
        if huge { memory.wantHugePages(true, in: 0..<plan.frameCount * pageByteCount) }
        let controls = unsafe controlMemory.bytes.baseAddress.unsafelyUnwrapped
        let slabs = unsafe slabMemory.bytes.baseAddress.unsafelyUnwrapped
        unsafe self.controls = unsafe controls
        for index in 0..<plan.frameCount {
            unsafe Self.layOut(UInt32(index), controls, memory)
        }
        table = unsafe PageTable(bucketCount: plan.bucketCount, controls: controls, waits: log.waits)
        var instances: [PoolInstance] = []
        for number in 0..<plan.instanceCount {
            let slab = unsafe SearchIndexSlabs(
                base: slabs + number * slabShare,
                byteCount: slabShare,
                limit: MemoryPlan.searchIndexByteCount(frameCount: plan.framesPerInstance),
                waits: log.waits
            )
            unsafe instances.append(
                PoolInstance(
                    number: number,
                    instanceCount: plan.instanceCount,
                    frameCount: plan.framesPerInstance,
                    controls: controls,
                    options: configuration.bufferPool,
                    redoCapacity: configuration.redoLog.capacity.rawValue,
                    slabs: slab,
                    waits: log.waits
                )
            )
        }
        self.instances = instances
    }

    /// Maps memory of which nothing is read that was not written.
    private static func map(
        _ byteCount: Int,
        _ isReservation: Bool,
        _ hugePages: Bool
    ) throws(RedoubtError) -> AlignedBuffer {
        try AlignedBuffer(byteCount: byteCount, reservation: isReservation, hugePages: hugePages, needsZeros: false)
    }

    deinit {
        table.deallocate()
        statistics.deallocate()
    }

    /// The frame with number `index`.
    @inline(__always)
    func frame(_ index: UInt32) -> Frame { unsafe Frame(control: controls + Int(index) &* Frame.controlByteCount) }

    /// The instance that keeps `page`.
    func instance(of page: PageID) -> PoolInstance {
        guard instances.count > 1 else { return instances[0] }
        let mixed = (UInt64(page.space.rawValue) << 26 | UInt64(page.number.rawValue >> 6)) &* 0x9E37_79B9_7F4A_7C15
        return instances[Int((mixed >> 32) % UInt64(instances.count))]
    }

    /// The instance that `frame` belongs to.
    func instance(of frame: Frame) -> PoolInstance { instances[Int(frame.index) % plan.instanceCount] }

    /// The frames whose control blocks are laid out; a hint beyond is none.
    @inline(__always)
    var frameBound: UInt32 { size.bound.load(ordering: .acquiring) }

    private static func layOut(
        _ index: UInt32,
        _ controls: UnsafeMutableRawPointer,
        _ memory: borrowing AlignedBuffer
    ) {
        let base = unsafe memory.bytes.baseAddress.unsafelyUnwrapped
        unsafe Frame.initialize(
            controls + Int(index) * Frame.controlByteCount,
            index: index,
            bytes: base + Int(index) * pageByteCount
        )
    }

    /// Lays out the control block of the frame with number `index`, which nobody knows yet.
    func layOut(_ index: UInt32) { unsafe Self.layOut(index, controls, memory) }

    /// Tells the kernel to use huge pages for the pages in `frames`, if the options want any, or not to.
    func wantHugePages(_ isWanted: Bool, in frames: Range<UInt32>) {
        if frames.isEmpty || !configuration.bufferPool.hugePages { return }
        memory.wantHugePages(
            isWanted,
            in: Int(frames.lowerBound) * pageByteCount..<Int(frames.upperBound) * pageByteCount
        )
    }

    /// Tells the kernel to use huge pages for search indexes, if the options want any, or not to: only while all of
    /// their memory may be used, because it is given back in pieces anywhere.
    func wantHugePagesForSearchIndexes(_ isWanted: Bool) {
        guard configuration.bufferPool.hugePages else { return }
        slabMemory.wantHugePages(isWanted, in: 0..<plan.searchIndexByteCountMaximum * plan.instanceCount)
    }

    /// Gives the memory of the pages in `frames` back to the system.
    func giveBackMemory(_ frames: Range<UInt32>) {
        if frames.isEmpty { return }
        memory.giveBack(Int(frames.lowerBound) * pageByteCount..<Int(frames.upperBound) * pageByteCount)
    }

    /// Gives the memory of search indexes in `range`, in bytes from the first one on, back to the system.
    func giveBackSlabs(_ range: Range<Int>) { slabMemory.giveBack(range) }

    /// All options as they are now; a copy, so not for each page.
    var configuration: Configuration { live.current }

    /// The dirty pages of all instances.
    var dirtyCount: Int { instances.reduce(0) { $0 + $1.dirtyCount } }
    /// The free frames of all instances.
    var freeCount: Int { instances.reduce(0) { $0 + $1.freeCount } }

    // MARK: The clock

    /// The clock as of the last time that anybody looked.
    @inline(__always)
    var coarseMilliseconds: UInt32 { clock.value.load(ordering: .relaxed) }

    /// Looks at the clock.
    @discardableResult
    func updateClock() -> UInt32 {
        let elapsed = Scheduling.now().nanoseconds(since: clockStart) / 1_000_000
        let milliseconds = UInt32(truncatingIfNeeded: elapsed) &+ 1
        clock.value.store(milliseconds, ordering: .relaxed)
        return milliseconds
    }

    // MARK: Credit and free frames

    /// Takes credit for `count` frames; the caller holds no latch.
    ///
    /// Waits. Throws `.poolExhausted`.
    func acquirePins(_ count: Int) throws(RedoubtError) {
        try credit.acquire(count, waitMilliseconds: waitMilliseconds)
    }

    /// Gives credit back.
    func releasePins(_ count: Int) { credit.release(count) }

    /// Sets what makes room on the calling thread while there are no background threads, nil when there are.
    func setRoomMaker(_ body: (@Sendable (Scarcity) -> Void)?) {
        roomMaker.withLock { $0 = body }
    }

    /// Whether each instance has a thread that makes room in it; else the page cleaner does.
    var lruFlushersServe: Bool { lruFlushers.load(ordering: .acquiring) }

    /// Says who makes room.
    func setLRUFlushersServe(_ value: Bool) { lruFlushers.store(value, ordering: .releasing) }

    /// What the background threads make room in.
    enum Scarcity: Sendable {
        /// Free frames; the caller may hold latches.
        case frames
        /// Redo capacity; the caller holds no latch.
        case redo
        /// Space on the disk, for writes that found none; the caller holds no latch.
        case space
    }

    /// Makes room on the calling thread while there are no background threads; returns false if there are.
    func makeRoomInline(_ what: Scarcity) -> Bool {
        guard let body = roomMaker.withLock({ $0 }) else { return false }
        body(what)
        return true
    }

    /// Fences the engine and wakes those who wait for pages.
    func fence(_ cause: RedoubtError) {
        health.fence(cause)
        log.wakeAll()
        framesFreed.signal()
        writesEnded.signal()
        cleanerNeeded.signal()
    }
}
