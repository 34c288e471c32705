import Redoubt
package import RedoubtCore
package import RedoubtSimulation

/// What one simulation of the swarm is about: everything that can be set, drawn from its seed.
///
/// Each seed leaves most things out and drives some hard (Groce et al., "Swarm testing", ISSTA 2012): a mix of
/// everything in every run would hide what only shows where something else is rare.
package struct SwarmConfiguration: Sendable {
    /// How often a client does what, relative to the rest; 0 for what this seed leaves out.
    package struct Weights: Sendable {
        var put = 0
        var putLarge = 0
        var putOffPage = 0
        var delete = 0
        var deleteRange = 0
        var batch = 0
        var get = 0
        var scan = 0
        var checkpoint = 0
        var flush = 0
        var structure = 0
        var pause = 0

        var list: [Int] {
            [
                put, putLarge, putOffPage, delete, deleteRange, batch, get, scan, checkpoint, flush, structure, pause,
            ]
        }
    }

    /// The seed of everything.
    package let seed: UInt64
    /// What the database is opened with.
    package var database = Configuration()
    /// The disk.
    package var disk = SimulatedStorage.Options()
    /// The delays and errors of the disk.
    package var faults: [SimulatedFault] = []
    /// How it is chosen who runs next.
    package var choice = ScheduleChoice.uniform
    /// The clients.
    package var clientCount = 3
    /// The operations of each.
    package var operationCount = 40
    /// The different keys of a client.
    package var keyCount = 40
    /// What clients do.
    package var weights = Weights()
    /// Of 100 writes, those that wait for the device.
    package var flushedPercent = 50
    /// Of 100 writes, those that wait for nothing; the others are handed over.
    package var deferredPercent = 25
    /// Whether it begins with a database that is larger than the pool.
    package var isLoaded = false
    /// Whether options change while it runs.
    package var changesOptions = false
    /// The power cuts while it runs.
    package var cutCount = 3
    /// Whether what a power cut leaves is opened with all threads.
    package var recoversWithThreads = false

    /// Whether a call may fail and fence the database.
    package var mayFail: Bool {
        faults.contains { fault in
            if case .failure = fault.effect { true } else { false }
        }
    }

    /// Whether a torn page can be put right.
    package var repairsTornPages: Bool {
        database.flushing.doublewrite == .on || database.flushing.doublewrite == .changedSectors
    }

    /// Draws what belongs to `seed`.
    package init(seed: UInt64) {
        self.seed = seed
        var random = SeededRandom(seed: seed ^ 0x5A4)
        drawMemoryAndLog(&random)
        drawFlushing(&random)
        drawDisk(&random)
        drawClients(&random)
        drawFaults(&random)
    }

    private mutating func drawMemoryAndLog(_ random: inout SeededRandom) {
        isLoaded = random.below(2) == 0
        database.memory = .mebibytes(8 + random.below(3))
        if random.below(3) == 0 { database.memoryMaximum = .mebibytes(16) }
        database.durability = [.flushed, .written, .deferred][random.below(3)]
        database.bufferPool.hugePages = false
        database.bufferPool.instanceCount = 1 + random.below(4)
        database.bufferPool.lruScanDepth = 16 << random.below(4)
        database.bufferPool.oldSublistMilliseconds = random.below(3) * 10
        database.bufferPool.readAheadThreshold = [0, 1, 8, 56][random.below(4)]
        database.bufferPool.randomReadAhead = random.below(3) == 0
        database.bufferPool.dumpsAtClose = random.below(2) == 0
        database.redoLog.capacity = .mebibytes(isLoaded ? 2 : 2 + random.below(3))
        database.redoLog.fileCount = 4
        database.redoLog.bufferCapacity = .kibibytes(256)
        let shapes = Configuration.RedoLog.Shape.allCases
        database.redoLog.shape = shapes[random.below(shapes.count)]
        database.redoLog.writeAheadSize = ByteCount(rawValue: 512 << random.below(6))
        database.redoLog.checkpointIntervalMilliseconds = [10, 50, 1000][random.below(3)]
        database.redoLog.deferredFlushMilliseconds = [1, 5, 100, 1000][random.below(4)]
    }

    private mutating func drawFlushing(_ random: inout SeededRandom) {
        let policies = FlushingPolicy.allCases
        database.flushing.policy = policies[random.below(policies.count)]
        database.flushing.ioCapacity = .pagesPerSecond(100 << random.below(6))
        database.flushing.dirtyPagePercentMaximum = [5, 30, 90][random.below(3)]
        database.flushing.dirtyPagePercentLowWater = random.below(6)
        database.flushing.adaptive = random.below(4) > 0
        database.flushing.redoAgePercentLowWater = random.below(3) * 10
        database.flushing.averagingLoops = 1 + random.below(30)
        database.flushing.flushSync = random.below(2) == 0
        database.flushing.idlePercent = [0, 10, 100][random.below(3)]
        let neighbours = Configuration.Neighbours.allCases
        database.flushing.neighbours = neighbours[random.below(neighbours.count)]
        database.flushing.cleanerThreads = 1 + random.below(4)
        let modes = Configuration.Doublewrite.allCases
        // Half of them with copies.
        database.flushing.doublewrite = random.below(2) == 0 ? .on : modes[random.below(modes.count)]
        database.flushing.doublewriteBatchPages = 1 << random.below(6)
        database.flushing.targetRecoveryTime = .seconds(1 + random.below(30))
        database.storage.queueDepth = 1 << random.below(8)
    }

    private mutating func drawDisk(_ random: inout SeededRandom) {
        disk.latencyMicroseconds = [1, 20, 100, 1000][random.below(4)]
        disk.reordersCompletions = random.below(4) > 0
        disk.seed = seed
        disk.atomicWriteUnit = random.below(3) == 0 ? 16384 : 0
        if random.below(2) == 0 {
            choice = .priorities(changes: 3 + random.below(8), steps: 200 << random.below(6))
        }
        recoversWithThreads = random.below(4) == 0
    }

    private mutating func drawClients(_ random: inout SeededRandom) {
        clientCount = 3 + random.below(2)
        operationCount = 20 + random.below(40)
        keyCount = [8, 40, 200][random.below(3)]
        flushedPercent = [0, 20, 60, 100][random.below(4)]
        deferredPercent = (100 - flushedPercent) * random.below(3) / 2
        changesOptions = random.below(2) == 0
        func draw(_ weights: Int...) -> Int { weights[random.below(weights.count)] }
        weights.put = draw(5, 20, 40)
        weights.putLarge = draw(0, 10, 40)
        weights.putOffPage = draw(0, 0, 8)
        weights.delete = draw(0, 5, 20)
        weights.deleteRange = draw(0, 2, 6)
        weights.batch = draw(0, 5, 20)
        weights.get = draw(0, 10, 40)
        weights.scan = draw(0, 2, 10)
        weights.checkpoint = draw(0, 1, 4)
        weights.flush = draw(0, 2)
        weights.structure = draw(0, 0, 3)
        weights.pause = draw(0, 2, 10)
    }

    private mutating func drawFaults(_ random: inout SeededRandom) {
        for _ in 0..<[0, 0, 4][random.below(3)] {
            let operation = [SimulatedFault.Operation.write, .read, .sync, .extend][random.below(4)]
            let delay = SimulatedFault.Effect.delay(microseconds: 1000 << random.below(10))
            faults.append(SimulatedFault(operation, skipping: random.below(60), effect: delay))
        }
        guard random.below(5) == 0 else { return }
        // A write that fails leaves a torn page.
        let operations: [SimulatedFault.Operation] = repairsTornPages ? [.write, .sync, .extend] : [.sync]
        let operation = operations[random.below(operations.count)]
        let aftermaths = SyncAftermath.allCases
        faults.append(
            SimulatedFault(
                operation,
                skipping: random.below(4 << random.below(6)),
                isPermanent: random.below(2) == 0,
                aftermath: aftermaths[random.below(aftermaths.count)],
                seed: seed
            )
        )
    }
}

extension SwarmConfiguration: CustomStringConvertible {
    /// What was drawn, in a few words.
    package var description: String {
        let flushing = database.flushing
        return "seed \(seed): \(choice), \(clientCount) clients x \(operationCount), "
            + "\(flushing.policy), doublewrite \(flushing.doublewrite), neighbours \(flushing.neighbours), "
            + "\(database.bufferPool.instanceCount) instances, \(flushing.cleanerThreads) cleaners, "
            + "log \(database.redoLog.shape), \(isLoaded ? "loaded" : "empty"), \(faults.count) faults"
            + (mayFail ? " (one an error)" : "")
    }
}
