package import RedoubtCore
import RedoubtSystem
import Synchronization

extension RedoLog {
    /// Waits until everything below `lsn` is with the operating system: survives a kill of the process.
    ///
    /// - Throws: `.fenced`; `.notDurable` if the redo finds no space.
    package func waitUntilWritten(_ lsn: LogSequenceNumber) throws(RedoubtError) {
        if writtenLSN >= lsn { return try health.check() }
        precondition(lsn <= currentLSN, "a wait for \(lsn), but the log ends at \(currentLSN)")
        Self.raise(writeRequest.value, to: lsn.rawValue)
        try wait(for: lsn, position: written.value, events: writtenEvents, syncs: false)
    }

    /// Waits until everything below `lsn` is durable: survives a power cut.
    ///
    /// - Throws: `.fenced`; `.notDurable` if the redo finds no space.
    package func waitUntilFlushed(_ lsn: LogSequenceNumber) throws(RedoubtError) {
        if flushedLSN >= lsn { return try health.check() }
        precondition(lsn <= currentLSN, "a wait for \(lsn), but the log ends at \(currentLSN)")
        Self.raise(flushRequest.value, to: lsn.rawValue)
        try wait(for: lsn, position: flushed.value, events: flushedEvents, syncs: true)
    }

    /// Asks for everything below `lsn` to be made durable soon, by the log's thread.
    package func requestFlush(_ lsn: LogSequenceNumber) {
        if flushedLSN >= lsn { return }
        Self.raise(flushRequest.value, to: lsn.rawValue)
        threads.wake()
    }

    /// Whether everything below `lsn` is durable.
    package func isFlushed(_ lsn: LogSequenceNumber) -> Bool { flushedLSN >= lsn }

    /// Calls `continuation` once, with nil when everything below `lsn` is durable or with `.fenced` or `.notDurable`;
    /// perhaps at once, on any thread.
    ///
    /// It must be short and must not wait. Without threads, waits for the disk.
    package func whenFlushed(
        _ lsn: LogSequenceNumber,
        _ continuation: @escaping @Sendable (RedoubtError?) -> Void
    ) {
        if health.isFenced { return continuation(health.fencedError()) }
        if flushedLSN >= lsn { return continuation(nil) }
        continuations.add(lsn.rawValue, continuation)
        requestFlush(lsn)
        if !threads.areRunning { try? waitUntilFlushed(lsn) }
        runContinuations()
    }

    /// Wakes all who wait here, so that they see that the engine was fenced; for whoever fences it elsewhere.
    package func wakeAll() {
        writtenEvents.signalAll()
        flushedEvents.signalAll()
        roomEvent.signal()
        credit.advanced.signal()
        threads.wakeAll()
        runContinuations()
    }

    private func runContinuations() {
        continuations.run(
            flushed: flushed.value.load(ordering: .acquiring),
            error: health.isFenced ? health.fencedError() : nil
        )
    }

    private static func raise(_ request: borrowing Atomic<UInt64>, to value: UInt64) {
        var seen = request.load(ordering: .relaxed)
        while seen < value {
            let exchange = request.compareExchange(expected: seen, desired: value, ordering: .acquiringAndReleasing)
            if exchange.exchanged { return }
            seen = exchange.original
        }
    }

    // MARK: Waiting

    private func wait(
        for lsn: LogSequenceNumber,
        position: borrowing Atomic<UInt64>,
        events: EventArray,
        syncs: Bool
    ) throws(RedoubtError) {
        let attributed = waits.begin(syncs ? .logFlush : .logWrite)
        defer { waits.end(attributed) }
        let target = lsn.rawValue
        let mark = streamSpace.mark
        let slot = events.slot(of: lsn)
        while true {
            let ticket = events.ticket(slot)
            if position.load(ordering: .acquiring) >= target { return try health.check() }
            try health.check()
            try checkStream(since: mark)
            if !threads.areRunning {
                writerLock.lock()
                lead(to: target, syncs: syncs)
            } else if threads.letsCommittersWrite, !streamSpace.isFull, writerLock.tryLock() {
                lead(to: target, syncs: syncs)
            } else {
                threads.wake()
                threads.spin { position.load(ordering: .acquiring) >= target }
                events.wait(slot, ticket)
            }
        }
    }

    /// Does the work of the log's thread, with the writer lock held, and gives the lock back.
    private func lead(to target: UInt64, syncs: Bool) {
        write(atLeast: target)
        if syncs { sync() }
        writerLock.unlock()
        // With threads, they try again.
        if streamSpace.isFull && !threads.areRunning { Scheduling.sleep(microseconds: Self.spacePause) }
        if hasRequests { threads.wake() }
    }

    /// Whether somebody wants something written or flushed that is not.
    var hasRequests: Bool {
        flushRequest.value.load(ordering: .acquiring) > flushed.value.load(ordering: .acquiring)
            || writeRequest.value.load(ordering: .acquiring) > written.value.load(ordering: .acquiring)
    }

    /// Whether half the log buffer waits to be written.
    var isBufferHalfFull: Bool {
        sequence.value.load(ordering: .relaxed) + UInt64(buffer.capacity / 2) > roomEnd.value.load(ordering: .relaxed)
    }

    // MARK: Working

    /// Writes what is published, if nobody else is writing.
    ///
    /// Waits for the disk.
    func writeReady() {
        guard writerLock.tryLock() else { return }
        write(atLeast: 0)
        writerLock.unlock()
    }

    /// Writes what is published, and on until `target` is written or there is no space; the caller holds the writer
    /// lock.
    ///
    /// Waits for the disk.
    func write(atLeast target: UInt64) {
        var backoff = Backoff()
        while !health.isFenced {
            let before = written.value.load(ordering: .relaxed)
            let ready = recentWritten.advanceTail()
            if ready.rawValue > before, !writeAndPublish(from: before, upTo: ready) { return }
            if written.value.load(ordering: .relaxed) >= target { return }
            // A group before the target is being copied.
            backoff.pause()
        }
    }

    /// Returns false if that failed, or found no space.
    private func writeAndPublish(from before: UInt64, upTo ready: LogSequenceNumber) -> Bool {
        streamSeeker.begin()
        do throws(RedoubtError) {
            var synced = flushed.value.load(ordering: .relaxed)
            try writer.write(
                upTo: ready.sequenceNumber,
                from: buffer,
                durable: flushedLSN
            ) { (position) throws(RedoubtError) in
                roomEnd.value.store(position + UInt64(buffer.capacity), ordering: .releasing)
                roomEvent.signal()
                // A large buffer must not outrun what a scan looks at beyond the end. The flushed position stays: a
                // group may end further on.
                let reached = LogSequenceNumber(sequenceNumber: position).rawValue
                if reached - synced > UInt64(Self.unsyncedByteCountMaximum) {
                    syncLock.lock()
                    defer { syncLock.unlock() }
                    try files.syncWritten()
                    synced = reached
                }
            }
            written.value.store(ready.rawValue, ordering: .releasing)
            threads.notifyWritten(self, from: before, to: ready.rawValue)
            let unsynced = ready.rawValue - flushed.value.load(ordering: .relaxed)
            if unsynced > UInt64(Self.unsyncedByteCountMaximum) { sync() }
        } catch {
            if error.code == .diskFull { noteNoSpace(error) } else { fail(error) }
            return false
        }
        noteSpace()
        return true
    }

    /// Makes durable what is written.
    ///
    /// Waits for the disk.
    func sync() {
        syncLock.lock()
        defer { syncLock.unlock() }
        let before = flushed.value.load(ordering: .relaxed)
        let target = written.value.load(ordering: .acquiring)
        guard target > before, !health.isFenced else { return }
        if Scheduling.breaks(.acknowledgesBeforeSync) { publishFlushed(from: before, to: target) }
        do throws(RedoubtError) {
            if !Scheduling.breaks(.skipsLogSync) { try files.syncWritten() }
        } catch {
            if !Scheduling.breaks(.retriesSync) || (try? files.syncWritten()) == nil { return fail(error) }
        }
        publishFlushed(from: before, to: target)
    }

    /// Says that everything below `target` is durable.
    private func publishFlushed(from before: UInt64, to target: UInt64) {
        flushed.value.store(target, ordering: .releasing)
        threads.notifyFlushed(self, from: before, to: target)
        continuations.run(flushed: target, error: nil)
    }

    /// Fences the engine after a failed write or sync.
    func fail(_ cause: RedoubtError) {
        health.fence(cause)
        wakeAll()
    }
}
