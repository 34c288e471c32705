import RedoubtCore
import RedoubtSystem
import Synchronization

extension RedoLog {
    /// The most bytes that a group may have, the four length bytes included: half the log buffer, and what credit
    /// allows.
    package var groupByteCountMaximum: Int {
        min(configuration.bufferCapacity.rawValue / 2, Int(CapacityCredit.groupBytes(credit.capacity)))
    }

    /// Whether a small group could be appended and closed now without waiting.
    ///
    /// Only a forecast: other threads may take the room first.
    package var takesGroupsAtOnce: Bool {
        let end = currentLSN
        return !isBufferHalfFull && recentWritten.hasSpace(at: end) && recentClosed.hasSpace(at: end)
    }

    /// Appends `group`, whose first four bytes are overwritten by its length.
    ///
    /// Waits for room in the log buffer only.
    ///
    /// Never fails. Once the engine is fenced, what does not fit is dropped: nothing will be written again. A buffer
    /// that stays full for ten seconds, because redo finds no space, fences the engine.
    ///
    /// - Precondition: The group has 5 bytes at least and half the log buffer at most.
    package func append(_ group: UnsafeMutableRawBufferPointer) -> LogRange {
        let count = group.count
        precondition(
            count > 4 && (count <= buffer.capacity / 2 || acceptsAnyGroup),
            "a group of \(count) bytes; 5...\(buffer.capacity / 2) fit a log buffer of \(buffer.capacity) bytes"
        )
        unsafe group.storeBytes(of: UInt32(count).bigEndian, as: UInt32.self)
        Scheduling.atomicStep()
        let end = sequence.value.wrappingAdd(UInt64(count), ordering: .relaxed).newValue
        let start = end - UInt64(count)
        let range = LogRange(
            start: LogSequenceNumber(sequenceNumber: start),
            end: LogSequenceNumber(sequenceNumber: end)
        )
        let roomEnd = roomEnd.value.load(ordering: .acquiring)
        if end > roomEnd, !waitForRoom(until: end) { return range }
        unsafe buffer.copyIn(UnsafeRawBufferPointer(group), at: start)
        buffer.noteFirstGroups(from: start, to: end)
        if !recentWritten.hasSpace(at: range.start), !waitForLinkRoom(in: recentWritten, at: range.start) {
            return range
        }
        recentWritten.addLink(range)
        // From half full on the log is written without being asked, so that nobody has to wait for room.
        if end + UInt64(buffer.capacity / 2) > roomEnd { threads.wake() }
        return range
    }

    /// Waits until ``close(_:)`` has room for `range`: to be called before its pages enter the flush lists.
    package func waitForCloseRoom(_ range: LogRange) {
        if !recentClosed.hasSpace(at: range.start) { _ = waitForLinkRoom(in: recentClosed, at: range.start) }
    }

    /// Reports that the dirty pages of `range` are in the flush lists.
    package func close(_ range: LogRange) {
        // Without room only once the engine is fenced, when no checkpoint will be written again.
        if recentClosed.hasSpace(at: range.start) { recentClosed.addLink(range) }
    }

    #if REDOUBT_INTERLEAVING
    /// Says that groups of any size are appended, however long they wait; for tests.
    package func acceptAnyGroup() { takesAnyGroup.store(true, ordering: .relaxed) }
    #endif

    private var acceptsAnyGroup: Bool {
        #if REDOUBT_INTERLEAVING
        takesAnyGroup.load(ordering: .relaxed)
        #else
        false
        #endif
    }

    private func waitForLinkRoom(in links: borrowing LinkBuffer, at start: LogSequenceNumber) -> Bool {
        links.advanceTail()
        if links.hasSpace(at: start) { return true }
        let wait = waits.begin(.logBuffer)
        defer { waits.end(wait) }
        var backoff = Backoff()
        while true {
            links.advanceTail()
            if links.hasSpace(at: start) { return true }
            if health.isFenced { return false }
            backoff.pause()
        }
    }

    /// Waits until the log buffer has room up to sequence number `end`; false if it never will because of a fence.
    private func waitForRoom(until end: UInt64) -> Bool {
        // Everything before this group must be published first, by threads that need at most the room that this one
        // needs.
        let wait = waits.begin(.logBuffer)
        defer { waits.end(wait) }
        let start = Scheduling.now()
        while true {
            let ticket = roomEvent.ticket
            if roomEnd.value.load(ordering: .acquiring) >= end { return true }
            if health.isFenced { return false }
            giveUpRoom(since: start)
            if threads.areRunning {
                threads.wake()
                // The deadline is for a disk that stays full.
                roomEvent.wait(ticket, deadline: Scheduling.now().advanced(milliseconds: 1000))
            } else {
                writeReady()
                if streamSpace.isFull { Scheduling.sleep(microseconds: Self.spacePause) } else { Scheduling.yield() }
            }
        }
    }
}
