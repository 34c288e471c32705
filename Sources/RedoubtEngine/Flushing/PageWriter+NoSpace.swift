import RedoubtCore
import RedoubtSystem
import Synchronization

// A full disk is no failure. What found no space stays in its batch, with its memory, its segment and its in-flight
// minimum; nothing begins, and nothing is under way, until a later call finds space. The caller holds the lock.
extension PageWriter {
    /// Tries again what found no space, if anything did.
    ///
    /// Waits.
    ///
    /// - Throws: `.diskFull` if there is none still; `.fenced`.
    func retry() throws(RedoubtError) {
        lock.lock()
        defer { lock.unlock() }
        try resume()
    }

    /// Tries again what found no space, if anything did; all that was begun has ended then.
    ///
    /// The pages before the copies, because their segments may be in the way of another. Waits.
    func resume() throws(RedoubtError) {
        if isBroken { throw kernel.health.fencedError() }
        guard noSpace != nil else { return }
        // After a fence from elsewhere nothing begins.
        if kernel.health.isFenced { throw breakDown(kernel.health.fencedError()) }
        giveUpRetired()
        let space = kernel.health.space
        let number = space.beginTry()
        noSpace = nil
        do throws(RedoubtError) {
            try drainActive()
            if let batch = unprotected {
                unprotected = nil
                try launch(batch)
                try drainActive()
            }
        } catch {
            if error.code == .diskFull { space.noteVain(number) }
            throw error
        }
        stopCounting()
    }

    /// Keeps a write that found no space for ``resume()``.
    func refuse(_ index: Int, of batch: PageBatch, _ error: RedoubtError) {
        batch.flights[index].stage = .refused
        refused.append(batch.tag(index))
        noSpace = noSpace ?? error
    }

    /// Lets nothing begin until ``resume()``, and returns the error to throw: `error`, or that of a write which failed
    /// otherwise.
    ///
    /// Waits for the writes under way.
    func suspend(_ error: RedoubtError) -> RedoubtError {
        noSpace = noSpace ?? error
        var failure: RedoubtError?
        while queue.inFlightCount > 0 { _ = collect(minimum: 1, &failure) }
        if let failure { return breakDown(failure) }
        pool.statistics.add(.writesWithoutSpace, UInt64(max(1, refused.count)))
        if !isCounted {
            isCounted = true
            kernel.health.space.beginWaiting(error)
            kernel.events.post(.spaceRanOut)
        }
        return error
    }

    /// Tells those who wait for space that this writer does not.
    func stopCounting() {
        guard isCounted else { return }
        isCounted = false
        kernel.health.space.endWaiting()
        if !isBroken { kernel.events.post(.spaceReturned) }
    }

    /// Ends the writes to files that were taken out of the table: whoever discards their pages waits for that.
    private func giveUpRetired() {
        var count = 0
        for batch in batches {
            // The last one ends the batch, and takes its pages away.
            for index in batch.flights.indices.reversed() where index < batch.flights.count {
                let flight = batch.flights[index]
                guard flight.stage != .ended, flight.file.isRetired else { continue }
                let tag = batch.tag(index)
                refused.removeAll { $0 == tag }
                if copied == tag { copied = nil }
                end(index, of: batch)
                count += 1
            }
        }
        guard count > 0 else { return }
        inFlight.wrappingSubtract(count, ordering: .relaxed)
        pool.statistics.add(.pagesDropped, UInt64(count))
        pool.writesEnded.signal()
        pool.framesFreed.signal()
    }
}

extension Flushing {
    /// Tries again what found no space, of all writers.
    ///
    /// Waits.
    ///
    /// - Throws: `.diskFull` if any finds none still; `.fenced`.
    func retryWrites() throws(RedoubtError) {
        guard kernel.health.space.isFull else { return }
        var failure: RedoubtError?
        for (_, writer) in allWriters {
            do throws(RedoubtError) {
                try writer.retry()
            } catch {
                failure = failure ?? error
            }
        }
        progress.signal()
        if let failure { throw failure }
    }
}
