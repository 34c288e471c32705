import RedoubtCore
import RedoubtLog
import RedoubtSystem
import Synchronization

/// Writes dirty pages, a batch at a time, and never holds a latch through an I/O.
///
///     shared latch -> copy -> in-flight minimum -> off the flush list -> unlatch -> seal the copy
///     redo durable -> doublewrite, sync -> data files -> marks, sync -> in-flight minimum cleared
///
/// A page changed while its copy is being written enters the flush list again with the start of that change.
@safe
final class PageWriter: @unchecked Sendable {
    /// What became of a batch.
    struct Outcome: Sendable {
        /// Pages written.
        var written = 0
        /// Pages whose latch was taken, or that were being written already.
        var skipped = 0
        /// Dirty pages of dropped spaces.
        var dropped = 0
    }

    private let kernel: Kernel
    private let pool: BufferPool
    /// The most pages of a batch.
    let batchPages: Int
    private let buffer: AlignedBuffer
    private let queue: any StorageQueue
    private let doublewrite: DoublewriteFile?
    // One batch at a time. Held through I/O, so never taken by a thread that holds a latch others need... except to
    // make room, which only tries latches.
    private let lock = EngineLock()
    private let minimum = Atomic<UInt64>(.max)
    private let sequence = Atomic<UInt64>(0)

    /// How often a latch is tried before the page is left for the next batch.
    private static var latchTries: Int { 64 }

    /// Creates the writer with the doublewrite file `number`.
    init(_ kernel: Kernel, number: Int) throws(RedoubtError) {
        self.kernel = kernel
        pool = kernel.pool
        batchPages = kernel.pool.plan.writeBatchPages
        buffer = try AlignedBuffer(byteCount: (batchPages + 1) * pageByteCount)
        queue = try kernel.storage.makeQueue(depth: min(kernel.configuration.storage.queueDepth, max(1, batchPages)))
        guard kernel.configuration.flushing.doublewrite != .off else {
            doublewrite = nil
            try DoublewriteFile.removeAll(storage: kernel.storage, directory: kernel.directory)
            return
        }
        doublewrite = try DoublewriteFile(
            storage: kernel.storage,
            directory: kernel.directory,
            number: number,
            batchPages: batchPages
        )
    }

    /// Nothing older than this is being written; nil when nothing is.
    ///
    /// To be read after the flush lists.
    var inFlightMinimum: UInt64? {
        let value = minimum.load(ordering: .acquiring)
        return value == .max ? nil : value
    }

    /// Waits for the batch under way.
    func waitForBatch() {
        lock.lock()
        lock.unlock()
    }

    /// Closes the doublewrite file.
    func close() { doublewrite?.close() }

    /// Writes those of the frames in `candidates` that are dirty and can be latched at once, in batches; with `evicts`,
    /// takes them out of memory afterwards if nobody uses them.
    ///
    /// Waits for the redo log and for I/O.
    ///
    /// - Throws: `.fenced`, also for the write that fails: the engine is fenced then.
    func write(_ candidates: [UInt32], evicts: Bool = false) throws(RedoubtError) -> Outcome {
        var outcome = Outcome()
        lock.lock()
        defer { lock.unlock() }
        var position = 0
        while position < candidates.count {
            try kernel.health.check()
            var batch = Batch()
            while position < candidates.count && batch.frames.count < batchPages {
                take(pool.frame(candidates[position]), into: &batch, &outcome)
                position += 1
            }
            guard !batch.frames.isEmpty else { continue }
            do {
                try write(&batch)
            } catch {
                // The pages stay in flight for ever: not evicted, and the checkpoint stays below them.
                if error.code != .fenced { pool.fence(error) }
                throw error.code == .fenced ? error : kernel.health.fencedError()
            }
            finish(batch, evicts: evicts)
            outcome.written += batch.frames.count
        }
        return outcome
    }

    private struct Batch {
        var frames: [Frame] = []
        var files: [PageFile] = []
        var entries: [DoublewriteBatch.Entry] = []
        var newest: UInt64 = 0
    }

    private func image(_ index: Int) -> UnsafeMutableRawPointer {
        unsafe buffer.bytes.baseAddress.unsafelyUnwrapped + (index + 1) * pageByteCount
    }

    /// Copies the page in `frame` into the batch and takes it off the flush list.
    private func take(_ frame: Frame, into batch: inout Batch, _ outcome: inout Outcome) {
        guard frame.isDirty else { return }
        guard tryLatch(frame) else {
            outcome.skipped += 1
            return
        }
        defer { frame.unlockShared() }
        // Under the latch nobody can make the page dirty; another writer may have taken it.
        guard frame.isDirty, frame.packedPageID != 0 else { return }
        let exchange = unsafe frame.state.pointee.ioState.compareExchange(
            expected: FrameIOState.none,
            desired: FrameIOState.writing,
            ordering: .acquiringAndReleasing
        )
        guard exchange.exchanged else {
            outcome.skipped += 1
            return
        }
        let page = frame.pageID
        guard let file = kernel.files.file(page.space) else {
            pool.instance(of: frame).removeDirty(frame)
            unsafe frame.state.pointee.ioState.store(FrameIOState.none, ordering: .releasing)
            pool.statistics.add(.pagesDropped, shard: frame.index)
            outcome.dropped += 1
            return
        }
        let copy = unsafe image(batch.frames.count)
        unsafe copy.copyMemory(from: frame.memory, byteCount: pageByteCount)
        pool.instance(of: frame).removeDirty(frame) { oldest in
            // Not Atomic.min, which compares unsigned numbers as signed ones in Swift 6.3; only the lock holder stores.
            if oldest < minimum.load(ordering: .relaxed) { minimum.store(oldest, ordering: .sequentiallyConsistent) }
        }
        let newest = frame.newestModification
        batch.newest = max(batch.newest, newest.rawValue)
        batch.frames.append(frame)
        batch.files.append(file)
        batch.entries.append(DoublewriteBatch.Entry(page: page, lsn: newest, checksum: 0))
    }

    private func tryLatch(_ frame: Frame) -> Bool {
        for _ in 0..<Self.latchTries {
            if frame.tryLockShared() { return true }
            Scheduling.spinOnce()
        }
        return false
    }

    private func write(_ batch: inout Batch) throws(RedoubtError) {
        for index in batch.frames.indices {
            let bytes = unsafe PageBytes(image(index))
            let entry = batch.entries[index]
            precondition(
                bytes.lsn == entry.lsn && bytes.id == entry.page,
                "page \(entry.page) at \(entry.lsn) holds page \(bytes.id) at \(bytes.lsn)"
            )
            PageSeal.seal(bytes)
            batch.entries[index].checksum = unsafe Checksum.crc32c(bytes.all)
        }
        let newest = LogSequenceNumber(rawValue: batch.newest)
        try kernel.log.waitUntilFlushed(newest)
        // The rule that everything rests on: no page reaches a file before the redo of its changes.
        precondition(
            kernel.log.flushedLSN >= newest,
            "pages changed up to \(newest), redo durable up to \(kernel.log.flushedLSN)"
        )
        if let doublewrite {
            let header = unsafe PageBytes(buffer.bytes.baseAddress.unsafelyUnwrapped)
            let number = sequence.wrappingAdd(1, ordering: .relaxed).newValue
            DoublewriteBatch(database: kernel.database, sequence: number, entries: batch.entries).encode(into: header)
            let byteCount = (batch.frames.count + 1) * pageByteCount
            try unsafe doublewrite.write(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<byteCount]))
            pool.statistics.add(.doublewriteBatches)
        }
        try writeToFiles(batch)
        for file in batch.files { file.markWritten() }
        if doublewrite != nil {
            // The copies may be overwritten only when the pages are durable.
            for file in batch.files { try file.syncIfNeeded() }
        }
    }

    private func writeToFiles(_ batch: Batch) throws(RedoubtError) {
        var requests: [StorageRequest] = []
        requests.reserveCapacity(batch.frames.count)
        for index in batch.frames.indices {
            let bytes = unsafe UnsafeMutableRawBufferPointer(start: image(index), count: pageByteCount)
            unsafe requests.append(
                StorageRequest(
                    file: batch.files[index].file,
                    isWrite: true,
                    buffer: bytes,
                    offset: batch.entries[index].page.number.fileOffset,
                    tag: UInt64(index)
                )
            )
        }
        queue.submit(requests)
        var left = requests.count
        var failure: RedoubtError?
        while left > 0 {
            for completion in queue.complete(minimum: 1) {
                left -= 1
                let entry = batch.entries[Int(completion.tag)]
                if let error = completion.error {
                    failure = failure ?? error
                } else if completion.byteCount != pageByteCount {
                    failure =
                        failure
                        ?? RedoubtError(
                            .systemCallFailed,
                            "page \(entry.page): \(completion.byteCount) bytes of it were written",
                            page: entry.page
                        )
                }
            }
        }
        if let failure { throw failure }
    }

    private func finish(_ batch: Batch, evicts: Bool) {
        for frame in batch.frames {
            unsafe frame.state.pointee.ioState.store(FrameIOState.none, ordering: .releasing)
        }
        minimum.store(.max, ordering: .releasing)
        pool.statistics.add(.pagesWritten, UInt64(batch.frames.count))
        if evicts {
            for frame in batch.frames { _ = pool.evict(frame) }
        }
        pool.writesEnded.signal()
        pool.framesFreed.signal()
    }
}
