import RedoubtCore
import RedoubtLog
import RedoubtSystem
import Synchronization

/// Writes dirty pages, a batch at a time, and never holds a latch through an I/O.
///
///     shared latch -> copy -> in-flight minimum -> off the flush list -> unlatch -> seal the copy
///     redo durable -> doublewrite, sync -> data files -> file marked, page free to be written again
///     all pages of the batch -> in-flight minimum cleared
///
/// While the pages of one batch are on their way to the data files, the next one is copied, sealed and written to the
/// doublewrite file. A page changed while its copy is being written enters the flush list again with the start of that
/// change.
///
/// Any thread may call, one works at a time. Whoever begins writes sees to their end, by ``poll(minimum:)`` or
/// ``drain()``: nobody else does, and a drop of a keyspace waits for the writes of its pages.
@safe
final class PageWriter: @unchecked Sendable {
    /// What became of the candidates.
    struct Outcome: Sendable {
        /// Pages written, or on their way.
        var written = 0
        /// Pages whose latch was taken, or that were being written already.
        var skipped = 0
        /// Dirty pages of dropped spaces.
        var dropped = 0
    }

    let kernel: Kernel
    let pool: BufferPool
    /// The pages of a doublewrite file behind the ring: a header and one image.
    private static let singlePageCount = 2
    /// What the longest alignment of direct I/O divides.
    private static let blockByteCount = 4096
    /// The most pages of a batch.
    let batchPages: Int
    /// How long the writes of pages to data files take.
    let latency = WriteLatency()
    let queue: any StorageQueue
    let queueDepth: Int
    let doublewrite: DoublewriteFile?
    let batches: [PageBatch]
    private let windowLimit: Atomic<Int>
    let inFlight = Atomic<Int>(0)
    // Held through I/O, so never taken by a thread that holds a latch others need... except to make room, which only
    // tries latches. It protects everything below, which is for the files of this class only.
    let lock = EngineLock()
    var ring: DoublewriteRing
    // The batches without pages, and those whose writes may begin, in the order of their segments.
    var free: [PageBatch]
    var active: [PageBatch] = []
    var requests: [StorageRequest] = []
    // The images of all batches, and behind them the room where a segment of sectors is put together.
    private let memory: AlignedBuffer
    private let staging: UnsafeMutableRawBufferPointer
    // Something failed: what is under way ends, nothing begins.
    var isBroken = false
    // The error of a write that found no space: nothing begins until `resume`, and nothing is under way between calls.
    var noSpace: RedoubtError?
    // The writes that found none, by tag; and the batch whose copies found none.
    var refused: [UInt64] = []
    var unprotected: PageBatch?
    // The write whose copy lies in the room behind the ring, because it may have torn the page.
    var copied: UInt64?
    // Whether ``DiskSpace`` counts this writer.
    var isCounted = false
    // What calls came to that found no space.
    private var unreported = Outcome()

    /// Removes, durably, the doublewrite files of writers that this opening of `kernel` does not have.
    ///
    /// Repair must be done before.
    static func removeLeftovers(_ kernel: Kernel) throws(RedoubtError) {
        let isOff = kernel.configuration.flushing.doublewrite == .off
        try DoublewriteFile.removeAll(
            storage: kernel.storage,
            directory: kernel.directory,
            from: isOff ? 0 : kernel.pool.plan.writerCount
        )
    }

    /// Creates the writer with `number`, and its doublewrite file if that is missing.
    init(_ kernel: Kernel, number: Int) throws(RedoubtError) {
        self.kernel = kernel
        pool = kernel.pool
        let plan = kernel.pool.plan
        batchPages = plan.writeBatchPages
        memory = try AlignedBuffer(
            byteCount: plan.writeBufferByteCount / plan.writerCount,
            hugePages: kernel.configuration.bufferPool.hugePages,
            needsZeros: false
        )
        var batches: [PageBatch] = []
        let batchByteCount = (plan.writeBatchPages + 1) * pageByteCount
        for index in 0..<MemoryPlan.writeBatchCount {
            let part = unsafe memory.bytes[(index * batchByteCount)..<((index + 1) * batchByteCount)]
            batches.append(
                unsafe PageBatch(
                    index: index,
                    capacity: plan.writeBatchPages,
                    memory: UnsafeMutableRawBufferPointer(rebasing: part)
                )
            )
        }
        self.batches = batches
        let rest = unsafe memory.bytes[(MemoryPlan.writeBatchCount * batchByteCount)...]
        unsafe staging = UnsafeMutableRawBufferPointer(rebasing: rest)
        free = batches
        queueDepth = min(kernel.configuration.storage.queueDepth, batches.count * plan.writeBatchPages)
        queue = try kernel.storage.makeQueue(depth: queueDepth)
        windowLimit = Atomic(queueDepth)
        requests.reserveCapacity(queueDepth)
        ring = DoublewriteRing(pageCount: plan.doublewritePageCount)
        guard kernel.configuration.flushing.doublewrite != .off else {
            doublewrite = nil
            return
        }
        doublewrite = try DoublewriteFile(
            storage: kernel.storage,
            directory: kernel.directory,
            number: number,
            pageCount: plan.doublewritePageCount + Self.singlePageCount
        )
    }

    // MARK: What others see

    /// Nothing older than this is being written; nil when nothing is.
    ///
    /// To be read after the flush lists.
    var inFlightMinimum: UInt64? {
        var least = UInt64.max
        for batch in batches { least = min(least, batch.minimum.load(ordering: .acquiring)) }
        return least == .max ? nil : least
    }

    /// The pages taken whose writes have not ended.
    var inFlightCount: Int { inFlight.load(ordering: .relaxed) }

    /// The most writes to data files at once; at least 1 and at most the depth of the queue count.
    var window: Int {
        get { windowLimit.load(ordering: .relaxed) }
        set { windowLimit.store(newValue, ordering: .relaxed) }
    }

    /// Waits for the call under way.
    func waitForBatch() {
        lock.lock()
        lock.unlock()
    }

    // MARK: Writing

    /// Writes those of the frames in `candidates` that are dirty and can be latched at once, in batches; with `evicts`,
    /// takes them out of memory afterwards if nobody uses them.
    ///
    /// Waits for the redo log and for I/O, also for writes begun before.
    ///
    /// - Throws: as ``begin(_:evicts:)``.
    func write(_ candidates: [UInt32], evicts: Bool = false) throws(RedoubtError) -> Outcome {
        lock.lock()
        defer { lock.unlock() }
        return try counting { (outcome) throws(RedoubtError) in
            try beginLocked(candidates, evicts: evicts, &outcome)
            try drainLocked()
        }
    }

    /// Begins to write as ``write(_:evicts:)`` does, and returns with writes under way.
    ///
    /// Waits for the redo log, for the doublewrite file, and for batches before that are in the way.
    ///
    /// - Throws: `.fenced`, also for the write that fails: the engine is fenced then. `.diskFull` for a write that
    ///   found no space: it stays under way, and the next call tries it again before anything else.
    func begin(_ candidates: [UInt32], evicts: Bool = false) throws(RedoubtError) -> Outcome {
        lock.lock()
        defer { lock.unlock() }
        return try counting { (outcome) throws(RedoubtError) in
            try beginLocked(candidates, evicts: evicts, &outcome)
        }
    }

    /// Takes note of the writes that have ended, begins those that the window held back, and returns how many pages
    /// are still under way.
    ///
    /// Waits for the end of `minimum` writes; with 0, for nothing but another thread's use of the writer.
    ///
    /// - Throws: as ``begin(_:evicts:)``.
    @discardableResult
    func poll(minimum: Int = 0) throws(RedoubtError) -> Int {
        lock.lock()
        defer { lock.unlock() }
        try resume()
        var left = minimum
        repeat {
            guard !active.isEmpty else { break }
            left -= try reap(minimum: min(1, left))
        } while left > 0
        return inFlightCount
    }

    /// Waits for the end of all writes.
    ///
    /// - Throws: as ``begin(_:evicts:)``.
    func drain() throws(RedoubtError) {
        lock.lock()
        defer { lock.unlock() }
        try drainLocked()
    }

    /// Ends the writes under way and closes the doublewrite file.
    ///
    /// Waits. What fails fences the engine; what finds no space is left to the next recovery.
    func close() {
        lock.lock()
        defer { lock.unlock() }
        _ = try? drainLocked()
        doublewrite?.close()
    }

    private func drainLocked() throws(RedoubtError) {
        try resume()
        try drainActive()
    }

    /// Waits for the end of the writes that may begin.
    func drainActive() throws(RedoubtError) {
        while true {
            if isBroken { throw kernel.health.fencedError() }
            if active.isEmpty { return }
            _ = try reap(minimum: 1)
        }
    }

    /// Returns what `body` came to; what it came to before it found no space is part of the next call's.
    private func counting(_ body: (inout Outcome) throws(RedoubtError) -> Void) throws(RedoubtError) -> Outcome {
        var outcome = unreported
        unreported = Outcome()
        do throws(RedoubtError) {
            try body(&outcome)
        } catch {
            unreported = outcome
            throw error
        }
        return outcome
    }

    private func beginLocked(
        _ candidates: [UInt32],
        evicts: Bool,
        _ outcome: inout Outcome
    ) throws(RedoubtError) {
        try resume()
        var position = 0
        while position < candidates.count {
            try kernel.health.check()
            _ = try reap(minimum: 0)
            while free.isEmpty { _ = try reap(minimum: 1) }
            let batch = free.removeLast()
            batch.evicts = evicts
            while position < candidates.count && !batch.isFull {
                take(pool.frame(candidates[position]), into: batch, &outcome)
                position += 1
            }
            guard !batch.flights.isEmpty else {
                free.append(batch)
                continue
            }
            inFlight.wrappingAdd(batch.flights.count, ordering: .relaxed)
            outcome.written += batch.flights.count
            try launch(batch)
        }
    }

    /// Makes copies of the pages of `batch` durable, and begins to write the pages.
    func launch(_ batch: PageBatch) throws(RedoubtError) {
        do throws(RedoubtError) {
            try protect(batch)
        } catch {
            guard error.code == .diskFull, !isBroken else { throw breakDown(error) }
            unprotected = batch
            throw suspend(error)
        }
        active.append(batch)
        beginWrites()
    }

    /// Seals the copies, and makes the redo of their changes, and then the doublewrite segment, durable.
    ///
    /// May be done again if it throws `.diskFull`: no page has gone to its file.
    private func protect(_ batch: PageBatch) throws(RedoubtError) {
        let newest = batch.seal()
        if !kernel.breaks(.writesBeforeRedo) { try awaitRedo(newest) }
        guard let doublewrite, !batch.entries.isEmpty else { return }
        // Asked once: the option may change meanwhile.
        var header = DoublewriteBatch(
            database: kernel.database,
            sequence: 0,
            content: content,
            entries: batch.entries
        )
        // The room of a try before may be too small for another mode; nothing has to be durable for it.
        if let before = batch.segment, batch.segmentPageCount != header.pageCount {
            ring.complete(before)
            batch.segment = nil
        }
        if let before = batch.segment {
            header.sequence = before
        } else {
            header.sequence = try reserve(header.pageCount)
        }
        batch.segment = header.sequence
        batch.segmentPageCount = header.pageCount
        unsafe header.encode(into: PageBytes(batch.image(at: 0)))
        let start = ring.start(of: header.sequence)
        if header.content == .sectors {
            let written = try writeSectors(batch, to: doublewrite, at: start)
            pool.statistics.add(.doublewriteSavedBytes, UInt64((header.entries.count + 1) * pageByteCount - written))
        } else {
            try unsafe doublewrite.write(batch.segmentBytes(header.content), at: start)
        }
        if !Scheduling.breaks(.skipsCopySync) { try doublewrite.sync() }
        pool.statistics.add(.doublewriteBatches)
        pool.statistics.add(.doublewritePages, UInt64(batch.entries.count))
    }

    /// What the next segment holds; each says so, so the option may change from one to the next.
    private var content: DoublewriteBatch.Content {
        switch kernel.configuration.flushing.doublewrite {
        case .on, .off: .images
        case .detectOnly: .names
        case .changedSectors: .sectors
        }
    }

    /// Writes the header page of `batch` and the sectors behind it, a staging buffer at a time; returns the bytes
    /// written.
    private func writeSectors(_ batch: PageBatch, to file: DoublewriteFile, at start: Int) throws(RedoubtError) -> Int {
        let room = unsafe staging
        unsafe room.copyMemory(from: UnsafeRawBufferPointer(start: batch.image(at: 0), count: pageByteCount))
        var used = pageByteCount
        var page = start
        for (index, entry) in batch.entries.enumerated() {
            if used + entry.sectors.count * PageSectors.byteCount > room.count {
                // Whole pages, so that the rest goes on at a page; what was left over goes to the start.
                let whole = used / pageByteCount * pageByteCount
                try unsafe file.write(UnsafeRawBufferPointer(rebasing: room[..<whole]), at: page)
                unsafe room.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[whole..<used]))
                page += whole / pageByteCount
                used -= whole
            }
            let image = unsafe batch.image(at: index + 1)
            entry.sectors.forEachOffset { offset in
                let sector = unsafe UnsafeRawBufferPointer(start: image + offset, count: PageSectors.byteCount)
                unsafe UnsafeMutableRawBufferPointer(rebasing: room[used...]).copyMemory(from: sector)
                used += PageSectors.byteCount
            }
        }
        // Transfers are of whole blocks.
        let end = (used + Self.blockByteCount - 1) / Self.blockByteCount * Self.blockByteCount
        unsafe UnsafeMutableRawBufferPointer(rebasing: room[used..<end]).initializeMemory(as: UInt8.self, repeating: 0)
        try unsafe file.write(UnsafeRawBufferPointer(rebasing: room[..<end]), at: page)
        return (page - start) * pageByteCount + end
    }

    /// Waits until the redo up to `newest` is durable.
    private func awaitRedo(_ newest: LogSequenceNumber) throws(RedoubtError) {
        do throws(RedoubtError) {
            try kernel.log.waitUntilFlushed(newest)
        } catch {
            throw error.ofNoChange
        }
        // The rule that everything rests on: no page reaches a file before the redo of its changes.
        precondition(
            kernel.log.flushedLSN >= newest,
            "pages changed up to \(newest), redo durable up to \(kernel.log.flushedLSN)"
        )
    }

    /// Takes room in the doublewrite file; what stood there is no longer needed.
    private func reserve(_ pageCount: Int) throws(RedoubtError) -> UInt64 {
        while true {
            if let segment = ring.reserve(pageCount) { return segment }
            if ring.isOldestComplete {
                pool.statistics.add(.doublewriteDataSyncs, UInt64(try ring.syncOldest()))
            } else {
                _ = try reap(minimum: 1)
            }
        }
    }
}
