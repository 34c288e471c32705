import RedoubtCore
import RedoubtPolicy

/// A model of pages, a device and writers in virtual time, in which a policy of flushing decides.
///
/// Updates fall evenly on pages that are all in memory; each adds redo. The device writes so many pages a second, each
/// no faster than its latency. Writers stop where the log is full, and keep to the rate that the policy admits. Time
/// goes in milliseconds; the same seed gives the same run.
struct FlushSimulation {
    /// The pages that updates fall on.
    var pageCount = 16384
    /// The redo of one update, in bytes.
    var updateSize = 1500.0
    /// Pages that the device writes in a second.
    var devicePages = 4000.0
    /// The least time of a write, in milliseconds.
    let deviceLatency = 1
    /// The depth of the device's queue.
    let queueDepth = 64
    /// The phases.
    ///
    /// The first fills the log: all pages become dirty in its first part.
    var phases = [30, 15, 20, 15, 20].enumerated().map { Phase($1, load: [0.3, 0.3, 1, 0.3, 3][$0]) }
    /// The options; the capacity is the device's.
    var options = Configuration.Flushing()
    /// Whether to print a line each second.
    var trace = false

    /// A time of constant load on a constant device.
    struct Phase {
        /// How long it takes.
        let seconds: Int
        /// The redo that writers want to add, as a share of what the device sustains.
        let load: Double
        /// The device's speed, as a share of what it has at its best.
        let device: Double

        init(_ seconds: Int, load: Double, device: Double = 1) {
            (self.seconds, self.load, self.device) = (seconds, load, device)
        }
    }

    private let policy: FlushingPolicy
    private var decisions: any FlushingDecisions
    private var random: SeededRandom
    private let limits = Self.limits
    private var lsn = 8204.0
    private var checkpoint: UInt64 = 8204
    private var oldest: [UInt64]
    private var queues: [[Int32]]
    private var heads: [Int]
    private var ages: [DirtyAges]
    private var flight: [(page: Int32, done: Int, oldest: UInt64)] = []
    private var flightHead = 0
    private var deviceCredit = 0.0
    private var deviceRate = 0.0
    private var updateCredit = 0.0
    private var written: UInt64 = 0
    private var latencies: [(time: Int, latency: Int)] = []
    private var recommendation: FlushingRecommendation
    private var tokens: [Double]
    private var decidedAt = 0
    private var redoBefore = 0.0

    /// The limits of a log of 100 MiB in 32 files.
    static var limits: FlushingInputs.RedoLimits {
        var limits = FlushingInputs.RedoLimits()
        limits.capacity = 100 << 20
        limits.syncFlushAge = 87_086_592
        limits.asyncFlushAge = 81_281_024
        limits.margin = 5_474_908
        limits.freeCheckCapacity = 87_417_344
        limits.dirtyPageAge = 75_805_696
        limits.relaxedOrderWindow = 1 << 20
        return limits
    }

    /// The age that a policy must not exceed.
    static var syncLimit: Double { Double(limits.syncFlushAge - limits.margin - limits.relaxedOrderWindow) }
    /// The age that `redoubt` must not exceed: it needs no margin, because checkpoints follow before writers stop.
    static var redoubtLimit: Double {
        let byCredit = limits.freeCheckCapacity - limits.freeCheckCapacity / 32
        return Double(min(limits.syncFlushAge, byCredit) - limits.relaxedOrderWindow)
    }

    /// Redo per second that the device sustains at 90 % of the sync limit: pages are written at `redo x pages / (redo
    /// between two updates of a page + age)`.
    var sustainedRedo: Double {
        devicePages * (Double(pageCount) * updateSize + 0.9 * Self.syncLimit) / Double(pageCount)
    }

    init(policy: FlushingPolicy, seed: UInt64) {
        self.policy = policy
        decisions = makeDecisions(policy)
        random = SeededRandom(seed: seed)
        oldest = []
        queues = [[], []]
        heads = [0, 0]
        ages = [DirtyAges(redoCapacity: 100 << 20), DirtyAges(redoCapacity: 100 << 20)]
        tokens = [0, 0]
        recommendation = FlushingRecommendation(instanceCount: 2, lruPages: 1)
        recommendation.nextRound = 0
    }

    /// Runs all phases.
    mutating func run() -> FlushReport {
        oldest = [UInt64](repeating: 0, count: pageCount)
        var report = FlushReport(policy: policy, syncLimit: policy == .redoubt ? Self.redoubtLimit : Self.syncLimit)
        var now = 0
        for phase in phases {
            report.begin(load: phase.load)
            let demand = phase.load * sustainedRedo
            deviceRate = devicePages * phase.device
            for second in 0..<phase.seconds {
                for _ in 0..<1000 {
                    step(now, demand: demand)
                    report.sample(
                        millisecond: now,
                        sinceStep: now - report.phaseStart,
                        lsn: lsn,
                        age: age,
                        dirty: ages[0].total + ages[1].total + flight.count - flightHead,
                        written: written
                    )
                    now += 1
                }
                if trace {
                    print(
                        now / 1000,
                        second,
                        "age",
                        Int(1000 * age / Self.syncLimit),
                        "dirty",
                        ages[0].total + ages[1].total,
                        "written",
                        written,
                        "redo",
                        Int((lsn - redoBefore) / 1000),
                        recommendation
                    )
                    redoBefore = lsn
                }
            }
        }
        return report
    }

    private var age: Double { lsn - Double(oldestModification ?? UInt64(lsn)) }

    private var oldestModification: UInt64? {
        var least: UInt64?
        for index in 0..<2 where heads[index] < queues[index].count {
            let found = oldest[Int(queues[index][heads[index]])]
            least = min(least ?? found, found)
        }
        for entry in flight[flightHead...] { least = min(least ?? entry.oldest, entry.oldest) }
        return least
    }

    private mutating func step(_ now: Int, demand: Double) {
        complete(now)
        let bound = oldestModification.map { $0 - min($0, 1 << 20) } ?? UInt64(lsn)
        let isWorthwhile = CheckpointBound.isWorthwhile(
            bound: bound,
            checkpoint: checkpoint,
            current: UInt64(lsn),
            capacity: limits.freeCheckCapacity
        )
        if now % 1000 == 0 || isWorthwhile { checkpoint = max(checkpoint, bound) }
        decideIfDue(now)
        submit(now)
        update(demand: min(demand, recommendation.admission ?? demand))
    }

    private mutating func update(demand: Double) {
        updateCredit += demand / 1000 / updateSize
        while updateCredit >= 1 {
            updateCredit -= 1
            // The log is full: what writers wanted to do is lost, as they wait.
            if lsn - Double(checkpoint) > Double(limits.freeCheckCapacity) { continue }
            let page = random.below(pageCount)
            if oldest[page] == 0 {
                oldest[page] = UInt64(lsn)
                queues[page % 2].append(Int32(page))
                ages[page % 2].add(UInt64(lsn))
            }
            lsn += updateSize
        }
    }

    private mutating func submit(_ now: Int) {
        let window = min(queueDepth, recommendation.writeWindow ?? queueDepth)
        for index in 0..<2 where recommendation.isPaced {
            let round = Double(recommendation.nextRound) / 1e6
            tokens[index] += Double(recommendation.listPages[index]) / max(1, round)
        }
        while flight.count - flightHead < window, let index = nextList {
            let page = queues[index][heads[index]]
            let modification = oldest[Int(page)]
            if modification >= recommendation.lsnLimit {
                tokens[index] = 0
                continue
            }
            tokens[index] -= 1
            heads[index] += 1
            ages[index].remove(modification)
            oldest[Int(page)] = 0
            flight.append((page, now, modification))
        }
        for index in 0..<2 {
            if heads[index] == queues[index].count { tokens[index] = 0 }
            if heads[index] > 100_000 {
                queues[index].removeFirst(heads[index])
                heads[index] = 0
            }
        }
    }

    /// The list to write from next: lists are served side by side.
    private var nextList: Int? {
        let waiting = (0..<2).filter { tokens[$0] >= 1 && heads[$0] < queues[$0].count }
        return waiting.max { tokens[$0] < tokens[$1] }
    }

    private mutating func complete(_ now: Int) {
        deviceCredit = min(deviceCredit + deviceRate / 1000, Double(flight.count - flightHead) + 1)
        while flightHead < flight.count, deviceCredit >= 1, flight[flightHead].done + deviceLatency <= now {
            latencies.append((now, now - flight[flightHead].done))
            flightHead += 1
            deviceCredit -= 1
            written += 1
        }
        if flightHead > 4096 {
            flight.removeFirst(flightHead)
            flightHead = 0
        }
    }

    private mutating func decideIfDue(_ now: Int) {
        let elapsed = now - decidedAt
        guard now == 0 || elapsed >= max(1, Int(recommendation.nextRound / 1_000_000)) else { return }
        decidedAt = now
        latencies.removeAll { $0.time < now - 100 }
        var inputs = FlushingInputs()
        inputs.now = UInt64(now) * 1_000_000
        inputs.currentLSN = UInt64(lsn)
        inputs.closedLSN = UInt64(lsn)
        inputs.checkpointLSN = checkpoint
        inputs.oldestModification = oldestModification
        inputs.listPagesWritten = written
        inputs.writesInFlight = flight.count - flightHead
        inputs.writeLatency.minimum = UInt64((latencies.map(\.latency).min() ?? 0) * 1_000_000)
        inputs.limits = limits
        inputs.options = options
        inputs.ioCapacity = Int(devicePages / 2)
        inputs.options.ioCapacityMaximum = Int(devicePages)
        inputs.instances = ages.map { ages in
            var instance = FlushingInputs.Instance(ages: ages)
            instance.dirtyPageCount = ages.total
            instance.pageCount = pageCount
            instance.freeFrameCount = 1024
            instance.freeFrameTarget = 1024
            return instance
        }
        recommendation = decisions.decide(inputs)
        tokens = recommendation.isPaced ? tokens.map { min($0, 1) } : recommendation.listPages.map(Double.init)
    }
}
