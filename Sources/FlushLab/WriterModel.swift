import RedoubtCore
import RedoubtPolicy

/// Pages that are written together.
struct BatchModel {
    var pages: [Int32] = []
    /// The oldest change of its pages: no checkpoint passes it.
    var minimum: UInt64 = .max
    /// What must be durable of the redo before it is written.
    var needed: UInt64 = 0
    /// Pages that need a copy.
    var copyCount = 0
    /// Pages whose writes have begun, and that are not written.
    var next = 0
    var left = 0
    var reason = WriteReason.active
    /// Whose batch it is.
    var service = 0
    var isFree = true
}

/// Why pages are written.
enum WriteReason: UInt8 {
    case active, idle, sync, lru
}

/// A batch of an LRU list and then of a flush list, or the other way round, that a thread carries out for an instance.
struct ServiceModel {
    enum Stage {
        case none, lru, list
    }

    let instance: Int
    var stage = Stage.none
    /// What follows.
    var following = Stage.none
    var lruPages = 0
    var lruTarget = 0
    var listPages = 0
    var limit: UInt64 = .max
    var reason = WriteReason.active
    /// Whether a batch of the flush list was begun since frames were last looked at, and whether the flush list goes
    /// on after a batch of the LRU list between two of its own.
    var hasBegunListBatch = false
    var resumesList = false
    /// Pages that were chosen and not begun.
    var chosen: [Int32] = []
    /// Whether a batch is on its way to having its copies durable: one after the other, as one thread does it.
    var isProtecting = false
    /// Batches whose pages may be written, and writes that have begun.
    var writing: [Int] = []
    var inFlight = 0
    /// Pages that were written while the thread was protecting others, so that it has not noticed.
    var unnoticed: [Int] = []
    /// Batches under way, at most two.
    var underWay = 0
    /// Batches in the doublewrite ring whose pages are not synced.
    var ringUsed = 0
    var isRingSyncing = false
    /// Batches that wait for room in the ring.
    var ringWaiters: [Int] = []
    /// What it came to.
    var listWritten = 0
    var lruWritten = 0
    var freed = 0
    /// Pages that had to be left alone.
    var skipped = 0

    var isBusy: Bool { stage != .none }
}

// Writing: services choose pages, batches bring them to the device.
extension VirtualRun {
    /// Writes that the queue of a writer takes.
    static var queueDepth: Int { 128 }
    /// Batches that the ring of a writer holds.
    static var ringBatches: Int { 8 }

    /// Begins what `service` was told to do.
    mutating func begin(_ service: Int, now: UInt64) {
        services[service].listWritten = 0
        services[service].lruWritten = 0
        services[service].freed = 0
        services[service].skipped = 0
        services[service].hasBegunListBatch = false
        services[service].resumesList = false
        enter(services[service].stage, service, now)
    }

    private mutating func enter(_ stage: ServiceModel.Stage, _ service: Int, _ now: UInt64) {
        services[service].stage = stage
        if stage == .lru { sweep(service, now) }
        advance(service, now: now)
    }

    /// Chooses pages of the LRU list that have to be written, and frees those that need not.
    private mutating func sweep(_ service: Int, _ now: UInt64) {
        let order = services[service]
        let wanted = order.lruTarget - pool.instances[order.instance].free
        guard wanted > 0 else { return }
        let (freed, dirty) = pool.sweep(order.instance, wanted: wanted, most: max(wanted, batchPages))
        services[service].freed += freed
        let budget = max(0, min(wanted - freed, order.lruPages))
        var chosen = Array(dirty.prefix(budget))
        addNeighbours(&chosen, budget: budget, areOld: true)
        services[service].chosen = chosen
        if freed > 0 { grantFrames(order.instance, now) }
    }

    /// Begins batches as long as there are pages and fewer than two are under way; ends the stage with the last one.
    mutating func advance(_ service: Int, now: UInt64) {
        while services[service].isBusy {
            while services[service].underWay < 2 && !services[service].isProtecting {
                if services[service].chosen.isEmpty { makeRoomBetween(service, now) }
                if services[service].chosen.isEmpty { chooseFromList(service) }
                if services[service].chosen.isEmpty { break }
                beginBatch(service, now)
            }
            guard services[service].underWay == 0 else { return }
            guard services[service].chosen.isEmpty else { continue }
            if services[service].resumesList {
                services[service].resumesList = false
                services[service].stage = .list
                continue
            }
            let following = services[service].following
            services[service].following = .none
            services[service].stage = .none
            if following == .none {
                serviceEnded(service, now)
                return
            }
            services[service].stage = following
            if following == .lru { sweep(service, now) }
        }
    }

    /// Makes room between two batches of the flush list, should frames have become short meanwhile.
    private mutating func makeRoomBetween(_ service: Int, _ now: UInt64) {
        let order = services[service]
        guard order.stage == .list, order.hasBegunListBatch, order.lruPages > 0,
            pool.instances[order.instance].free < pool.freeTarget / 2
        else { return }
        services[service].hasBegunListBatch = false
        sweep(service, now)
        guard !services[service].chosen.isEmpty else { return }
        services[service].stage = .lru
        services[service].resumesList = true
    }

    private mutating func chooseFromList(_ service: Int) {
        guard services[service].stage == .list else { return }
        let left = services[service].listPages
        guard left > 0 else { return }
        let order = services[service]
        let budget = min(left, batchPages)
        var (chosen, skipped) = pool.chooseOldest(order.instance, below: order.limit, count: budget)
        if chosen.isEmpty {
            services[service].skipped += skipped
            services[service].listPages = 0
            return
        }
        addNeighbours(&chosen, budget: budget, areOld: false)
        services[service].chosen = chosen
        services[service].listPages = max(0, left - chosen.count)
    }

    /// Puts the neighbours of the chosen pages between them, each page with its own in the order of their numbers.
    ///
    /// At most `budget` are left then; what does not fit waits for later.
    private mutating func addNeighbours(_ chosen: inout [Int32], budget: Int, areOld: Bool) {
        guard scenario.options.neighbours != .none, let first = chosen.first else { return }
        let index = pool.instance(of: Int(first))
        let area = NeighbourArea(
            setting: scenario.options.neighbours,
            areaPageCount: 64,
            instancePageCount: scenario.frameCount / scenario.instanceCount,
            // Lists of a pool that never evicts are not kept.
            lruLength: pool.isRoomy ? max(512, pool.residentCount) : pool.instances[index].pageCount
        )
        var all: [Int32] = []
        var taken = Set<Int32>()
        for victim in chosen where !taken.contains(victim) {
            guard all.count < budget else { break }
            let found = area.pages(around: UInt32(victim), budget: budget - all.count) { page in
                pool.isFlushable(Int(page)) && (!areOld || pool.isRoomy || pool.pages[Int(page)].isOld)
            }
            for page in found.map({ Int32($0) }) where taken.insert(page).inserted {
                pool.pages[Int(page)].isNeighbour = page != victim
                all.append(page)
            }
        }
        chosen = all
    }

    private mutating func beginBatch(_ service: Int, _ now: UInt64) {
        let order = services[service]
        let count = min(batchPages, order.chosen.count)
        let index = batches.firstIndex { $0.isFree } ?? batches.count
        if index == batches.count { batches.append(BatchModel()) }
        var batch = BatchModel()
        batch.isFree = false
        batch.service = service
        batch.reason = order.stage == .lru ? .lru : order.reason
        for page in order.chosen[..<count] where pool.isFlushable(Int(page)) {
            if !pool.pages[Int(page)].isAnew { batch.copyCount += 1 }
            batch.needed = max(batch.needed, pool.pages[Int(page)].newest)
            batch.minimum = min(batch.minimum, pool.take(Int(page)))
            pool.pages[Int(page)].batch = Int32(index)
            pool.pages[Int(page)].leaves = order.stage == .lru
            batch.pages.append(page)
        }
        services[service].skipped += count - batch.pages.count
        services[service].chosen.removeFirst(count)
        guard !batch.pages.isEmpty else { return }
        batch.left = batch.pages.count
        batches[index] = batch
        services[service].underWay += 1
        services[service].isProtecting = true
        services[service].hasBegunListBatch = order.stage == .list
        writesInFlight += batch.pages.count
        // The thread that prepares them runs.
        runningCount += 1
        if order.stage == .lru {
            services[service].lruWritten += batch.pages.count
        } else {
            services[service].listWritten += batch.pages.count
        }
        let work = scenario.machine.pageWriteTime * Double(batch.pages.count) * slowdown
        events.add(.prepared, index, at: now + UInt64(work))
    }

    /// The processor time of a batch is over: its redo has to be durable next.
    mutating func prepared(_ batch: Int, now: UInt64) {
        runningCount -= 1
        if redo.flushed < batches[batch].needed {
            redo.batches.append((batch, batches[batch].needed))
            wantRedo(batches[batch].needed, now: now)
        } else {
            copy(batch, now: now)
        }
    }

    /// Writes the copies of a batch, if it needs any.
    mutating func copy(_ batch: Int, now: UInt64) {
        let service = batches[batch].service
        let bytes = copyBytes(batches[batch].copyCount)
        guard bytes > 0 else {
            beginWrites(batch, now: now)
            return
        }
        guard services[service].ringUsed < Self.ringBatches else {
            services[service].ringWaiters.append(batch)
            syncRing(service, now)
            return
        }
        services[service].ringUsed += 1
        let length = UInt64(Self.ringBatches * (batchPages + 1) * 16384)
        let place = dataEnd + length * UInt64(service) + copyPlace % max(1, length - UInt64(bytes))
        copyPlace += UInt64(bytes)
        device.submit(.write, at: place, bytes: bytes, .copied, batch, now: now, &events)
    }

    /// The copies of a batch are written, and have to be synced.
    mutating func copied(_ batch: Int, now: UInt64) {
        device.submit(.flush, at: 0, bytes: 0, .copySynced, batch, now: now, &events)
    }

    private func copyBytes(_ copies: Int) -> Int {
        guard copies > 0 else { return 0 }
        switch scenario.options.doublewrite {
        case .off: return 0
        case .on: return (copies + 1) * 16384
        case .detectOnly: return 16384
        // The sectors of the header, of the directory's end and of a row or two, as a rule.
        case .changedSectors: return 16384 + (copies * 4 * 512 + 4095) & ~4095
        }
    }

    private mutating func syncRing(_ service: Int, _ now: UInt64) {
        guard !services[service].isRingSyncing else { return }
        services[service].isRingSyncing = true
        device.submit(.flush, at: 0, bytes: 0, .ringSynced, service, now: now, &events)
    }

    /// Half of a ring has room again.
    mutating func ringSynced(_ service: Int, now: UInt64) {
        services[service].isRingSyncing = false
        services[service].ringUsed = max(0, services[service].ringUsed - Self.ringBatches / 2)
        let waiters = services[service].ringWaiters
        services[service].ringWaiters = []
        for batch in waiters { copy(batch, now: now) }
    }

    /// The copies are durable, so the pages may be written, as many at once as the window allows.
    mutating func beginWrites(_ batch: Int, now: UInt64) {
        let service = batches[batch].service
        services[service].writing.append(batch)
        services[service].isProtecting = false
        let ended = services[service].unnoticed
        services[service].unnoticed = []
        for page in ended { _ = notice(page, now) }
        pump(service, now)
        // While its pages are on their way, the next is chosen.
        advance(service, now: now)
    }

    /// Begins writes of every thread that looks after its writes.
    mutating func pump(_ now: UInt64) {
        for service in services.indices where !services[service].isProtecting { pump(service, now) }
    }

    /// Begins writes as long as the part of the window that a thread has is not used up.
    private mutating func pump(_ service: Int, _ now: UInt64) {
        let isLister = service < pool.instances.count
        let instances = pool.instances.count
        let threads = isLister ? max(1, min(scenario.options.cleanerThreads, instances)) : instances
        let window = round.recommendation.writeWindow.map { max(1, ($0 + threads - 1) / threads) } ?? .max
        while services[service].inFlight < min(window, Self.queueDepth), let batch = services[service].writing.first {
            let page = batches[batch].pages[batches[batch].next]
            batches[batch].next += 1
            if batches[batch].next == batches[batch].pages.count { services[service].writing.removeFirst() }
            services[service].inFlight += 1
            pool.pages[Int(page)].started = UInt32(truncatingIfNeeded: now / 1000)
            device.submit(.write, at: UInt64(page) * 16384, bytes: 16384, .pageWritten, Int(page), now: now, &events)
        }
    }

    /// A page is written; the thread that began that notices unless it waits for copies of others to be durable.
    mutating func pageWritten(_ page: Int, now: UInt64) {
        let service = batches[Int(pool.pages[page].batch)].service
        if services[service].isProtecting {
            services[service].unnoticed.append(page)
            return
        }
        let isLast = notice(page, now)
        pump(service, now)
        if isLast { advance(service, now: now) }
    }

    /// Takes note of a written page; returns whether it was the last of its batch.
    private mutating func notice(_ page: Int, _ now: UInt64) -> Bool {
        let batch = Int(pool.pages[page].batch)
        let service = batches[batch].service
        writesInFlight -= 1
        services[service].inFlight -= 1
        let duration = UInt32(truncatingIfNeeded: now / 1000) &- pool.pages[page].started
        latency.note(now: now, duration: UInt64(duration) * 1000)
        pool.pages[page].isWriting = false
        count(page, batches[batch].reason)
        batches[batch].left -= 1
        filesWritten = true
        if pool.pages[page].leaves {
            pool.pages[page].leaves = false
            if pool.pages[page].oldest == 0 && pool.pages[page].isResident {
                pool.evict(page)
                grantFrames(pool.instance(of: page), now)
            }
        }
        guard batches[batch].left == 0 else { return false }
        batches[batch].isFree = true
        batches[batch].minimum = .max
        services[service].underWay -= 1
        if services[service].ringUsed >= Self.ringBatches / 2 { syncRing(service, now) }
        return true
    }

    private mutating func count(_ page: Int, _ reason: WriteReason) {
        pagesWritten += 1
        if reason == .lru { lruPagesWritten += 1 } else { listPagesWritten += 1 }
        if pool.pages[page].isNeighbour {
            pool.pages[page].isNeighbour = false
            sample.writesNeighbours += 1
            return
        }
        switch reason {
        case .active: sample.writesActive += 1
        case .idle: sample.writesIdle += 1
        case .sync: sample.writesSync += 1
        case .lru: sample.writesLRU += 1
        }
    }
}
