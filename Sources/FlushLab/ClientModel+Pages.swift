import RedoubtCore

// How clients come to pages: from memory, from the device, or made anew.
extension VirtualRun {
    /// Pages that a scan asks for at once.
    private static var scanStretch: Int { 8 }

    /// Whether the next page of a client is in memory; otherwise the client waits for it.
    mutating func acquire(_ client: Int, _ time: UInt64, _ now: UInt64) -> Bool {
        if clients[client].page < 0 { clients[client].page = Int32(chooser.next()) }
        let page = Int(clients[client].page)
        if pool.pages[page].isResident {
            pool.touch(page, millisecond: UInt32(truncatingIfNeeded: time / 1_000_000))
            return true
        }
        if isAhead(client, time, now) { return false }
        if pool.pages[page].isReading {
            readers[Int32(page), default: []].append(Int32(client))
            suspend(client, .read, time)
            return false
        }
        guard takeFrame(for: page, client, time) else { return false }
        readers[Int32(page), default: []].append(Int32(client))
        read(page, time)
        suspend(client, .read, time)
        return false
    }

    /// Takes a free frame; if there is none the client waits for one.
    private mutating func takeFrame(for page: Int, _ client: Int, _ time: UInt64) -> Bool {
        let index = pool.instance(of: page)
        guard pool.instances[index].free > 0 else {
            pool.instances[index].frameWaits += 1
            pool.instances[index].waiters.append(Int32(client))
            hold(client)
            suspend(client, .frame, time)
            wakeRoom(index, time)
            return false
        }
        take(index, time)
        return true
    }

    private mutating func take(_ index: Int, _ time: UInt64) {
        pool.instances[index].free -= 1
        pool.instances[index].framesTaken += 1
        if pool.instances[index].free < pool.instances[index].roomMark { wakeRoom(index, time) }
    }

    private mutating func wakeRoom(_ index: Int, _ time: UInt64) {
        if usesLRUThreads { wakeFlusher(index, at: time) } else { wakeCleaner(at: time) }
    }

    /// Lets those go on that wait for frames, as many as there are.
    mutating func grantFrames(_ index: Int, _ now: UInt64) {
        let count = min(pool.instances[index].free, pool.instances[index].waiters.count)
        guard count > 0 else { return }
        let granted = pool.instances[index].waiters[..<count]
        pool.instances[index].waiters.removeFirst(count)
        for client in granted { resume(Int(client), at: now + wakeTime) }
    }

    private mutating func read(_ page: Int, _ time: UInt64) {
        pool.pages[page].isReading = true
        device.submit(.read, at: UInt64(page) * 16384, bytes: 16384, .pageRead, page, now: time, &events)
    }

    /// A page has been read: those who wait for it go on.
    mutating func pageRead(_ page: Int, now: UInt64) {
        pool.pages[page].isReading = false
        pool.insert(page, millisecond: UInt32(truncatingIfNeeded: now / 1_000_000))
        pagesRead += 1
        sample.reads += 1
        guard let waiting = readers.removeValue(forKey: Int32(page)) else { return }
        // Who asked for it checks and links it.
        if let first = waiting.first { clients[Int(first)].debt = scenario.machine.pageReadTime }
        for client in waiting { resume(Int(client), at: now + wakeTime) }
    }

    /// Whether there is room for a row at the end of the data; otherwise the client waits for a frame.
    mutating func extendTail(_ client: Int, _ time: UInt64, _ now: UInt64) -> Bool {
        if tailPage < 0 || tailRows >= max(1, phase.workload.rowsPerPage) || !pool.pages[tailPage].isResident {
            var next = (tailPage + 1) % scenario.pageCount
            // Somebody reads what was there before; it is no longer of interest, but it is in the way.
            while pool.pages[next].isReading { next = (next + 1) % scenario.pageCount }
            if !pool.pages[next].isResident {
                if isAhead(client, time, now) { return false }
                guard takeFrame(for: next, client, time) else { return false }
                pool.insert(next, millisecond: UInt32(truncatingIfNeeded: time / 1_000_000))
            }
            pool.pages[next].isAnew = true
            (tailPage, tailRows) = (next, 0)
        }
        tailRows += 1
        return true
    }

    /// The scan asks for its next pages.
    mutating func scan(_ now: UInt64, phase number: Int) {
        guard number == phaseIndex, phase.workload.scanPages > 0 else { return }
        for _ in 0..<Self.scanStretch {
            scanPage = (scanPage + 1) % scenario.pageCount
            let index = pool.instance(of: scanPage)
            let state = pool.pages[scanPage]
            guard !state.isResident, !state.isReading, pool.instances[index].free > 0 else { continue }
            take(index, now)
            read(scanPage, now)
        }
        let pause = Double(Self.scanStretch) * 1e9 / phase.workload.scanPages
        events.add(.scan, phaseIndex, at: now + UInt64(min(1e12, pause)))
    }
}
