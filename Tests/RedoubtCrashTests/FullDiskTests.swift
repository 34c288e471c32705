import Redoubt
import RedoubtSimulation
import RedoubtSystem
import Synchronization
import TestSupport
import Testing

@testable import RedoubtSiege

/// Goal: a disk that is full now and then loses nothing: a page that it tore is put right after a power cut, calls end
/// with a typed error or work, and everything goes on when there is space.
/// Method: page writes that find no space and leave half of the page, under a workload with every power cut; one at
/// each write in turn; and space that comes and goes at random under clients who know what they wrote.
@Suite(.serialized, .timeLimit(.minutes(30))) struct FullDiskTests {
    private static let full = SimulatedFault.Effect.failure(errno: SimulatedFault.noSpace)

    private static let profile = CrashProfile("full disk", share: 0.1, preparationCount: 60, operationCount: 40) {
        $0.checkpoint = 20
        $0.createKeyspace = 0
        $0.dropKeyspace = 0
        $0.renameKeyspace = 0
    }

    private func judge(_ doublewrite: Configuration.Doublewrite) throws -> CrashReport {
        var faults: [SimulatedFault] = []
        for index in 0..<6 {
            faults.append(SimulatedFault(.write, role: .data, skipping: 2 + 4 * index, effect: Self.full))
            faults.append(SimulatedFault(.write, role: .doublewrite, skipping: 1 + 2 * index, effect: Self.full))
            faults.append(SimulatedFault(.write, role: .redo, skipping: 5 + 11 * index, effect: Self.full))
        }
        let run = try CrashRun(
            Self.profile,
            seed: CrashBudget.seed,
            doublewrite: doublewrite,
            faults: faults
        )
        #expect(run.storage.firedFaultCount >= (doublewrite == .on ? 4 : 2))
        if doublewrite == .on {
            let writes = WriteTrace(run.storage.trace)
            #expect(writes.breaches == [] && writes.tornCount >= 2 && run.flushing.tornCount >= 2)
        }
        let report = run.explorer(statesPerPoint: CrashBudget.statesPerPoint).judge(
            seconds: CrashBudget.seconds(share: Self.profile.share)
        ) { state in
            try run.judge(state)
        }
        print("full disk, doublewrite \(doublewrite), seed \(CrashBudget.seed): \(report)")
        return report
    }

    @Test func `a page torn for want of space is put right from its copy after a power cut`() throws {
        let report = try judge(.on)
        #expect(report.failureCount == 0 && report.judgedCount > 0)
    }

    @Test func `without copies such a page is lost`() throws {
        #expect(try judge(.off).failureCount > 0)
    }

    @Test("no space for any one write is waited out", arguments: [FileRole.data, .doublewrite, .redo])
    func anyWrite(_ role: FileRole) throws {
        let counts = try FaultSweep(.write, role: role, errno: SimulatedFault.noSpace).run(limit: 40) { world, error in
            // The first pages of a new keyspace are written by the call that creates it.
            if let error, error.code != .diskFull { return "\(error)" }
            return world.goOn()
        }
        print("no space for a write, \(role): \(counts)")
        #expect(counts.faultCount > 0 && (counts.tornCount > 0) == (role == .data))
    }

    @Test(
        "closing a full disk ends with the error, and leaves what recovers",
        arguments: [FileRole.data, .doublewrite, .redo]
    )
    func close(_ role: FileRole) throws {
        let storage = SimulatedStorage()
        let outcome = SimulatedScheduler(seed: CrashBudget.seed).run { () -> Result<Void, any Error> in
            Result {
                let database = try EngineClient.open(storage)
                let keyspace = try database.createKeyspace("k")
                let value = [UInt8](repeating: 1, count: 900)
                for number in 0..<300 { try keyspace.put(Array("row \(number)".utf8), value) }
                storage.inject(SimulatedFault(.write, role: role, isPermanent: true, effect: Self.full))
                #expect { try database.checkpoint() } throws: { ($0 as? RedoubtError)?.code == .diskFull }
                #expect { try database.close() } throws: { ($0 as? RedoubtError)?.code == .diskFull }
                for cut in [storage.powerCut(.none), storage.powerCut(.all)] {
                    let again = try EngineClient.open(cut)
                    let rows = try EngineClient.content(of: again)["k"]
                    #expect(rows?.count == 300)
                    #expect(try again.check().isEmpty)
                    try again.close()
                    #expect(FlushTrace(cut).breaches == [])
                }
            }
        }
        try outcome.get()
        #expect(FlushTrace(storage).breaches == [])
    }

    @Test(
        "space that comes and goes at random: refused calls changed nothing, all others last",
        arguments: CrashBudget.seed..<CrashBudget.seed + 6
    )
    func comesAndGoes(_ seed: UInt64) throws {
        var options = SimulatedStorage.Options()
        options.latencyMicroseconds = 20
        options.reordersCompletions = true
        options.seed = seed
        let storage = SimulatedStorage(options: options)
        let outcome = SimulatedScheduler(seed: seed).run { () -> Result<String, any Error> in
            Result { try FullDiskWorld(storage, seed).run() }
        }
        let trace = FlushTrace(storage)
        print("space comes and goes, seed \(seed): \(try outcome.get()), \(trace.tornCount) torn pages")
        #expect(trace.breaches.prefix(3) == [])
    }
}

/// Clients with keys of their own on a disk that is full now and then.
private final class FullDiskWorld: Sendable {
    private struct Board: Sendable {
        var rows: ReferenceModel.Rows = [:]
        var failures: [RedoubtError] = []
        var doneCount = 0
        var refusedCount = 0
    }

    private static let clientCount = 4
    private static let stepCount = 400
    private let storage: SimulatedStorage
    private let seed: UInt64
    private let board = Mutex(Board())

    init(_ storage: SimulatedStorage, _ seed: UInt64) {
        self.storage = storage
        self.seed = seed
    }

    func run() throws -> String {
        let database = try EngineClient.open(storage)
        let keyspace = try database.createKeyspace("shared")
        var threads: [EngineThread] = []
        for number in 0..<Self.clientCount {
            threads.append(try Scheduling.start("client \(number)") { self.write(keyspace, number) })
        }
        var random = SeededRandom(seed: seed)
        var fullCount = 0
        while board.withLock({ $0.doneCount }) < Self.clientCount {
            Scheduling.sleep(microseconds: 1000 * random.below(15))
            let roles: [FileRole?] = [.data, .doublewrite, .redo, nil]
            let role = roles[random.below(4)]
            let kinds: [SimulatedFault.Operation] = role == nil ? [.extend] : [.write, .extend]
            for kind in kinds {
                storage.inject(
                    SimulatedFault(
                        kind,
                        role: role ?? .data,
                        skipping: random.below(20),
                        isPermanent: true,
                        effect: .failure(errno: SimulatedFault.noSpace)
                    )
                )
            }
            Scheduling.sleep(microseconds: 1000 * random.below(400))
            storage.removeFaults()
            fullCount += 1
        }
        for thread in threads { Scheduling.join(thread) }
        let (rows, failures, refused) = board.withLock { ($0.rows, $0.failures, $0.refusedCount) }
        if let failure = failures.first { throw CrashRun.Finding("a client: \(failure)") }
        try compare(database, rows, "before the power cut")
        // What was refused may be tried again, and nothing is stuck.
        try keyspace.put(Array("last".utf8), [UInt8](repeating: 1, count: 100_000))
        _ = try keyspace.delete(Array("last".utf8))
        let disk = storage.powerCut(PowerCut(.seeded(seed)))
        try database.checkpoint()
        try database.close()
        let recovered = try EngineClient.open(disk)
        try compare(recovered, rows, "after the power cut")
        try recovered.close()
        if let breach = FlushTrace(disk).breaches.first { throw CrashRun.Finding("recovery: \(breach)") }
        return "\(fullCount) times full, \(refused) calls refused of \(Self.clientCount * Self.stepCount)"
    }

    private func compare(_ database: Database, _ rows: ReferenceModel.Rows, _ place: String) throws {
        let found = try EngineClient.content(of: database)
        guard found == ["shared": rows] else {
            throw CrashRun.Finding("\(place): \(ReferenceModel(["shared": rows]).differences(from: found))")
        }
        if let finding = try database.check().first { throw CrashRun.Finding("\(place): \(finding)") }
    }

    private func write(_ keyspace: Keyspace, _ number: Int) {
        var random = SeededRandom(seed: seed &* 100 &+ UInt64(number))
        var rows: ReferenceModel.Rows = [:]
        for step in 0..<Self.stepCount {
            let key = Array("key \(random.below(60)) of \(number)".utf8)
            let size = random.below(8) == 0 ? 40_000 : 1 + random.below(6000)
            let value = [UInt8](repeating: UInt8(step % 251), count: size)
            let isDelete = random.below(4) == 0
            do throws(RedoubtError) {
                if isDelete {
                    _ = try keyspace.delete(key)
                    rows[key] = nil
                } else {
                    try keyspace.put(key, value)
                    rows[key] = value
                }
                guard try keyspace.get(key) == rows[key] else {
                    throw RedoubtError(.corruptPage, "client \(number) reads what it did not write")
                }
            } catch {
                // Made, and durable when there is room again.
                if error.code == .notDurable { rows[key] = isDelete ? nil : value }
                guard error.code == .diskFull || error.code == .notDurable else {
                    board.withLock { $0.failures.append(error) }
                    break
                }
                board.withLock { $0.refusedCount += 1 }
            }
        }
        board.withLock { board in
            board.rows.merge(rows) { $1 }
            board.doneCount += 1
        }
    }
}
