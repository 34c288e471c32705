import Redoubt
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

/// Goal: the whole engine with several clients and all its background threads does the right thing in every schedule,
/// and one seed is one history. Method: clients with keys of their own write, read and delete in a simulated world,
/// each seed twice; the content is what the clients believe, before and after a power cut.
@Suite(.serialized, .timeLimit(.minutes(30))) struct ScheduleTests {
    @Test("clients in a simulated schedule, each seed twice", arguments: CrashBudget.seed..<CrashBudget.seed + 4)
    func clients(_ seed: UInt64) throws {
        let first = try ClientWorld.run(seed: seed)
        let second = try ClientWorld.run(seed: seed)
        #expect(first.scheduleHash == second.scheduleHash)
        #expect(first.eventCount == second.eventCount)
        print("schedule of seed \(seed): \(first.stepCount) steps, \(first.eventCount) events")
    }
}

/// Several clients on one database in a simulated world.
private struct ClientWorld: Sendable {
    let scheduleHash: UInt64
    let stepCount: Int
    let eventCount: Int

    static let clientCount = 4

    static func run(seed: UInt64) throws -> ClientWorld {
        var options = SimulatedStorage.Options()
        options.latencyMicroseconds = 20
        options.reordersCompletions = true
        options.seed = seed
        let storage = SimulatedStorage(options: options)
        let scheduler = SimulatedScheduler(seed: seed)
        let outcome = scheduler.run { () -> Result<Void, any Error> in Result { try runInside(storage, seed) } }
        try outcome.get()
        if let breach = FlushTrace(storage).breaches.first { throw CrashRun.Finding(breach.description) }
        return ClientWorld(
            scheduleHash: scheduler.traceHash,
            stepCount: scheduler.stepCount,
            eventCount: storage.trace.count
        )
    }

    private static func runInside(_ storage: SimulatedStorage, _ seed: UInt64) throws {
        let database = try EngineClient.open(storage)
        let keyspace = try database.createKeyspace("shared")
        let board = Board(keyspace: keyspace)
        var threads: [EngineThread] = []
        for number in 0..<clientCount {
            threads.append(
                try Scheduling.start("client \(number)") {
                    let rows = write(board.keyspace, number, seed)
                    board.results.withLock { $0.append(rows) }
                }
            )
        }
        for thread in threads { Scheduling.join(thread) }
        var expected: [[UInt8]: [UInt8]] = [:]
        for rows in board.results.withLock({ $0 }) { expected.merge(try rows.get()) { $1 } }
        try compare(database, expected, "before the power cut")
        let disk = storage.powerCut(PowerCut(.seeded(seed)))
        try database.close()
        let recovered = try EngineClient.open(disk)
        try compare(recovered, expected, "after the power cut")
        try recovered.close()
        if let breach = FlushTrace(disk).breaches.first { throw CrashRun.Finding("recovery: \(breach)") }
    }

    private static func compare(_ database: Database, _ expected: ReferenceModel.Rows, _ place: String) throws {
        let found = try EngineClient.content(of: database)
        guard found == ["shared": expected] else {
            let model = ReferenceModel(["shared": expected])
            throw CrashRun.Finding("\(place): \(model.differences(from: found))")
        }
        if let finding = try database.check().first { throw CrashRun.Finding("\(place): \(finding)") }
    }

    private static func write(
        _ keyspace: Keyspace,
        _ number: Int,
        _ seed: UInt64
    ) -> Result<ReferenceModel.Rows, RedoubtError> {
        var random = SeededRandom(seed: seed &* 100 &+ UInt64(number))
        var rows: ReferenceModel.Rows = [:]
        do throws(RedoubtError) {
            for step in 0..<60 {
                let key = Array("key \(random.below(40)) of \(number)".utf8)
                switch random.below(10) {
                case 0..<6:
                    let value = [UInt8](repeating: UInt8(step), count: 1 + random.below(4000))
                    try keyspace.put(key, value)
                    rows[key] = value
                case 6..<8:
                    _ = try keyspace.delete(key)
                    rows[key] = nil
                default:
                    let found = try keyspace.get(key)
                    guard found == rows[key] else {
                        return .failure(RedoubtError(.corruptPage, "client \(number) read what it did not write"))
                    }
                }
            }
            return .success(rows)
        } catch {
            return .failure(error)
        }
    }
}

/// What the clients share.
private final class Board: Sendable {
    let keyspace: Keyspace
    let results = Mutex<[Result<ReferenceModel.Rows, RedoubtError>]>([])

    init(keyspace: Keyspace) {
        self.keyspace = keyspace
    }
}
