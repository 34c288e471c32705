import RedoubtCore

/// The sections on redo, flushing and the buffer pool.
extension StatusReport {
    mutating func log() {
        rule("LOG")
        field("Log sequence number", "\(now[.currentLSN])")
        field("Log buffer completed up to", "\(now[.readyForWriteLSN])")
        field("Log written up to", "\(now[.writtenLSN])")
        field("Log flushed up to", "\(now[.flushedLSN])")
        field("Added dirty pages up to", "\(now[.closedLSN])")
        field("Pages flushed up to", "\(now[.checkpointBoundLSN])")
        field("Last checkpoint at", "\(now[.checkpointLSN])")
        let age = now[.redoAge]
        field("Checkpoint age", "\(age)  \(percent(age, of: now[.redoMaximumAge])) of what writers may fill")
        field(
            "Limits of the age",
            "\(now[.redoAsyncAge]) flushing hurries, \(now[.redoSyncAge]) at full speed, "
                + "\(now[.redoMaximumAge]) writers wait"
        )
        field("Redo capacity", PlainText.bytes(Double(now[.redoCapacity])))
        let replay = Double(now[.redoReplayRate])
        let recovery = replay > 0 ? PlainText.duration(Double(age) / replay * 1e9) : "-"
        field("Recovery would take about", "\(recovery), at \(PlainText.bytes(replay))/s")
        field("Redo made", PlainText.bytes(rates.perSecond(.currentLSN)) + "/s")
        counter("Log i/o's done", .redoWrites)
        counter("Checkpoints", .checkpoints)
    }

    mutating func pageCleaner() {
        rule("PAGE CLEANER")
        counter("Pages written", .pagesWritten)
        counter("  adaptive", .pagesWrittenAdaptive)
        counter("  idle", .pagesWrittenIdle)
        counter("  sync", .pagesWrittenSync)
        counter("  LRU", .pagesWrittenLRU)
        counter("  called for", .pagesWrittenRequest)
        counter("  close", .pagesWrittenClose)
        counter("Pages found latched", .flushSkippedPages)
        counter("Neighbours", .neighbourPages)
        let protections = ["copied first", "named first", "written in place", "copied first, changed sectors only"]
        let protection = now[.doublewriteMode]
        field(
            "Pages are",
            now[.isWritingAtomically] != 0
                ? "written all or nothing by the device, without copies"
                : protection < UInt64(protections.count) ? protections[Int(protection)] : "\(protection)"
        )
        counter("  all or nothing", .pagesWrittenAtomically)
        counter("Doublewrite batches", .doublewriteBatches)
        counter("Doublewrite pages", .doublewritePages)
        field("  left out of them", PlainText.bytes(Double(now[.doublewriteSavedBytes])) + ", not changed")
        counter("Written without a copy", .doublewriteSkips)
        let modes = ["nothing to write", "idle", "at a pace", "at full speed"]
        let mode = now[.flushMode]
        field("Mode", mode < UInt64(modes.count) ? modes[Int(mode)] : "\(mode)")
        field(
            "Last recommendation",
            "\(now[.flushRequestedPages]) pages; \(now[.flushPercentForDirty]) % for dirty, "
                + "\(now[.flushPercentForAge]) % for age; target age \(now[.flushTargetAge])"
        )
        field(
            "Averages of the policy",
            "\(now[.flushPageRate]) pages/s, \(PlainText.bytes(Double(now[.flushRedoRate])))/s of redo"
        )
        let speed = now[.measuredPageRate]
        field("Device speed at opening", speed == 0 ? "not measured" : "\(speed) pages/s")
        let limit = now[.isAdmissionLimited] == 0 ? "none" : PlainText.bytes(Double(now[.admissionRate])) + "/s"
        field("Limit of redo for writers", limit)
    }

    mutating func pool() {
        rule("BUFFER POOL AND MEMORY")
        field("Buffer pool size", "\(now[.poolFrames])  pages of 16 KiB")
        if now[.poolFrames] > now[.poolFrameTarget] {
            field("Buffer pool resize", "\(now[.poolFrames] - now[.poolFrameTarget])  pages have to leave yet")
        }
        field("Free buffers", "\(now[.poolFreeFrames])")
        field("Database pages", "\(now[.poolPages])")
        field("Old database pages", "\(now[.poolOldPages])")
        let dirty = now[.poolDirtyPages]
        field("Modified db pages", "\(dirty)  \(percent(dirty, of: now[.poolFrames])) of the pool")
        field("Pending reads", "\(now[.dataPendingReads])")
        field("Pending writes", "\(now[.dataPendingWrites])")
        counter("Pages made young", .pagesMadeYoung)
        counter("Pages read", .pagesRead)
        counter("  because they were wanted", .pagesMissed)
        counter("  ahead", .pagesReadAhead)
        counter("  ahead, at random", .pagesReadAheadAtRandom)
        counter("  named by a dump", .poolPagesLoaded)
        counter("Ahead and evicted unused", .pagesReadAheadEvicted)
        counter("Pages created", .pagesCreated)
        counter("Pages written", .pagesWritten)
        counter("Pages evicted", .pagesEvicted)
        counter("Waits for a free frame", .freeFrameWaits)
        line("Hits are not counted: a hit costs about as much as the access to memory itself.")
    }

    mutating func instances() {
        rule("INDIVIDUAL BUFFER POOL INFO")
        let columns = ["size", "free", "target", "pages", "old", "modified"]
        line(PlainText.left("pool", 8) + columns.map { PlainText.right($0, 12) }.joined())
        for (number, instance) in now.instances.enumerated() {
            let values = [
                instance.frameCount, instance.freeFrameCount, instance.freeFrameTarget, instance.pageCount,
                instance.oldPageCount, instance.dirtyPageCount,
            ]
            line(PlainText.left("\(number)", 8) + values.map { PlainText.right("\($0)", 12) }.joined())
        }
    }
}
