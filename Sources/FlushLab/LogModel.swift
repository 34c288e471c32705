import RedoubtCore
import RedoubtPolicy

// The redo's writer, the checkpointer, and what holds writers back.
extension VirtualRun {
    // MARK: Redo

    /// Has the redo made durable up to `position`.
    mutating func wantRedo(_ position: UInt64, now: UInt64) {
        redo.wanted = max(redo.wanted, position)
        if redo.writing == nil { writeRedo(now) }
    }

    private mutating func writeRedo(_ now: UInt64) {
        guard redo.wanted > redo.flushed else { return }
        // All that there is: whoever comes meanwhile goes with the next.
        redo.writing = redo.end
        let bytes = Int(redo.end - redo.flushed + 511) & ~511
        // The log has its own place, behind data and doublewrite files.
        device.submit(.write, at: logPlace + redo.place, bytes: bytes, .logWritten, 0, now: now, &events)
        redo.place = (redo.place + UInt64(bytes)) % UInt64(max(1, scenario.redoCapacity))
    }

    /// The redo is written, and has to be synced.
    mutating func logWritten(now: UInt64) {
        device.submit(.flush, at: 0, bytes: 0, .logSynced, 0, now: now, &events)
    }

    /// The redo is durable as far as it was written.
    mutating func logSynced(now: UInt64) {
        guard let end = redo.writing else { return }
        redo.flushed = end
        redo.writing = nil
        let waiters = redo.commits
        redo.commits = []
        for waiter in waiters {
            if waiter.end <= end {
                resume(Int(waiter.client), at: now + wakeTime)
            } else {
                redo.commits.append(waiter)
            }
        }
        let batches = redo.batches
        redo.batches = []
        for entry in batches {
            if entry.end <= end { copy(entry.batch, now: now) } else { redo.batches.append(entry) }
        }
        writeRedo(now)
    }

    // MARK: Checkpoints

    /// The oldest change that is in no file, what is being written included; nil if there is none.
    var oldestModification: UInt64? {
        mutating get {
            var least = UInt64.max
            for index in pool.instances.indices { least = min(least, pool.oldest(index) ?? .max) }
            for batch in batches where !batch.isFree { least = min(least, batch.minimum) }
            return least == .max ? nil : least
        }
    }

    /// What a checkpoint could be written at.
    mutating func checkpointBound() -> UInt64 {
        var oldest: UInt64?
        for index in pool.instances.indices {
            if let found = pool.oldest(index) { oldest = min(oldest ?? found, found) }
        }
        var inFlight: UInt64?
        for batch in batches where !batch.isFree { inFlight = min(inFlight ?? batch.minimum, batch.minimum) }
        return CheckpointBound(
            closed: LogSequenceNumber(rawValue: redo.end),
            oldestDirty: oldest.map { LogSequenceNumber(rawValue: $0) },
            relaxedOrderWindow: UInt64(redo.limits.relaxedOrderWindow),
            oldestInFlight: inFlight.map { LogSequenceNumber(rawValue: $0) },
            flushed: LogSequenceNumber(rawValue: redo.flushed),
            last: LogSequenceNumber(rawValue: redo.checkpoint)
        ).value.rawValue
    }

    /// Begins a checkpoint, unless one is under way: then another follows.
    mutating func beginCheckpoint(_ now: UInt64) {
        // MariaDB's page cleaner makes the checkpoints, when it has done a round.
        if scenario.redoLimits == .mariadb && busySlots > 0 { return }
        guard pendingCheckpoint == nil else {
            checkpointAgain = true
            return
        }
        let bound = checkpointBound()
        checkpointBefore = redo.checkpoint
        guard bound > redo.checkpoint else {
            endCheckpoint(now)
            return
        }
        pendingCheckpoint = bound
        if filesWritten {
            filesWritten = false
            device.submit(.flush, at: 0, bytes: 0, .filesSynced, 0, now: now, &events)
        } else {
            filesSynced(now: now)
        }
    }

    /// The data files are durable, so the checkpoint may be written.
    mutating func filesSynced(now: UInt64) {
        device.submit(.write, at: logPlace, bytes: 4096, .checkpointWritten, 0, now: now, &events)
    }

    /// The checkpoint is written, and has to be synced.
    mutating func checkpointWritten(now: UInt64) {
        device.submit(.flush, at: 0, bytes: 0, .checkpointSynced, 0, now: now, &events)
    }

    /// The checkpoint is durable: there is room in the redo.
    mutating func checkpointSynced(now: UInt64) {
        if let bound = pendingCheckpoint { redo.checkpoint = max(redo.checkpoint, bound) }
        pendingCheckpoint = nil
        if redo.isFull {
            // Who waits asks again.
            capacityWanted = capacityWanted || !redo.waiters.isEmpty
        } else {
            let waiters = redo.waiters
            redo.waiters = []
            // MariaDB's go on a while later, so that they do not all come at once.
            let pause: UInt64 = scenario.redoLimits == .mariadb ? 10_000_000 : 0
            for client in waiters { resume(Int(client), at: now + wakeTime + pause) }
        }
        endCheckpoint(now)
    }

    private mutating func endCheckpoint(_ now: UInt64) {
        if capacityWanted {
            capacityWanted = false
            if redo.checkpoint - checkpointBefore < UInt64(redo.limits.freeCheckCapacity) / 64 {
                let target = redo.checkpoint + redo.checkpointAge / 4 + UInt64(redo.limits.relaxedOrderWindow) + 1
                urgentLSN = max(urgentLSN, target)
                wantRedo(redo.end, now: now)
                wakeCleaner(at: now)
            }
        }
        if checkpointAgain {
            checkpointAgain = false
            events.add(.checkpointTimer, 1, at: now + Self.latchPause)
        }
    }

    /// A client waits for room in the redo; it asks every 20 ms.
    mutating func askForCapacity(_ now: UInt64) {
        wantCapacity(now)
        guard !isCapacityTimed else { return }
        isCapacityTimed = true
        events.add(.capacityTimer, at: now + 20_000_000)
    }

    /// Who still waits for room asks again.
    mutating func askAgain(_ now: UInt64) {
        isCapacityTimed = false
        if !redo.waiters.isEmpty { askForCapacity(now) }
    }

    /// Takes note that somebody wants room in the redo.
    mutating func wantCapacity(_ now: UInt64) {
        if scenario.redoLimits == .mariadb {
            wakeCleaner(at: now)
            return
        }
        capacityWanted = true
        if pendingCheckpoint == nil { beginCheckpoint(now) } else { checkpointAgain = true }
    }

    // MARK: Writers

    /// The throttle of writers is set; returns when it is due again.
    mutating func adjustThrottle(_ now: UInt64) -> UInt64 {
        var inputs = WriterThrottling.Inputs()
        inputs.now = now
        inputs.bound = checkpointBound()
        inputs.end = redo.end
        inputs.pagesWritten = pagesWritten
        inputs.dirtyCount = dirtyCount
        inputs.frameCount = scenario.frameCount
        inputs.limits = redo.limits
        var options = scenario.options
        options.policy = policy
        let (admission, milliseconds) = throttling.decide(inputs, options)
        throttleAdmission = admission
        setAdmission(now)
        if let admission, admission < 16384 { wantCapacity(now) }
        return now + UInt64(milliseconds) * 1_000_000
    }

    /// The lowest of the rates that were set holds.
    mutating func setAdmission(_ now: UInt64) {
        let least = min(policyAdmission ?? .infinity, throttleAdmission ?? .infinity)
        let wanted = least.isFinite && least < 1e15 ? max(0, least) : nil
        // By the rate before, up to now; the new one holds at once, also for those who wait.
        advanceAdmission(now)
        admissionMark = max(admissionMark, now)
        admission = wanted
    }
}
