import RedoubtCore
import RedoubtSystem
import Synchronization

// The writes to data files: how many are under way, and what their ends are followed by. The caller holds the lock.
extension PageWriter {
    /// Begins as many writes as the window admits.
    func beginWrites() {
        var room = min(max(1, window), queueDepth) - queue.inFlightCount
        guard !isBroken, noSpace == nil, room > 0 else { return }
        let now = Scheduling.now()
        while room > 0, let tag = refused.popLast() {
            let (batch, index) = flight(tag)
            begin(index, of: batch, at: now)
            room -= 1
        }
        for batch in active {
            while room > 0 && batch.begunCount < batch.flights.count {
                let index = batch.begunCount
                batch.begunCount += 1
                if batch.flights[index].stage == .ended { continue }
                begin(index, of: batch, at: now)
                room -= 1
            }
        }
        if requests.isEmpty { return }
        queue.submit(requests)
        requests.removeAll(keepingCapacity: true)
    }

    private func begin(_ index: Int, of batch: PageBatch, at now: EngineInstant) {
        batch.flights[index].began = now
        batch.flights[index].stage = .underWay
        if Scheduling.breaks(.marksBeforeWrite) { batch.flights[index].file.markWritten() }
        requests.append(batch.request(index))
    }

    /// The page that the write `tag` is of: its batch, and its place there.
    func flight(_ tag: UInt64) -> (batch: PageBatch, index: Int) {
        (batches[Int(tag >> 32)], Int(tag & UInt64(UInt32.max)))
    }

    /// Takes note of the writes that have ended, at least `minimum` of those under way, and begins others; returns how
    /// many ended.
    func reap(minimum: Int) throws(RedoubtError) -> Int {
        if isBroken { throw kernel.health.fencedError() }
        if let noSpace { throw noSpace }
        beginWrites()
        var failure: RedoubtError?
        let count = collect(minimum: minimum, &failure)
        if let failure { throw breakDown(failure) }
        if let noSpace { throw suspend(noSpace) }
        beginWrites()
        return count
    }

    /// Takes note of the writes that have ended, at least `minimum`: of those that found no space in `noSpace`, of
    /// other failures in `failure`.
    func collect(minimum: Int, _ failure: inout RedoubtError?) -> Int {
        guard queue.inFlightCount > 0 else { return 0 }
        let completions = queue.complete(minimum: minimum)
        guard !completions.isEmpty else { return 0 }
        let now = Scheduling.now()
        var endedCount = 0
        for completion in completions {
            let (batch, index) = flight(completion.tag)
            if let error = fault(completion, batch, index) {
                if error.code == .diskFull {
                    refuse(index, of: batch, error)
                } else {
                    failure = failure ?? error
                }
                continue
            }
            latency.note(now.nanoseconds(since: batch.flights[index].began), at: now)
            end(index, of: batch)
            endedCount += 1
        }
        inFlight.wrappingSubtract(endedCount, ordering: .relaxed)
        pool.statistics.add(.pagesWritten, UInt64(endedCount))
        pool.writesEnded.signal()
        pool.framesFreed.signal()
        return completions.count
    }

    /// Returns what went wrong with a write; an atomic one that was refused is made by other means here.
    private func fault(_ completion: StorageCompletion, _ batch: PageBatch, _ index: Int) -> RedoubtError? {
        if Scheduling.breaks(.believesShortWrite) { return nil }
        let flight = batch.flights[index]
        guard let error = completion.error else {
            if completion.byteCount == pageByteCount {
                if flight.isAtomic { pool.statistics.add(.atomicWrites) }
                return releaseCopy(batch.tag(index), flight.file)
            }
            return RedoubtError(
                .systemCallFailed,
                "page \(flight.page): \(completion.byteCount) bytes of it were written",
                page: flight.page
            )
        }
        guard flight.isAtomic, error.isRefusedAtomicWrite, !isBroken else { return error }
        do throws(RedoubtError) {
            try rewrite(index, of: batch)
            return nil
        } catch {
            return error
        }
    }

    /// Writes a page whose atomic write was refused, behind a copy in the room of the doublewrite file that is kept for
    /// this, and durably, so that the room is free again.
    ///
    /// Later writes to the file are ordinary ones. Waits.
    ///
    /// Where the page finds no space it may be torn: then the room is kept for its copy, and others wait for it.
    private func rewrite(_ index: Int, of batch: PageBatch) throws(RedoubtError) {
        let flight = batch.flights[index]
        let tag = batch.tag(index)
        flight.file.stopAtomicWrites()
        let image = unsafe PageBytes(batch.image(at: flight.place))
        if let copied, copied != tag {
            throw noSpace ?? RedoubtError(.diskFull, "another page waits for space", path: flight.file.file.path)
        }
        if let doublewrite, copied == nil {
            let checksum = unsafe Checksum.crc32c(image.all)
            let entry = DoublewriteBatch.Entry(page: flight.page, lsn: flight.lsn, checksum: checksum)
            // The header of the batch is in the file already.
            let header = unsafe PageBytes(batch.image(at: 0))
            DoublewriteBatch(database: kernel.database, sequence: 0, entries: [entry]).encode(into: header)
            try unsafe doublewrite.write(header.all, at: ring.pageCount)
            try unsafe doublewrite.write(image.all, at: ring.pageCount + 1)
            try doublewrite.sync()
            copied = tag
            pool.statistics.add(.doublewriteBatches)
            pool.statistics.add(.doublewritePages)
        }
        try unsafe flight.file.file.write(image.all, at: flight.page.number.fileOffset)
        flight.file.markWritten()
        try flight.file.syncIfNeeded()
        copied = nil
    }

    /// Gives the room behind the ring back if it is kept for the write `tag`, which the device has taken after all:
    /// once refused and torn for want of space, it was asked for as before.
    ///
    /// Waits: what the disk holds may be torn until a sync covers the whole page. Returns what went wrong.
    private func releaseCopy(_ tag: UInt64, _ file: PageFile) -> RedoubtError? {
        guard copied == tag, !isBroken else { return nil }
        do throws(RedoubtError) {
            file.markWritten()
            try file.syncIfNeeded()
        } catch {
            return error
        }
        copied = nil
        return nil
    }

    /// Marks the file, lets the page be written again, and frees the batch with its last page.
    func end(_ index: Int, of batch: PageBatch) {
        let flight = batch.flights[index]
        batch.flights[index].stage = .ended
        let ticket = Scheduling.breaks(.marksBeforeWrite) ? flight.file.writtenTicket : flight.file.markWritten()
        if let segment = batch.segment, !kernel.breaks(.forgetsUnsyncedSegments) {
            ring.note(segment, written: flight.file, ticket: ticket)
        }
        flight.frame.noteWritten(ticket)
        unsafe flight.frame.state.pointee.ioState.store(FrameIOState.none, ordering: .releasing)
        if batch.evicts { _ = pool.evict(flight.frame) }
        batch.endedCount += 1
        guard batch.endedCount == batch.flights.count else { return }
        if let segment = batch.segment { ring.complete(segment) }
        batch.clear()
        active.removeAll { $0 === batch }
        if unprotected === batch { unprotected = nil }
        free.append(batch)
    }

    /// Fences the engine; the pages that were not written stay in flight for ever: not evicted, and the checkpoint
    /// stays below them.
    ///
    /// Waits for the writes under way, because they use the memory of the batches.
    func breakDown(_ error: RedoubtError) -> RedoubtError {
        isBroken = true
        var others: RedoubtError?
        while queue.inFlightCount > 0 { _ = collect(minimum: 1, &others) }
        stopCounting()
        if error.code == .fenced { return error }
        pool.fence(error)
        return kernel.health.fencedError()
    }
}
