import Redoubt
import RedoubtCore
import RedoubtEngine
import RedoubtSimulation
package import RedoubtSystem

/// What one simulation came to.
package struct SwarmOutcome: Sendable {
    /// What it was about.
    package let configuration: SwarmConfiguration
    /// A hash of every choice of the schedule, every event of the disk, and what clients and recoveries found: equal
    /// for equal seeds.
    package var hash: UInt64 = 0
    /// The blocking points passed.
    package var stepCount = 0
    /// The events of the disk.
    package var eventCount = 0
    /// The operations of clients that ended.
    package var operationCount = 0
    /// The disks left by power cuts and kills, that were recovered and judged.
    package var cutCount = 0
    /// The longest virtual time of an operation.
    package var longestNanoseconds: UInt64 = 0
    /// Whether an error fenced the database.
    package var isFenced = false
    /// What was wrong.
    package var violations: [String] = []

    init(_ configuration: SwarmConfiguration) {
        self.configuration = configuration
    }
}

/// One simulation: the whole engine with all its threads, several clients, a thread that changes options, and one that
/// cuts the power; then every disk that was left is recovered and judged.
package struct SwarmWorld: Sendable {
    /// The longest virtual time that an operation may take.
    static let longestNanoseconds: UInt64 = 120_000_000_000
    /// The database of all simulations.
    static let path = "/db"

    private let configuration: SwarmConfiguration
    private let memory: KeptMemory
    private let board: SwarmBoard
    private let start: SwarmStart

    /// Runs the simulation of `seed` and judges it; large buffers come from `memory`.
    package static func run(seed: UInt64, memory: KeptMemory = KeptMemory()) -> SwarmOutcome {
        SwarmWorld(SwarmConfiguration(seed: seed), memory).run()
    }

    init(_ configuration: SwarmConfiguration, _ memory: KeptMemory) {
        self.configuration = configuration
        self.memory = memory
        board = SwarmBoard(clientCount: configuration.clientCount)
        start = configuration.isLoaded ? SwarmStart.loaded : SwarmStart.empty
    }

    func run() -> SwarmOutcome {
        var outcome = SwarmOutcome(configuration)
        let storage = SimulatedStorage(start.image, options: configuration.disk)
        let scheduler = SimulatedScheduler(seed: configuration.seed, choice: configuration.choice, memory: memory)
        let (cuts, violations) = scheduler.run { work(storage) }
        outcome.violations = violations + board.violations
        outcome.stepCount = scheduler.stepCount
        outcome.eventCount = storage.trace.count
        outcome.operationCount = board.operationCount
        outcome.longestNanoseconds = board.longestNanoseconds
        outcome.isFenced = !board.failures.isEmpty
        if outcome.longestNanoseconds > Self.longestNanoseconds {
            outcome.violations.append("an operation took \(outcome.longestNanoseconds / 1_000_000_000) s")
        }
        // Its rules are those of a disk that does not lie about a sync.
        if !configuration.mayFail {
            let flushing = FlushTrace(storage, doublewrite: configuration.database.flushing.doublewrite)
            if let breach = flushing.breaches.first { outcome.violations.append("the trace: \(breach)") }
        }
        var hash = mix(scheduler.traceHash ^ SwarmTrace.hash(storage.trace))
        let judge = SwarmJudge(configuration, board.models, memory)
        for (number, cut) in cuts.enumerated() {
            let verdict = judge.judge(cut, number)
            outcome.cutCount += 1
            hash = mix(hash ^ verdict.hash)
            if let wrong = verdict.wrong { outcome.violations.append("after \(cut.name) (\(number)): \(wrong)") }
        }
        outcome.hash = hash
        return outcome
    }

    /// What happens in the world; returns the disks that were left, and what was wrong.
    private func work(_ storage: SimulatedStorage) -> ([SwarmBoard.Cut], [String]) {
        var cuts: [SwarmBoard.Cut] = []
        var violations: [String] = []
        // Before faults are injected nothing may fail.
        var mayFail = false
        do throws(RedoubtError) {
            let database = try Self.open(storage, configuration, hasThreads: true)
            for name in SwarmClient.sharedKeyspaces { _ = try database.keyspace(named: name, createIfMissing: true) }
            try database.flush()
            for fault in configuration.faults { storage.inject(fault) }
            mayFail = configuration.mayFail
            let threads = try startThreads(database)
            cut(storage, &cuts)
            for thread in threads { Scheduling.join(thread) }
            let failures = board.failures
            if failures.isEmpty {
                if let wrong = try SwarmJudge(configuration, board.models, memory).wrong(of: database) {
                    violations.append("before it was closed: \(wrong)")
                }
            } else if !configuration.mayFail {
                violations += failures
            }
            cuts.append(board.cut(storage, drawnCut(99), mayFail: configuration.mayFail))
            cuts.append(board.cut(storage, nil, mayFail: configuration.mayFail))
            do throws(RedoubtError) {
                try database.close()
            } catch {
                if !configuration.mayFail { throw error }
            }
        } catch {
            if !mayFail { violations.append("\(error)") }
        }
        if cuts.isEmpty && violations.isEmpty { violations.append("no disk was left to be judged") }
        return (cuts, violations)
    }

    private func startThreads(_ database: Database) throws(RedoubtError) -> [EngineThread] {
        let configuration = configuration
        let board = board
        var threads: [EngineThread] = []
        for number in 0..<configuration.clientCount {
            let model = start.models[number]
            threads.append(
                try Scheduling.start("client \(number)") {
                    var client = SwarmClient(number, database, configuration, board, model: model)
                    client.run()
                }
            )
        }
        if configuration.changesOptions {
            threads.append(
                try Scheduling.start("tuner") { SwarmTuner(database, configuration, board).run() }
            )
        }
        return threads
    }

    /// Cuts the power at drawn moments while clients are at work.
    private func cut(_ storage: SimulatedStorage, _ cuts: inout [SwarmBoard.Cut]) {
        var random = SeededRandom(seed: configuration.seed ^ 0xC07)
        while cuts.count < configuration.cutCount && !board.isDone {
            // Of any order of magnitude, as nobody knows how long the clients take.
            Scheduling.sleep(microseconds: 50 + random.below(100 << random.below(12)))
            let isKill = random.below(5) == 0
            let cut = isKill ? nil : drawnCut(cuts.count)
            cuts.append(board.cut(storage, cut, mayFail: configuration.mayFail))
        }
    }

    private func drawnCut(_ number: Int) -> PowerCut {
        let seed = mix(configuration.seed &+ UInt64(number))
        var random = SeededRandom(seed: seed)
        switch random.below(6) {
        case 0: return .none
        case 1: return .all
        case 2, 3: return PowerCut(.seeded(seed))
        // Sector by sector, where a torn page can be put right.
        default: return configuration.repairsTornPages ? PowerCut(.mixed(seed)) : PowerCut(.seeded(seed))
        }
    }

    /// Opens the database on `storage` as `configuration` says.
    static func open(
        _ storage: SimulatedStorage,
        _ configuration: SwarmConfiguration,
        hasThreads: Bool
    ) throws(RedoubtError) -> Database {
        var options = EngineOptions()
        options.usesBackgroundThreads = hasThreads
        options.usesLogThreads = hasThreads
        // For `FlushTrace`.
        if hasThreads { options.flushListObserver = { storage.mark(.note($0.description)) } }
        return try Database.open(at: path, configuration: configuration.database, storage: storage, options: options)
    }
}

/// What a simulation begins with.
struct SwarmStart: Sendable {
    /// The disk.
    let image: DiskImage
    /// What each client has on it.
    let models: [ReferenceModel]

    private static let clientCount = 4
    private static let rowCount = 260

    private static let names = SwarmClient.sharedKeyspaces

    /// Nothing.
    static let empty = {
        let rows = Dictionary(uniqueKeysWithValues: names.map { ($0, ReferenceModel.Rows()) })
        return SwarmStart(
            image: DiskImage(),
            models: [ReferenceModel](repeating: ReferenceModel(rows), count: clientCount)
        )
    }()

    /// A database that is larger than the pool: 8 MiB of rows, of two of which a page has no room for a third.
    static let loaded = {
        var contents: [[String: ReferenceModel.Rows]] = []
        for client in 0..<clientCount {
            var rows: ReferenceModel.Rows = [:]
            for number in 0..<rowCount {
                let key = SwarmClient.prefix(client) + Array("\(5000 + number)".utf8)
                rows[key] = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 7000)
            }
            contents.append([names[0]: rows, names[1]: [:]])
        }
        let storage = SimulatedStorage()
        let make = { InlineScheduler().run { Result { () throws(RedoubtError) in try load(contents, storage) } } }
        #if REDOUBT_INTERLEAVING
        // Every simulation begins with it, also those without a planted bug.
        let outcome = Scheduling.planting(nil, make)
        #else
        let outcome = make()
        #endif
        if case .failure(let error) = outcome { fatalError("no database for the swarm: \(error)") }
        return SwarmStart(image: storage.image, models: contents.map { ReferenceModel($0) })
    }()

    private static func load(
        _ contents: [[String: ReferenceModel.Rows]],
        _ storage: SimulatedStorage
    ) throws(RedoubtError) {
        var configuration = SwarmConfiguration(seed: 0)
        configuration.database = Configuration()
        configuration.database.memory = .mebibytes(32)
        configuration.database.redoLog.capacity = .mebibytes(2)
        configuration.database.redoLog.fileCount = 4
        configuration.database.redoLog.bufferCapacity = .kibibytes(256)
        let database = try SwarmWorld.open(storage, configuration, hasThreads: false)
        for name in names {
            let keyspace = try database.createKeyspace(name)
            for content in contents {
                let rows = content[name] ?? [:]
                for key in rows.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                    guard let value = rows[key] else { continue }
                    try keyspace.put(key, value, durability: .deferred)
                }
            }
        }
        try database.close()
    }
}

/// A hash of a trace.
enum SwarmTrace {
    static func hash(_ trace: [SimulatedEvent]) -> UInt64 {
        trace.reduce(0) { mix($0 ^ hash($1)) }
    }

    private static func hash(_ event: SimulatedEvent) -> UInt64 {
        switch event {
        case .change(.write(let file, let offset, let bytes)), .start(.write(let file, let offset, let bytes)),
            .change(.atomicWrite(let file, let offset, let bytes)),
            .start(.atomicWrite(let file, let offset, let bytes)):
            let sum = unsafe bytes.withUnsafeBytes { unsafe Checksum.crc32c($0) }
            return mix(UInt64(file) << 40 ^ offset) ^ UInt64(sum)
        case .finish(let sequence): return UInt64(sequence) << 8
        default: return text("\(event)")
        }
    }

    private static func text(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
