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
        let attributed = waits.begin(.logWrite)
        defer { waits.end(attributed) }
        try awaitWritten(lsn)
    }

    /// Waits until everything below `lsn` is durable: survives a power cut.
    ///
    /// - Throws: `.fenced`; `.notDurable` if the redo finds no space.
    package func waitUntilFlushed(_ lsn: LogSequenceNumber) throws(RedoubtError) {
        if flushedLSN >= lsn { return try health.check() }
        precondition(lsn <= currentLSN, "a wait for \(lsn), but the log ends at \(currentLSN)")
        Self.raise(flushRequest.value, to: lsn.rawValue)
        let attributed = waits.begin(.logFlush)
        defer { waits.end(attributed) }
        try awaitFlushed(lsn)
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
    /// It must be short and must not wait; the log may be stopped as soon as it has run. Without threads, waits for the
    /// disk.
    package func whenFlushed(
        _ lsn: LogSequenceNumber,
        _ continuation: @escaping @Sendable (RedoubtError?) -> Void
    ) {
        if health.isFenced { return continuation(health.fencedError()) }
        if flushedLSN >= lsn { return continuation(nil) }
        // Once the continuation has run the log may be stopped, so from there on nothing here touches a file.
        let hasThreads = threads.areRunning
        continuations.add(lsn.rawValue, continuation)
        requestFlush(lsn)
        if !hasThreads { try? waitUntilFlushed(lsn) }
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

    private func awaitWritten(_ lsn: LogSequenceNumber) throws(RedoubtError) {
        let target = lsn.rawValue
        let mark = streamSpace.mark
        let slot = writtenEvents.slot(of: lsn)
        var isPatient = true
        while written.value.load(ordering: .acquiring) < target {
            try health.check()
            try checkStream(since: mark)
            if leadWriting(to: target) || (isPatient && spinForWriter(target)) { continue }
            let ticket = writtenEvents.ticket(slot)
            if written.value.load(ordering: .acquiring) >= target { break }
            try health.check()
            // Whoever holds the lock looks at the requests once it is free.
            if leadWriting(to: target) { continue }
            if streamSpace.isFull { threads.wake() }
            writtenEvents.wait(slot, ticket)
            // Who was woken to write has waited once; to sleep again is as good as to spin.
            isPatient = false
        }
        try health.check()
    }

    /// Writes what is published, on to `target`, if nobody else is writing; returns whether it did.
    private func leadWriting(to target: UInt64) -> Bool {
        if !threads.areRunning {
            writerLock.lock()
        } else if streamSpace.isFull || writerWaiters.load(ordering: .relaxed) > 0 || !writerLock.tryLock() {
            // Who waits for the lock writes all that is ready.
            return false
        }
        if written.value.load(ordering: .relaxed) < target { write(atLeast: target, by: .cache) }
        endWriting()
        pauseWithoutThreads()
        return true
    }

    /// Spins while somebody else writes, for about as long as that takes; returns whether it is over.
    private func spinForWriter(_ target: UInt64) -> Bool {
        if streamSpace.isFull { return false }
        for _ in 0..<Scheduling.spinLimit {
            if written.value.load(ordering: .acquiring) >= target { return true }
            if !writerLock.isLocked && writerWaiters.load(ordering: .relaxed) == 0 { return true }
            Scheduling.spinOnce()
        }
        return false
    }

    private func awaitFlushed(_ lsn: LogSequenceNumber) throws(RedoubtError) {
        let target = lsn.rawValue
        let mark = streamSpace.mark
        let slot = flushedEvents.slot(of: lsn)
        while flushed.value.load(ordering: .acquiring) < target {
            try health.check()
            try checkStream(since: mark)
            if leadFlushing(to: target) { continue }
            let ticket = flushedEvents.ticket(slot)
            if flushed.value.load(ordering: .acquiring) >= target { break }
            try health.check()
            if leadFlushing(to: target) { continue }
            // Where committers lead, whoever is at it looks at the requests when it ends.
            if !threads.letsCommittersWrite || streamSpace.isFull { threads.wake() }
            threads.spin { flushed.value.load(ordering: .acquiring) >= target }
            flushedEvents.wait(slot, ticket)
        }
        try health.check()
    }

    /// Writes and syncs what is published, on to `target`, if committers do so and nobody else is at it; returns
    /// whether it did.
    private func leadFlushing(to target: UInt64) -> Bool {
        if !threads.areRunning {
            leading.lock()
        } else if !threads.letsCommittersWrite || streamSpace.isFull || !leading.tryLock() {
            return false
        }
        if flushed.value.load(ordering: .relaxed) < target {
            beginWriting()
            write(atLeast: target, by: .device)
            endWriting()
            sync()
        }
        endLeading()
        pauseWithoutThreads()
        return true
    }

    /// Lets another one lead, and wakes one who waits for it if there is more to make durable.
    func endLeading() {
        leading.unlock()
        // Whoever found the lock taken asked before: at least one of the two sees the other.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard hasFlushRequests else { return }
        if threads.letsCommittersWrite && !streamSpace.isFull {
            let wanted = LogSequenceNumber(rawValue: flushRequest.value.load(ordering: .relaxed))
            flushedEvents.signal(flushedEvents.slot(of: wanted))
        } else {
            threads.wake()
        }
    }

    /// Leaves redo that found no space alone for a while; with threads, they try again.
    private func pauseWithoutThreads() {
        if streamSpace.isFull && !threads.areRunning { Scheduling.sleep(microseconds: Self.spacePause) }
    }

    /// Whether somebody wants something flushed that is not.
    var hasFlushRequests: Bool {
        flushRequest.value.load(ordering: .acquiring) > flushed.value.load(ordering: .acquiring)
    }

    /// The greatest position that somebody wants written.
    var writeRequestLSN: UInt64 { writeRequest.value.load(ordering: .acquiring) }

    /// Whether there is work for the log's thread: something to be made durable, or redo that found no space.
    var hasRequests: Bool {
        if hasFlushRequests { return true }
        return streamSpace.isFull
            && writeRequestLSN > written.value.load(ordering: .acquiring)
    }

    /// Whether so much is written and settled, but not durable, that a sync should begin.
    var isMuchUnsynced: Bool {
        settled.value.load(ordering: .acquiring) > flushed.value.load(ordering: .acquiring)
            &+ UInt64(Self.unsyncedByteCountTarget)
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
        write(atLeast: 0, by: .device)
        endWriting()
    }

    /// Takes the writer lock, before those who come later and want redo written only.
    ///
    /// Waits.
    func beginWriting() {
        if writerLock.tryLock() { return }
        writerWaiters.wrappingAdd(1, ordering: .relaxed)
        writerLock.lock()
        writerWaiters.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Gives the writer lock back, and wakes one who waits for it if there is more to write: the next to write.
    func endWriting() {
        writerLock.unlock()
        // Whoever found the lock taken asked before: at least one of the two sees the other.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        let wanted = writeRequest.value.load(ordering: .relaxed)
        if wanted > written.value.load(ordering: .relaxed) {
            writtenEvents.signal(writtenEvents.slot(of: LogSequenceNumber(rawValue: wanted)))
        }
        if isMuchUnsynced { threads.wake() }
    }

    /// Writes what is published, and on until `target` is written or there is no space; the caller holds the writer
    /// lock.
    ///
    /// Waits for the disk, or for the page cache only.
    func write(atLeast target: UInt64, by route: LogRoute) {
        var backoff = Backoff()
        while !health.isFenced {
            let before = written.value.load(ordering: .relaxed)
            let ready = recentWritten.advanceTail()
            if ready.rawValue > before, !writeAndPublish(from: before, upTo: ready, by: route) { return }
            if written.value.load(ordering: .relaxed) >= target { return }
            // A group before the target is being copied.
            backoff.pause()
        }
    }

    /// Returns false if that failed, or found no space.
    private func writeAndPublish(from before: UInt64, upTo ready: LogSequenceNumber, by route: LogRoute) -> Bool {
        streamSeeker.begin()
        do throws(RedoubtError) {
            var synced = flushed.value.load(ordering: .relaxed)
            try writer.write(
                upTo: ready.sequenceNumber,
                by: route,
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
            // The block that held the end before is full.
            if before / 512 < ready.rawValue / 512 { settled.value.store(before, ordering: .releasing) }
            written.value.store(ready.rawValue, ordering: .releasing)
            threads.notifyWritten(self, from: before, to: ready.rawValue, by: route)
            let unsynced = ready.rawValue - flushed.value.load(ordering: .relaxed)
            if unsynced > UInt64(Self.unsyncedByteCountMaximum) { sync() }
        } catch {
            if error.code == .diskFull { noteNoSpace(error) } else { fail(error) }
            return false
        }
        noteSpace()
        return true
    }

    /// Makes durable what is written; `settledOnly`, what is in full blocks of that, so that a write to the last block
    /// need not pass by the page cache meanwhile.
    ///
    /// Waits for the disk.
    func sync(settledOnly: Bool = false) {
        syncLock.lock()
        defer { syncLock.unlock() }
        guard !health.isFenced else { return }
        let before = flushed.value.load(ordering: .relaxed)
        let target = pledge.raise {
            settledOnly ? settled.value.load(ordering: .acquiring) : written.value.load(ordering: .acquiring)
        }
        guard target > before else { return }
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
