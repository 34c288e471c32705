package import RedoubtCore
package import RedoubtPolicy

/// A scenario under one policy in virtual time: clients, pool, redo, page cleaner and device as one sequence of events.
///
/// The policy's decisions are those of the engine, as are rounds, checkpoint bound, neighbours and the throttle of
/// writers; the rest is a model of what the engine does. The same scenario and seed give the same result, byte by byte.
package struct VirtualRun {
    let scenario: Scenario
    let policy: FlushingPolicy
    /// Is given every decision.
    var observer: ((FlushingInputs, FlushingRecommendation) -> Void)?

    var events = EventQueue()
    var device: Device
    var pool: PoolModel
    var redo: RedoModel
    var result: RunResult
    var sample = Sample()
    var durations = DurationCounts()

    // Writing.
    var batches: [BatchModel] = []
    var services: [ServiceModel] = []
    /// Pages that were taken to be written and are not noticed to be.
    var writesInFlight = 0
    var latency = LatencyModel()
    var pagesWritten: UInt64 = 0
    var listPagesWritten: UInt64 = 0
    var lruPagesWritten: UInt64 = 0
    var copyPlace: UInt64 = 0
    var filesWritten = false

    // The cleaner.
    var decisions: any FlushingDecisions
    let usesLRUThreads: Bool
    /// What `automatic` stands for.
    let measuredCapacity: Int
    var round: CleanerRound
    var isEarly = false
    var cleanerDue = UInt64.max
    var busySlots = 0
    var runningSlots = 0
    var slotsWaiting: [(Int, ServiceModel.Stage)] = []
    var orderedPages: [Int]
    var beatLimit = UInt64.max
    var beatIsUrgent = false
    var beatListWritten = 0
    var beatOtherWork = 0
    var beatSkipped = 0
    var urgentLSN: UInt64 = 0
    var flushers: [FlusherModel] = []
    var readsSeen: UInt64 = 0
    var endSeen: UInt64 = 0
    var lastChange: UInt64 = 0

    // Checkpoints and back-pressure.
    var pendingCheckpoint: UInt64?
    var checkpointBefore: UInt64 = 0
    var checkpointAgain = false
    var capacityWanted = false
    var isCapacityTimed = false
    var throttling = WriterThrottling()
    var policyAdmission: Double?
    var throttleAdmission: Double?
    var admission: Double?
    /// Bytes of redo that were asked for, and that may begin, and when that was reckoned.
    var admissionCharged = 0.0
    var admissionGranted = 0.0
    var admissionMark: UInt64 = 0

    // Clients.
    var clients: [ClientModel]
    var runningCount = 0
    var phaseIndex = 0
    var phaseBegin: UInt64 = 0
    var phaseEnd: UInt64 = 0
    var chooser: PageChooser
    var fractions: SeededRandom
    var readers: [Int32: [Int32]] = [:]
    var pagesRead: UInt64 = 0
    var tailPage = -1
    var tailRows = 0
    var scanPage = 0
    private var endMark: UInt64
    private var deviceMark = 0
    private var queueMark = 0.0

    /// Prepares a run.
    package init(_ scenario: Scenario, policy: FlushingPolicy) {
        self.scenario = scenario
        self.policy = policy
        device = Device(scenario.device, seed: scenario.seed)
        pool = PoolModel(scenario)
        redo = RedoModel(scenario)
        result = RunResult(scenario: scenario, policy: policy)
        result.asyncLimit = redo.limits.asyncFlushAge
        result.syncLimit = redo.limits.syncFlushAge
        result.stopLimit = redo.limits.freeCheckCapacity
        decisions = makeDecisions(policy)
        usesLRUThreads = decisions.usesLRUThreads
        let count = pool.instances.count
        round = CleanerRound(FlushingRecommendation(instanceCount: count, lruPages: 1), at: 0)
        orderedPages = Array(repeating: 0, count: count)
        services = (0..<2 * count).map { ServiceModel(instance: $0 % count) }
        clients = Array(repeating: ClientModel(), count: scenario.phases.map(\.threads).max() ?? 0)
        chooser = PageChooser(.uniform, count: scenario.pageCount, seed: scenario.seed)
        fractions = SeededRandom(seed: scenario.seed ^ 0xF7AC)
        endMark = redo.end
        measuredCapacity = device.automaticCapacity(scenario.options.doublewrite)
        var recommendation = FlushingRecommendation(instanceCount: count, lruPages: pool.freeTarget)
        recommendation.nextRound = 0
        round = CleanerRound(recommendation, at: 0)
    }

    /// Runs a scenario under a policy.
    ///
    /// - Parameter observer: is given every decision of the page cleaner.
    package static func run(
        _ scenario: Scenario,
        policy: FlushingPolicy,
        observer: ((FlushingInputs, FlushingRecommendation) -> Void)? = nil
    ) -> RunResult {
        var run = VirtualRun(scenario, policy: policy)
        run.observer = observer
        return run.runAll()
    }

    // MARK: What follows from the options

    var batchPages: Int { max(1, scenario.options.doublewriteBatchPages) }
    var dirtyCount: Int { pool.dirtyCount }
    var dataEnd: UInt64 { UInt64(scenario.pageCount) * 16384 }
    var logPlace: UInt64 { dataEnd + UInt64(services.count * Self.ringBatches * (batchPages + 1)) * 16384 }
    var wakeTime: UInt64 { UInt64(scenario.machine.wakeTime) }
    /// How much longer work takes because more threads want processors than there are: clients that run, and threads
    /// that prepare pages to be written.
    var slowdown: Double { max(1, Double(runningCount) / max(0.1, scenario.machine.processors)) }

    // MARK: The course of events

    private mutating func runAll() -> RunResult {
        loadPool()
        begin()
        var nextSample: UInt64 = 100_000_000
        while true {
            let next = events.next ?? .max
            if nextSample <= phaseEnd && nextSample <= next {
                takeSample(nextSample)
                nextSample += 100_000_000
                continue
            }
            if phaseEnd <= next {
                guard phaseIndex + 1 < scenario.phases.count else { break }
                phaseIndex += 1
                beginPhase(at: phaseEnd)
                continue
            }
            guard let event = events.take() else { break }
            handle(event)
        }
        return result
    }

    private mutating func begin() {
        wakeCleaner(at: 0)
        events.add(.checkpointTimer, at: UInt64(scenario.checkpointInterval) * 1_000_000)
        if scenario.redoLimits == .redoubt { events.add(.throttle, at: 0) }
        events.add(.logTimer, at: 1_000_000_000)
        if usesLRUThreads {
            flushers = pool.instances.map { _ in FlusherModel(decisions: makeDecisions(policy)) }
            for index in flushers.indices { decideLRU(index, 0) }
        }
        if !scenario.phases.isEmpty { beginPhase(at: 0) }
    }

    /// Fills the pool, as a database that has run for a while has it, with clean pages.
    private mutating func loadPool() {
        let reserve = pool.freeTarget
        for page in 0..<scenario.pageCount {
            let index = pool.instance(of: page)
            guard pool.instances[index].free > reserve else { continue }
            pool.instances[index].free -= 1
            pool.insert(page, millisecond: 0)
        }
    }

    private mutating func handle(_ event: EventQueue.Event) {
        let (now, index) = (event.time, Int(event.index))
        switch event.kind {
        case .client: runClient(index, now)
        case .pageRead: complete(now) { $0.pageRead(index, now: now) }
        case .headFree: device.releaseHead(now, &events)
        case .prepared: prepared(index, now: now)
        case .copied: complete(now) { $0.copied(index, now: now) }
        case .copySynced: complete(now) { $0.beginWrites(index, now: now) }
        case .pageWritten: complete(now) { $0.pageWritten(index, now: now) }
        case .ringSynced: complete(now) { $0.ringSynced(index, now: now) }
        case .logWritten: complete(now) { $0.logWritten(now: now) }
        case .logSynced: complete(now) { $0.logSynced(now: now) }
        case .logTimer:
            wantRedo(redo.end, now: now)
            events.add(.logTimer, at: now + 1_000_000_000)
        case .cleaner: runCleaner(now)
        case .flusher: runFlusher(index, now)
        case .checkpointTimer:
            beginCheckpoint(now)
            if index == 0 { scheduleCheckpoint(now) }
        case .filesSynced: complete(now) { $0.filesSynced(now: now) }
        case .checkpointWritten: complete(now) { $0.checkpointWritten(now: now) }
        case .checkpointSynced: complete(now) { $0.checkpointSynced(now: now) }
        case .capacityTimer: askAgain(now)
        case .throttle: events.add(.throttle, at: adjustThrottle(now))
        case .scan: scan(now, phase: index)
        }
    }

    private mutating func scheduleCheckpoint(_ now: UInt64) {
        events.add(.checkpointTimer, at: now + UInt64(scenario.checkpointInterval) * 1_000_000)
    }

    @inline(__always)
    private mutating func complete(_ now: UInt64, _ body: (inout VirtualRun) -> Void) {
        device.complete(now: now)
        body(&self)
    }

    // MARK: Samples

    private mutating func takeSample(_ now: UInt64) {
        device.note(now)
        attributeWaits(now)
        sample.time = Double(now) / 1e9
        sample.transactions = durations.total
        sample.p99 = Double(durations.quantile(0.99)) / 1e6
        sample.longest = Double(durations.longest) / 1e6
        sample.checkpointAge = Int(redo.checkpointAge)
        sample.redoAge = Int(redo.end - min(redo.end, oldestModification ?? redo.end))
        sample.dirty = dirtyCount
        sample.free = pool.freeCount
        sample.redo = Int(redo.end - endMark)
        sample.deviceBytes = device.bytesWritten - deviceMark
        sample.queue = (device.queueTime - queueMark) / 1e8
        if let admission {
            let isHeld = sample.waitAdmission > 0
            sample.backPressure = admission < 1 ? .stopped : isHeld ? .delayed : .normal
        }
        (endMark, deviceMark, queueMark) = (redo.end, device.bytesWritten, device.queueTime)
        result.samples.append(sample)
        sample = Sample()
        durations.clear()
    }
}
